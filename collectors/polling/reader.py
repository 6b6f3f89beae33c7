"""All findings of a window, although pages shift and tokens repeat while it is read.

A token of AWS's is a place in a list, and the list changes: a finding that is updated leaves the window, those after it
move up, and the next page begins one too late. So a page is not asked for by its token, but by time: the list is sorted
by the time of the update, and the next request begins at the last time of the page before. Its first page is one
answer, in which nothing can shift.

Tokens are left for what has no order: findings of the same millisecond that do not fit a page, and lists that AWS
returns unsorted. Those are read to their end again and again until nothing new comes. A token that was used already
(https://github.com/elastic/integrations/issues/8601) ends such a pass, it proves nothing.
"""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Optional, Set, Tuple

from aws_bridge.errors import CallRejected
from collectors.records.finding import Finding
from collectors.records.page import Lister, Page, Window

#: Passes over what has no order before it is given up; the next poll begins anew.
MOST_PASSES = 8
#: Pages of one pass; a longer list is one that never ends.
MOST_PAGES = 10_000


class Step(NamedTuple):
    """What one request brought."""

    findings: List[Finding]
    #: All findings that were updated before this are read, epoch milliseconds: a restart begins here, inclusive.
    at_ms: int
    #: Whether the window is read.
    done: bool = False
    bad: Tuple[str, ...] = ()


def read(lister: Lister, window: Window) -> Iterator[Step]:
    """Yield the findings of ``window``, some of them more than once; the last step is done.

    Raises `aws_bridge.errors.CallProblem`; what was yielded until then holds.
    """
    start_ms = window.start_ms
    while start_ms <= window.end_ms:
        rest = Window(start_ms, window.end_ms)
        page = lister.page(rest, "")
        if not page.next_token:
            yield Step(page.findings, window.end_ms, True, page.bad)
            return
        last_ms = _last_sure(page, rest)
        if last_ms is None:
            yield from _without_order(lister, rest, page)
            break
        start_ms = max(start_ms, last_ms)
        yield Step(page.findings, start_ms, False, page.bad)
        if start_ms == rest.start_ms:
            # A page full of one millisecond: that millisecond first, then what follows.
            yield from _without_order(lister, Window(start_ms, start_ms), None)
            start_ms += 1
    yield Step([], window.end_ms, True)


def _last_sure(page: Page, window: Window) -> Optional[int]:
    """Return the last time of a page that it had when the page was made.

    What was updated since then has a later time, and is not where it was in the list. ``None``: the list is not sorted,
    or nothing of it is sure.
    """
    if not page.ordered:
        return None
    sure_until_ms = min(window.end_ms, page.as_of_ms)
    last_ms = None
    for finding in page.findings:
        time_ms = finding.record.time_ms
        if time_ms > sure_until_ms:
            continue
        if last_ms is not None and time_ms < last_ms:
            return None
        last_ms = time_ms
    return last_ms


def _without_order(lister: Lister, window: Window, first: Optional[Page]) -> Iterator[Step]:
    """Yield the pages of passes over a window until a whole pass brings nothing new."""
    seen: Set[str] = set()
    for _ in range(MOST_PASSES):
        whole, new, pages = False, 0, 0
        used: Set[str] = set()
        token = ""
        while pages < MOST_PAGES:
            page = first if first is not None else lister.page(window, token)
            first = None
            pages += 1
            new += len({finding.record.identity for finding in page.findings} - seen)
            seen.update(finding.record.identity for finding in page.findings)
            yield Step(page.findings, window.start_ms, False, page.bad)
            if not page.next_token:
                whole = True
                break
            if page.next_token in used:
                break
            token = page.next_token
            used.add(token)
        if whole and (pages == 1 or not new):
            return
    raise CallRejected(
        f"a list of findings changes or repeats itself so fast that {MOST_PASSES} readings did not agree. It is read "
        "again at the next poll"
    )
