"""Everything a page did that nobody would see by looking at it: errors on the console, requests that failed."""

from __future__ import annotations

from typing import Any, List, Tuple

RAW = "/en-US/splunkd/__raw/"


class Watch:
    """Listens to a page from its first request on."""

    def __init__(self, page: Any, web_uri: str) -> None:
        self._web_uri = web_uri
        self._faults: List[str] = []
        self._refused: List[str] = []
        self._unread: List[Any] = []
        self._bodies: List[str] = []
        #: (method, URL) of everything that was asked for.
        self.requests: List[Tuple[str, str]] = []
        page.on("console", self._said)
        page.on("pageerror", lambda error: self._faults.append(f"unhandled error: {error}"))
        page.on("request", lambda request: self.requests.append((request.method, request.url)))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)
        page.on("requestfinished", lambda request: self._unread.append(request))

    def refused(self) -> None:
        """Take the last answer of 400 or more for what the test is about."""
        assert self._refused, "nothing was refused"
        self._refused.pop()

    def faults(self) -> List[str]:
        """Return what went wrong so far, and was not taken by `refused`."""
        strangers = [url for _, url in self.requests if not url.startswith((self._web_uri, "data:", "blob:"))]
        return self._faults + self._refused + [f"asked another host: {url}" for url in strangers]

    def changes(self) -> List[Tuple[str, str]]:
        """Return (method, URL) of every request so far that may change something of the app."""
        return [(method, url) for method, url in self.requests if method != "GET" and "/servicesNS/" in url]

    def texts(self) -> str:
        """Return all that came from splunkd, and all that was asked for, in one text."""
        self.keep()
        return "\n".join(self._bodies + [url for _, url in self.requests])

    def keep(self) -> None:
        """Read the answers of splunkd's resources that have arrived: the browser forgets them with the page."""
        while self._unread:
            request = self._unread.pop(0)
            if RAW in request.url:
                self._bodies.append(request.response().text())

    def _said(self, message: Any) -> None:
        # An answer of 400 and more is on the console too; `_answered` has it, with its method.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self._faults.append(f"console {message.type}: {message.text}")

    def _failed(self, request: Any) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left, or no longer wanted to know
            self._faults.append(f"{request.url} failed: {request.failure}")

    def _answered(self, response: Any) -> None:
        method, path = response.request.method, response.url[len(self._web_uri) :]
        if response.status >= 400:
            self._refused.append(f"{method} {path} was answered {response.status}")
