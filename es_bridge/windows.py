"""Time windows: how a search of any size becomes pages that need nothing from each other.

Textbook paging (`search_after` with a tiebreak) loses rows without an error on some engines, and where it does not, it
is slow: 11,000 to 36,000 events a second against 240,000 for windows (measured, OpenSearch 2.19, 300,000 documents).
A histogram counts the documents in equal steps of time; neighbouring steps are merged into windows that fit a page,
and a step that does not fit is divided again. Windows are disjoint and half open, so no document is in two; each is
one independent request, so several can be under way.
"""

from __future__ import annotations

import re
from typing import Callable, Iterator, List, NamedTuple, Optional, Tuple

from es_bridge.errors import RejectedQuery, ReplyTooLarge, ResponseError
from es_bridge.failures import MAX_BUCKETS
from es_bridge.pit import PitSearch
from es_bridge.reply import Hit
from es_bridge.time_field import MILLIS

#: Steps of one histogram. The engines refuse more than 65,535 buckets; 1,000 cost 30 ms.
STEPS = 1000


class Window(NamedTuple):
    """Documents with a time in [gte, lt), epoch milliseconds, and about how many there are."""

    gte: int
    lt: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nobody wants here


#: "... must be less than or equal to: [500]": what the engines say of a page (index.max_result_window) or of a
#: histogram (search.max_buckets) that is larger than a setting allows.
_AT_MOST = r"(?i)must be less than or equal to: \[([0-9]{1,9})\]"


def plan(pit_search: PitSearch, whole: Window, page_docs: Callable[[], int]) -> Iterator[Window]:
    """Yield windows that cover ``whole``, newest first, each with at most ``page_docs()`` documents.

    The exception is a window of a single millisecond, which cannot be divided. Asks the engine only as far as the
    caller reads.
    """
    span = whole.lt - whole.gte
    if whole.count <= page_docs() or span <= 1:
        yield whole
        return
    step_ms, steps = _histogram(pit_search, whole)
    lowest, highest, count = 0, 0, 0
    for key, found in reversed(steps):
        if count and count + found > page_docs():
            yield Window(lowest, highest, count)
            count = 0
        end = min(key + step_ms, whole.lt)
        if found > page_docs():
            yield from plan(pit_search, Window(key, end, found), page_docs)
            continue
        if not count:
            highest = end
        lowest, count = key, count + found
    if count:
        yield Window(lowest, highest, count)


def _histogram(pit_search: PitSearch, whole: Window) -> Tuple[int, List[Tuple[int, int]]]:
    """Return (length of a step in ms, the documents of each step), in as many steps as the cluster allows."""
    steps = pit_search.most_steps or STEPS
    while True:
        step_ms = -(-(whole.lt - whole.gte) // steps)
        try:
            return step_ms, pit_search.histogram(whole.gte, whole.lt, step_ms)
        except ResponseError as exc:
            allowed = smaller_page(exc)
            # The steps do not begin where the window does, so there may be one more.
            if MAX_BUCKETS not in exc.reason or allowed is None or allowed < 3 or steps < 3:
                raise
            steps = pit_search.most_steps = max(2, min(allowed, steps) - 1)


def fetch(pit_search: PitSearch, window: Window, page_docs: int) -> Optional[List[Hit]]:
    """Return all documents of a window in their final order, or ``None`` when they do not fit one page.

    The order is total: newest first, then index, then id. A document with several times belongs to the window of its
    newest one, which is the one the engine sorts by.
    """
    try:
        reply = pit_search.window_page(window.gte, window.lt, page_docs)
    except ReplyTooLarge:
        return None
    total = reply.total
    if total is None or total > len(reply.hits):
        return None
    per_ms = pit_search.time_field.ticks_per_s // MILLIS
    low, high = window.gte * per_ms, window.lt * per_ms
    return in_order(hit for hit in reply.hits if hit.time is not None and low <= hit.time < high)


def in_order(hits: Iterator[Hit] | List[Hit]) -> List[Hit]:
    """Return hits newest first, then by index and id; those without a time last."""
    return sorted(hits, key=_order)


def _order(hit: Hit) -> tuple:
    return (0, -hit.time, hit.index, hit.id) if hit.time is not None else (1, 0, hit.index, hit.id)


def fetch_crowded(pit_search: PitSearch, window: Optional[Window], page_docs: int) -> Iterator[List[Hit]]:
    """Yield the documents of a window that cannot be divided, page by page; ``None`` is those without a time.

    Inside one millisecond a tiebreak is needed. ``_shard_doc`` is cheap, but OpenSearch has it from 3.3 only; index
    and id work elsewhere (Elasticsearch refuses to sort by id, which is why it is not the first choice).
    """
    tiebreaks = (("_shard_doc",), ("_index", "_id"))
    for number, tiebreak in enumerate(tiebreaks):
        pages = _tiebreak_pages(pit_search, window, page_docs, tiebreak)
        try:
            first = next(pages)
        except RejectedQuery as exc:
            if number + 1 == len(tiebreaks) or not _is_no_tiebreak(exc):
                raise
            continue
        except StopIteration:
            return
        yield first
        yield from pages
        return


def _tiebreak_pages(
    pit_search: PitSearch, window: Optional[Window], page_docs: int, tiebreak: tuple[str, ...]
) -> Iterator[List[Hit]]:
    after = None
    per_ms = pit_search.time_field.ticks_per_s // MILLIS
    while True:
        try:
            if window is None:
                reply = pit_search.without_time_page(page_docs, tiebreak=tiebreak, search_after=after)
                hits = reply.hits
            else:
                reply = pit_search.window_page(window.gte, window.lt, page_docs, tiebreak=tiebreak, search_after=after)
                low, high = window.gte * per_ms, window.lt * per_ms
                hits = [hit for hit in reply.hits if hit.time is not None and low <= hit.time < high]
        except ReplyTooLarge:
            if page_docs == 1:
                raise
            page_docs = max(1, page_docs // 4)
            continue
        except RejectedQuery as exc:
            allowed = smaller_page(exc)
            if allowed is None or allowed >= page_docs:
                raise
            page_docs = allowed
            continue
        if hits:
            yield hits
        if len(reply.hits) < page_docs:
            return
        after = reply.last_sort


def _is_no_tiebreak(error: RejectedQuery) -> bool:
    return "_shard_doc" in error.reason


def smaller_page(error: ResponseError) -> Optional[int]:
    """Return the number an engine allows, when an error says that the one asked for is too large."""
    found = re.search(_AT_MOST, error.reason)
    return int(found[1]) if found and int(found[1]) > 0 else None
