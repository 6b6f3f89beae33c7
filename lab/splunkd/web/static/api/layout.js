// Splunk's bars above a page, here one line that says what this is, and the element the page goes into.
window.__splunk_layout__ = {
  create: () => {
    const bar = document.createElement("header");
    bar.setAttribute("data-view", "splunkjs/mvc/headerview");
    bar.style.cssText = "background:#171d21;color:#fff;font:14px/40px sans-serif;padding:0 16px";
    bar.textContent = `${window.$C.app_label} \u2013 stand-in for Splunk Web, signed in as ${window.$C.USERNAME}`;
    const container = document.createElement("div");
    container.style.cssText = "display:flex;flex-direction:column;min-height:calc(100vh - 40px)";
    document.body.style.margin = "0";
    document.body.append(bar, container);
    return { getContainerElement: () => container };
  },
};
