"""A list of findings as AWS keeps it: it changes while it is read, and its tokens are places in it."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional

from collectors.records.finding import Finding
from collectors.records.page import Page, Window
from collectors.records.record import Origin
from collectors.sources.guardduty.source import finding

NOW_MS = 1_796_040_000_000
ORIGIN = Origin("111122223333", "eu-west-1")


def stamp(time_ms: int) -> str:
    from collectors.records.page import iso

    return iso(time_ms)


def made(id: str, time_ms: int, **more: object) -> Finding:
    fields = {"id": id, "type": "Recon:EC2/Portscan", "updatedAt": stamp(time_ms), "service": {"count": 1}, **more}
    return finding(fields, ORIGIN)


class Listed:
    """A list of one region. ``before_page`` is called with the number of each page before it is made."""

    def __init__(self, page_size: int = 5, ordered: bool = True) -> None:
        self.now: Dict[str, Finding] = {}
        #: Every version that was ever visible.
        self.versions: List[str] = []
        self.page_size, self.ordered = page_size, ordered
        self.pages: List[Window] = []
        self.before_page: Callable[[int], None] = lambda number: None
        #: The next answers give this token.
        self.stuck: List[str] = []
        self.fail: Optional[Exception] = None
        self.as_of_ms = NOW_MS * 2

    def put(self, id: str, time_ms: int, **more: object) -> None:
        self.now[id] = made(id, time_ms, **more)
        self.versions.append(self.now[id].record.identity)

    def page(self, window: Window, token: str) -> Page:
        self.before_page(len(self.pages))
        if self.fail:
            raise self.fail
        self.pages.append(window)
        inside = [each for each in self.now.values() if window.start_ms <= each.record.time_ms <= window.end_ms]
        if self.ordered:
            inside.sort(key=lambda each: each.record.time_ms)
        else:
            inside.sort(key=lambda each: each.record.identity)
        start = int(token or 0)
        end = start + self.page_size
        following = str(end) if end < len(inside) else ""
        if self.stuck and following:
            following = self.stuck.pop(0)
        return Page(inside[start:end], following, self.as_of_ms)
