"""A real browser for tests of pages and dashboards, set up from packages alone."""

from .chromium import Chromium, find_chromium, open_browser
from .errors import BrowserUnavailable

__all__ = ["BrowserUnavailable", "Chromium", "find_chromium", "open_browser"]
