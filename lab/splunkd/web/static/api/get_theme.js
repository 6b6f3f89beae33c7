// Splunk's theme of the user who looks.
window.__get_theme__ = { getTheme: () => Promise.resolve("enterprise") };
