"""Several lists read as one, because AWS's filter has no room for everything that was chosen.

Each list is sorted by time. A page of all holds what is sure of each: nothing later than the end of the shortest page
that goes on. What has no order is read list after list, by their own tokens.
"""

from __future__ import annotations

import heapq
from typing import List, Optional, Sequence, Tuple

from collectors.records.finding import Finding
from collectors.records.page import Lister, Page, Window

_SEPARATOR = "|"


class JoinedLists:
    """See `collectors.records.page.Lister`."""

    def __init__(self, lists: Sequence[Lister]) -> None:
        self._lists = lists

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`. The tokens are this list's own."""
        if token:
            number, _, inner = token.partition(_SEPARATOR)
            return self._page_of(int(number), window, inner)
        pages = [each.page(window, "") for each in self._lists]
        as_of_ms = min(page.as_of_ms for page in pages)
        bad = tuple(text for page in pages for text in page.bad)
        more = [page for page in pages if page.next_token]
        following = f"0{_SEPARATOR}" if more else ""
        findings: List[Finding] = []
        if not all(_is_sorted(page) for page in pages):
            findings = [finding for page in pages for finding in page.findings]
            return Page(findings, following, as_of_ms, bad, ordered=False)
        findings = list(heapq.merge(*(page.findings for page in pages), key=lambda each: each.record.time_ms))
        ends = [_last_ms(page) for page in more]
        if None in ends:  # a page of nothing that goes on: only its tokens lead further
            return Page(findings, following, as_of_ms, bad, ordered=False)
        end_ms = min((end for end in ends if end is not None), default=window.end_ms)
        sure = [finding for finding in findings if finding.record.time_ms <= end_ms or not more]
        return Page(sure, following, as_of_ms, bad)

    def _page_of(self, number: int, window: Window, token: str) -> Page:
        page = self._lists[number].page(window, token)
        following = f"{number}{_SEPARATOR}{page.next_token}" if page.next_token else ""
        if not following and number + 1 < len(self._lists):
            following = f"{number + 1}{_SEPARATOR}"
        return page._replace(next_token=following)


def joined(lists: Sequence[Lister]) -> Lister:
    """Return one list of them."""
    return lists[0] if len(lists) == 1 else JoinedLists(lists)


def chunks(names: Sequence[str], most: int) -> List[Tuple[str, ...]]:
    """Return the names in parts of at most ``most``; one part of none for none."""
    return [tuple(names[start : start + most]) for start in range(0, len(names), most)] or [()]


def _last_ms(page: Page) -> Optional[int]:
    """Return the last time of a page that it had when the page was made: see `collectors.polling.reader`."""
    times = [finding.record.time_ms for finding in page.findings if finding.record.time_ms <= page.as_of_ms]
    return max(times, default=None)


def _is_sorted(page: Page) -> bool:
    times = [finding.record.time_ms for finding in page.findings if finding.record.time_ms <= page.as_of_ms]
    return page.ordered and times == sorted(times)
