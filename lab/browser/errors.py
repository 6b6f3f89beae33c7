"""What can go wrong around the browser."""


class BrowserUnavailable(Exception):
    """The browser cannot be set up or started here. The message says why and what would be needed."""
