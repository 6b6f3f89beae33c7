"""A search of any size: every matching document once, newest first, page by page.

The way of a search where there is a point in time (everywhere but on old engines, see `es_bridge.scroll`)::

    detect the engine -> open the PIT, ask for the time field's types      (side by side)
    first page, small, so that rows come early; where it holds all, that was it
    overview: how many, from when to when
    plan time windows -> fetch several at once -> hand them out in order -> documents without a time
    compare what was handed out with the overview -> close the PIT

What only messages need is asked when the first rows are out (`Inquiry._ask_for_messages`).
The order is total: newest first, then index, then id; documents without the time field last.
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Deque, Iterator, List, Optional, Tuple

from es_bridge.dialect import Dialect
from es_bridge.errors import (
    CeilingReached,
    PartialResult,
    QueryError,
    RejectedQuery,
    ReplyTooLarge,
)
from es_bridge.inquiry import CLOSE_TIMEOUT_S, Inquiry
from es_bridge.limits import Ceilings
from es_bridge.pit import Overview, PitSearch
from es_bridge.query import Clause, SearchRequest, having_clause
from es_bridge.reply import Hit, Reply
from es_bridge.time_field import MILLIS, NANOS, NANOS_RANGE_MS, TimeField
from es_bridge.transport import Transport
from es_bridge.windows import Window, fetch, fetch_crowded, in_order, plan, smaller_page

if TYPE_CHECKING:
    from es_bridge.scroll import Scroll

#: Windows asked for before the reader wants them. Bounds memory together with the page size.
WINDOWS_AHEAD = 3
#: Pages aim at this many bytes, whatever the documents' size.
PAGE_BYTES = 4 << 20
#: The order inside a millisecond is ours: a few documents more than wanted save the requests to find out.
FOR_TIES = 25


class Page:
    """Documents in order. ``ticks_per_s`` is the unit of their ``time``: 1000, or 10**9 for date_nanos."""

    def __init__(self, hits: List[Hit], ticks_per_s: int) -> None:
        self.hits = hits
        self.ticks_per_s = ticks_per_s

    @property
    def count(self) -> int:
        """How many documents the page holds."""
        return len(self.hits)


class WindowFetcher:
    """Fetches windows in another place than this process's threads (worker processes that also encode them).

    A result stands in for the `Page` of a window and has its ``count``. This class is the contract.
    """

    def start(self, pit_search: PitSearch, documents: int) -> bool:
        """Say whether ``documents`` are worth it, and get ready if they are."""
        raise NotImplementedError

    def submit(self, window: Window, page_docs: int) -> Future[Any]:
        """Return the future result of a window; ``None`` as result if the window does not fit ``page_docs``."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is under way: its futures, and those of windows submitted later, end with `Aborted`."""
        raise NotImplementedError


def open_search(
    transport: Transport,
    request: SearchRequest,
    fetcher: Optional[WindowFetcher] = None,
    ceilings: Optional[Ceilings] = None,
    remembered: Optional[Dialect] = None,
) -> Search:
    """Return the search; nothing touches the network before it is iterated.

    ``remembered``: the engine that answered there lately. It is not asked again who it is while a PIT can be opened.
    """
    return Search(transport, request, fetcher, ceilings or Ceilings(), remembered)


