"""One page of a browser in which dashboards are opened, one after the other."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Set, Tuple
from urllib.parse import urlencode

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request, Response, Route

WIDTH_PX = 1440
#: A little more than the longest dashboard has: without a graphics card every pixel costs.
_LONGEST_PX = 2200
#: A machine may be busy; a dashboard that is going to be drawn is so within seconds.
_PATIENCE_S = 240.0
#: The page asks each second how far its searches are; it is done when it asks nothing for longer.
_QUIET_S = 2.5
_TEXTS = """() => Object.fromEntries([...document.querySelectorAll('[data-test="viz-item"]')].map(
    (each) => [each.dataset.id, each.innerText]))"""
#: The line that says how far a search is goes a moment after its last rows came.
_NO_PROGRESS = """() => ![...document.querySelectorAll('[data-test="viz-item"]')].some(
    (each) => /^\\d+% complete/.test(each.innerText))"""
_HEIGHT = """() => Math.ceil(Math.max(...[...document.querySelectorAll('[data-test="viz-item"]')].map(
    (each) => each.getBoundingClientRect().bottom)) + 8)"""


class DashboardPage:
    """Opens dashboards that a stand-in for Splunk Web serves. ``web_uri``: where that is."""

    def __init__(self, browser: Browser, web_uri: str, app: str = "aws_siem_bridge") -> None:
        #: Of the dashboard that is open: what it wrote to the console as an error, and what it did not catch.
        self.complaints: List[str] = []
        #: Of the dashboard that is open: addresses outside of the stand-in that it asked for.
        self.strangers: List[str] = []
        self._app_uri = f"{web_uri}/en-US/app/{app}"
        self._own = (f"{web_uri}/", "data:", "blob:")
        self._is_loaded = False
        self._asked = 0
        self._last_s = 0.0
        # A language that the machine may not name: without one the page stays empty.
        self._page = browser.new_context(locale="en-US").new_page()
        self._page.set_default_timeout(_PATIENCE_S * 1000)
        self._cancelled: Set[str] = set()
        self._page.on("console", lambda message: self._complain(message.text) if message.type == "error" else None)
        self._page.on("response", self._answered)
        self._page.on("pageerror", lambda error: self._complain(str(error)))
        self._page.on("request", self._began)
        for event in ("requestfinished", "requestfailed"):
            self._page.on(event, lambda request: self._ended())

    def open(self, name: str, theme: str, span: Tuple[str, str]) -> Dict[str, str]:
        """Open a dashboard for a time range and return panel -> the text in it, when all of it is drawn.

        ``theme``: ``light`` or ``dark``. Raises TimeoutError.
        """
        self.complaints.clear()
        self.strangers.clear()
        earliest, latest = span
        query = {"theme": theme, "form.global_time.earliest": earliest, "form.global_time.latest": latest}
        address = f"{self._app_uri}/{name}?{urlencode(query)}"
        # All of it in the window: what is below is not drawn until somebody scrolls there.
        self._page.set_viewport_size({"width": WIDTH_PX, "height": _LONGEST_PX})
        if self._is_loaded:
            self._page.evaluate("(address) => window.goTo(address)", address)
        else:
            self._page.goto(address)
            self._is_loaded = True
        self._page.wait_for_selector('[data-test="viz-item"]')
        self._wait_until_quiet()
        self._page.wait_for_function(_NO_PROGRESS)
        texts: Dict[str, str] = self._page.evaluate(_TEXTS)
        return texts

    def problems(self) -> List[Dict[str, Any]]:
        """Return what Splunk's own schema has against the definition of the dashboard that is open."""
        found: List[Dict[str, Any]] = self._page.evaluate("window.problems()") or []
        return found

    def cut(self) -> List[str]:
        """Return titles, descriptions and labels that have no room for their whole text."""
        found: List[str] = self._page.evaluate(
            """() => [...document.querySelectorAll(
                '[data-test="viz-title"], [data-test="viz-description"], [data-test="input-title"]')].flatMap(
                (each) => [each, ...each.querySelectorAll("*")]).filter(
                (each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0
                    && getComputedStyle(each).overflowX !== "visible").map((each) => each.textContent)"""
        )
        return found

    def errors(self) -> Dict[str, str]:
        """Return panel -> what its red sign says when it is clicked."""
        found = {}
        signs = self._page.locator('[data-test="viz-item"]:has(svg[aria-label="Error"])')
        for panel in [each.get_attribute("data-id") or "" for each in signs.all()]:
            sign = f'[data-test="viz-item"][data-id="{panel}"] [data-test="simple-status-icon-container"]'
            self._page.locator(sign).click()
            found[panel] = self._page.locator('[data-test="popover"]').inner_text()
            self._page.keyboard.press("Escape")
            self._page.locator('[data-test="popover"]').wait_for(state="detached")
        return found

    def injected(self) -> List[str]:
        """Return what a text of a row became in the page instead of text; ``hurt`` is what a planted script sets."""
        found: List[str] = self._page.evaluate(
            """() => [
                ...(window.hurt ? ["a script ran"] : []),
                ...[...document.querySelectorAll('#page script, #page [src="x"], #page iframe, #page [onload]')].map(
                    (each) => each.outerHTML),
                ...[...document.querySelectorAll("#page a[href]")].map((each) => each.getAttribute("href")).filter(
                    (each) => !each.startsWith("/") && !each.startsWith("#")),
                ...(document.documentElement.scrollWidth > window.innerWidth ? ["wider than the window"] : [])
            ]"""
        )
        return found

    def click(self, panel: str) -> str:
        """Click the first cell of a table's first row and return where that leads, without going there."""
        asked: List[str] = []

        def take(route: Route) -> None:
            if route.request.is_navigation_request():
                asked.append(route.request.url)
                route.fulfill(status=204)
            else:
                route.fallback()

        context = self._page.context
        context.route("**/*", take)
        try:
            cell = self._page.locator(f'[data-test="viz-item"][data-id="{panel}"] tbody td').first
            cell.click()
            until_s = time.monotonic() + _PATIENCE_S
            while not asked:
                if time.monotonic() > until_s:
                    raise TimeoutError(f"a click on {panel} leads nowhere")
                self._page.wait_for_timeout(50)
        finally:
            context.unroute("**/*", take)
            for other in context.pages:
                if other is not self._page:
                    other.close()
        return asked[0]

    def screenshot(self, path: Path) -> None:
        """Write a picture of the whole page."""
        height = self._page.evaluate(_HEIGHT)
        self._page.screenshot(path=path, clip={"x": 0, "y": 0, "width": WIDTH_PX, "height": height})

    def _wait_until_quiet(self) -> None:
        self._last_s = time.monotonic()
        until_s = self._last_s + _PATIENCE_S
        while self._asked or time.monotonic() - self._last_s < _QUIET_S:
            if time.monotonic() > until_s:
                raise TimeoutError(f"{self._page.url} still asks for something after {_PATIENCE_S:.0f} s")
            self._page.wait_for_timeout(100)

    def _began(self, request: Request) -> None:
        if request.url.startswith(("data:", "blob:")):
            return
        self._asked += 1
        self._last_s = time.monotonic()
        if request.url.endswith("/control") and "action=cancel" in (request.post_data or ""):
            self._cancelled.add(request.url.split("/")[-2])
        if not request.url.startswith(self._own):
            self.strangers.append(request.url)

    def _ended(self) -> None:
        self._asked = max(self._asked - 1, 0)
        self._last_s = time.monotonic()

    def _answered(self, response: Response) -> None:
        # Splunk's page asks once more for a job that it has just cancelled.
        if response.status >= 400 and not any(sid in response.url for sid in self._cancelled):
            self.complaints.append(f"{response.status} {response.request.method} {response.url}")

    def _complain(self, text: str) -> None:
        if not text.startswith("Failed to load resource"):  # `_answered` says which
            self.complaints.append(text)