class Search(Inquiry):
    """Iterate over it for pages, once: see `Inquiry`."""

    _instead_of_pit = "so a scroll is used"

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        fetcher: Optional[WindowFetcher],
        ceilings: Ceilings,
        remembered: Optional[Dialect] = None,
    ) -> None:
        super().__init__(transport, request, ceilings, remembered)
        #: How many documents were handed out.
        self.emitted = 0
        self._fetcher = fetcher
        #: Most documents to hand out; 0 means all.
        self._size = ceilings.rows(request.size)
        self._scroll: Optional[Scroll] = None
        self._overview: Optional[Future[Overview]] = None
        self._page_docs = request.page_size_docs
        #: Most documents of a page, as the indices allow.
        self._most_docs = request.page_size_docs

    def _close_contexts(self) -> None:
        if self._scroll:
            self._scroll.close(CLOSE_TIMEOUT_S)

    def _cut_off_helpers(self) -> None:
        if self._fetcher is not None:
            self._fetcher.close()

    def _answers(self) -> Iterator[Any]:
        return self._limited(self._pages())

    def _pages(self) -> Iterator[Any]:
        """Yield all pages, whatever the size asked for."""
        time_field, pit = self._begin()
        if pit is None:
            yield from self._pages_by_scroll(time_field)
            return
        self._no_shards(pit.shards)
        if not pit.shards:
            self.matched = 0
            return
        yield from self._pages_by_windows(self._use_pit(time_field, pit))

    def _pages_by_windows(self, pit_search: PitSearch) -> Iterator[Any]:
        ticks = pit_search.time_field.ticks_per_s
        # In nanoseconds Elasticsearch sorts a document without the time as one of 1970, so it is left for later.
        timed = [having_clause(pit_search.time_field.name)] if ticks == NANOS and self.request.unbounded else []
        first, first_docs = self._first_page(pit_search, timed)
        ticks = pit_search.time_field.ticks_per_s
        self._no_shards(int(first.head.get("_shards", {}).get("total", -1)))
        is_full = len(first.hits) == first_docs
        if not is_full and not timed:
            self._warn_without_time(sum(1 for hit in first.hits if hit.time is None))
            self.matched = first.total  # compared with what arrived
            yield Page(in_order(first.hits), ticks)
            return
        # Not beside the first page, which it would delay; the engine has time for it while that is encoded.
        self._overview = self._pool.submit(pit_search.overview)
        # The last time of the page may go on beyond it, so it is left to the windows.
        per_ms = ticks // MILLIS
        newest_left = first.hits[-1].time if is_full else None
        boundary_ms = None if newest_left is None else newest_left // per_ms
        complete = [
            hit
            for hit in first.hits
            if hit.time is not None and (boundary_ms is None or hit.time // per_ms > boundary_ms)
        ]
        pit_search.without_source -= sum(1 for hit in first.hits[len(complete) :] if not hit.source)
        self._adapt_page_docs(first.hits)
        if complete:
            yield Page(in_order(complete), ticks)
        overview = self._overview.result()
        self.matched = overview.total
        left = overview.total - overview.without_time - len(complete)
        if boundary_ms is not None and overview.oldest_ms is not None and left > 0:
            whole = Window(min(overview.oldest_ms, boundary_ms), boundary_ms + 1, left)
            if pit_search.time_field.has_nanos and (whole.gte < NANOS_RANGE_MS[0] or whole.lt > NANOS_RANGE_MS[1]):
                raise QueryError(
                    f"index {self.request.index!r} has {self.request.time_field} as date_nanos in some indices, and "
                    "times that date_nanos cannot hold (before 1970 or after 2262) in others. Search them apart, or "
                    "with start_time=1970-01-01 end_time=2262-01-01"
                )
            yield from self._window_pages(pit_search, whole)
        if overview.without_time:
            self._warn_without_time(overview.without_time)
            for hits in fetch_crowded(pit_search, None, self._page_docs):
                yield Page(hits, ticks)

    def _first_page(self, pit_search: PitSearch, narrow: List[Clause]) -> Tuple[Reply, int]:
        """Return the first page and how many documents it asked for; fewer when documents are large.

        A page that holds less than it asked for has counted what matches.
        """
        size = min(self.request.first_page_docs, self._most_docs)
        if self._size:
            size = min(size, self._size + FOR_TIES)
        while True:
            try:
                return pit_search.page(size, narrow, with_total=size + 1), size
            except ReplyTooLarge:
                if size == 1:
                    raise
                size = max(1, size // 10)
            except RejectedQuery as exc:
                if self._is_adapted(exc, size):
                    size = self._most_docs
                    continue
                if pit_search.time_field.ticks_per_s != NANOS or "nanosecond" not in exc.reason:
                    raise
                # A date index with times before 1970 or after 2262 cannot be sorted in nanoseconds.
                self.notes.append(
                    f"some {self.request.time_field} lie outside what date_nanos can hold: order is by ms"
                )
                pit_search.time_field = pit_search.time_field.in_millis()

    def _window_pages(self, pit_search: PitSearch, whole: Window) -> Iterator[Any]:
        """Yield the pages of all windows of ``whole`` in order, while the next ones are being fetched."""
        windows = plan(pit_search, whole, lambda: self._page_docs)
        pending: Deque[Tuple[Window, Any, Future[Any]]] = deque()
        remote = self._fetcher
        if remote is not None and not (
            self._wanted(whole.count) and remote.start(pit_search, self._wanted(whole.count))
        ):
            remote = None
        self._has_delegated = remote is not None
        while True:
            underway = sum(window.count for window, _, _ in pending)
            while len(pending) < WINDOWS_AHEAD and (not pending or underway < self._wanted(underway + 1)):
                window = next(windows, None)
                if window is None:
                    break
                page_docs = self._page_docs
                # The window in which the size ends is cut here, so it must come as documents.
                whole_window = underway + window.count <= self._wanted(underway + window.count)
                if remote is not None and whole_window:
                    pending.append((window, page_docs, remote.submit(window, page_docs)))
                else:
                    pending.append((window, page_docs, self._pool.submit(fetch, pit_search, window, page_docs)))
                underway += window.count
            if not pending:
                return
            window, page_docs, future = pending.popleft()
            try:
                result = future.result()
            except RejectedQuery as exc:
                if not self._is_adapted(exc, page_docs):
                    raise
                result = None
            if result is None:
                yield from self._divided(pit_search, window, page_docs)
            elif isinstance(result, list):
                self._adapt_page_docs(result)
                yield Page(result, pit_search.time_field.ticks_per_s)
            else:
                yield result

    def _divided(self, pit_search: PitSearch, window: Window, page_docs: int) -> Iterator[Page]:
        """Yield the pages of a window that did not fit one page."""
        ticks = pit_search.time_field.ticks_per_s
        smaller = min(self._page_docs, max(1, page_docs // 4))
        if window.lt - window.gte <= 1:
            for hits in fetch_crowded(pit_search, window, min(self._page_docs, page_docs)):
                yield Page(hits, ticks)
            return
        for part in plan(pit_search, Window(window.gte, window.lt, max(window.count, smaller + 1)), lambda: smaller):
            try:
                part_hits = fetch(pit_search, part, smaller)
            except RejectedQuery as exc:
                if not self._is_adapted(exc, smaller):
                    raise
                part_hits = None
            if part_hits is None:
                yield from self._divided(pit_search, part, smaller)
            else:
                yield Page(part_hits, ticks)

    def _pages_by_scroll(self, time_field: TimeField) -> Iterator[Page]:
        from es_bridge.scroll import Scroll  # here, because every import delays the first row

        self._scroll = Scroll(self._transport, self.request, time_field, self._access, self._time_limit())
        pages = self._scroll.pages()
        awaited = self._pool.submit(next, pages, None)
        without_time = 0
        while True:
            hits = awaited.result()
            self.matched = self._scroll.total
            self._no_shards(self._scroll.shards)
            if hits is None:
                break
            # One page ahead: a scroll cannot be read by two.
            awaited = self._pool.submit(next, pages, None)
            without_time += sum(1 for hit in hits if hit.time is None)
            yield Page(hits, time_field.ticks_per_s)
        self._warn_without_time(without_time)

    def _limited(self, pages: Iterator[Any]) -> Iterator[Any]:
        """Yield pages until the size asked for, or a ceiling, is reached."""
        size = self._size
        too_much: Optional[CeilingReached] = None
        for page in pages:
            if too_much:  # said only now: a search that needed nothing more is complete
                raise too_much
            self._touched = time.monotonic()
            if size and self.emitted + page.count > size:
                page = Page(page.hits[: size - self.emitted], page.ticks_per_s)
            self.emitted += page.count
            self._collect_fields(wait=self._rows_wait_for_check)
            if page.count:
                yield page
                self._ask_for_messages()
            if size and self.emitted >= size:
                return
            too_much = self._beyond_a_ceiling()
        # Everything was asked for: the engine's own count must agree.
        if self.matched is not None and self.emitted != self.matched:
            problem = (
                f"{self.emitted} documents arrived of {self.matched} that match {self.request.index!r} at cluster "
                f"{self._transport.config.name!r}"
            )
            if not self.request.allow_partial:
                raise PartialResult(f"{problem}. Run the search again, or set partial=allow to accept what there is")
            self.warnings.append(problem)

    def _say_what_is_missing(self) -> None:
        """Add the warnings that only the end of a search can know."""
        self._ask_for_messages()  # where there was no row
        self._collect_fields(wait=True)
        if self._beyond is not None:
            warnings, notes = self._beyond.result()
            self.warnings += warnings
            self.notes += notes
        self.warnings += self._fields.about_members(self.request.time_field, found_some=self.emitted > 0)
        if self.matched is None and self._overview is not None:
            self.matched = max(self.emitted, self._overview.result().total)
        self.warnings += self._incomplete()
        self.warnings += self._left_out_without_time()
        if self._pit_search is not None and self._pit_search.without_source:
            self.warnings.append(
                f"{self._pit_search.without_source} documents came without their source: their index does not store "
                "it, so there is nothing to show of them"
            )
        if self.matched is not None and self.matched > self.emitted:
            returned = f"{self.matched} documents match, the newest {self.emitted} are returned"
            if self._size == self.request.size:
                texts = self.notes if self.request.size_is_meant else self.warnings
                texts.append(f"{returned} (size={self._size}). Use size=0 for all, or narrow the search")
            else:
                told = self._ceilings.told("max_rows", self._transport.config.name)
                self.warnings.append(f"{returned}, as many as {told}. Narrow the search to see others")

    def _incomplete(self) -> List[str]:
        """Return what was incomplete and allowed to be so."""
        source = self._pit_search or self._scroll
        return source.incomplete if source else []

    def _wanted(self, documents: int) -> int:
        """Return how many of the next ``documents`` are still wanted."""
        return min(documents, self._size - self.emitted) if self._size else documents

    def _adapt_page_docs(self, hits: List[Hit]) -> None:
        if hits:
            average = max(1, sum(len(hit.source) for hit in hits) // len(hits))
            self._page_docs = min(self._most_docs, max(1, PAGE_BYTES // average))

    def _is_adapted(self, refusal: RejectedQuery, asked: int) -> bool:
        """Ask for smaller pages from now on, if a page of ``asked`` documents was refused for its size."""
        allowed = smaller_page(refusal)
        if allowed is None or allowed >= asked:
            return False
        if allowed < self._most_docs:
            self._most_docs = allowed
            self._page_docs = min(self._page_docs, allowed)
            self.notes.append(
                f"an index allows no more than {allowed} documents in a page (index.max_result_window), so a large "
                "search takes many requests"
            )
        return True

    def _warn_without_time(self, documents: int) -> None:
        if documents:
            self.warnings.append(
                f"{documents} documents have no {self.request.time_field}: they come last and have no _time"
            )
