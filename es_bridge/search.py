"""A search of any size: every matching document once, newest first, page by page.

The way of a search where there is a point in time (everywhere but on old engines, see `es_bridge.scroll`)::

    detect the engine -> open the PIT, ask for the time field's types      (side by side)
    first page, small, so that rows come early -> overview: how many, from when to when    (side by side)
    plan time windows -> fetch several at once -> hand them out in order -> documents without a time
    compare what was handed out with the overview -> close the PIT

The order is total: newest first, then index, then id; documents without the time field last.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Deque, Generator, Iterator, List, Optional, Tuple

from es_bridge.coverage import beyond_store
from es_bridge.dialect import KEEP_ALIVE_S, Dialect, Pit, detect, is_no_pit
from es_bridge.errors import (
    Aborted,
    BridgeError,
    CeilingReached,
    NotFound,
    NothingMatched,
    PartialResult,
    QueryError,
    RejectedQuery,
    ReplyTooLarge,
    ResponseError,
)
from es_bridge.index_access import IndexAccess
from es_bridge.limits import Ceilings, RunTime
from es_bridge.pit import Overview, PitSearch
from es_bridge.query import Clause, SearchRequest, having_clause
from es_bridge.reply import Hit, Reply
from es_bridge.scroll import Scroll
from es_bridge.stopping import CANCEL_TIMEOUT_S, EngineTimeLimit, cancel_tasks, engine_time_limit
from es_bridge.time_field import MILLIS, NANOS, NANOS_RANGE_MS, TimeField, resolve
from es_bridge.times import now_ms
from es_bridge.transport import Transport
from es_bridge.unmatched.check import FieldCheck
from es_bridge.windows import Window, fetch, fetch_crowded, in_order, plan, smaller_page

#: Two requests keep a two-core engine and one reader busy; more gave nothing (measured).
FETCH_THREADS = 2
#: Windows asked for before the reader wants them. Bounds memory together with the page size.
WINDOWS_AHEAD = 3
#: Pages aim at this many bytes, whatever the documents' size.
PAGE_BYTES = 4 << 20
#: The order inside a millisecond is ours: a few documents more than wanted save the requests to find out.
FOR_TIES = 25
#: Closing a context must not hold up a search that was cancelled.
CLOSE_TIMEOUT_S = 1.5


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


class Search:
    """Iterate over it for pages, once. A context manager: leaving it ends requests and closes contexts.

    ``warnings`` and ``notes`` (texts for the user) and ``matched`` grow while it is iterated. Raises the errors of
    `es_bridge.errors`; an incomplete answer is `PartialResult`, one that a ceiling ends `CeilingReached`, unless the
    request allows it.
    """

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        fetcher: Optional[WindowFetcher],
        ceilings: Ceilings,
        remembered: Optional[Dialect] = None,
    ) -> None:
        self.request = request
        self.warnings: List[str] = []
        self.notes: List[str] = []
        #: How many documents match; ``None`` until the engine has said so.
        self.matched: Optional[int] = None
        #: How many documents were handed out.
        self.emitted = 0
        self._transport = transport
        self._fetcher = fetcher
        self._ceilings = ceilings
        #: Most documents to hand out; 0 means all.
        self._size = ceilings.rows(request.size)
        self._run_time = RunTime(ceilings.max_run_time_s, self._cut_off)
        self._access = IndexAccess(transport, request)
        self._fields = FieldCheck(transport, request, self._access)
        self._dialect: Optional[Dialect] = None
        self._remembered = remembered
        self._time_field: Optional[TimeField] = None
        self._why_no_pit: Optional[str] = None
        self._pit_search: Optional[PitSearch] = None
        self._scroll: Optional[Scroll] = None
        self._pool = ThreadPoolExecutor(FETCH_THREADS + 1, thread_name_prefix="es_bridge")
        self._pit: Optional[Future[Pit]] = None
        self._overview: Optional[Future[Overview]] = None
        self._beyond: Optional[Future[Tuple[List[str], List[str]]]] = None
        self._page_docs = request.page_size_docs
        #: Most documents of a page, as the indices allow.
        self._most_docs = request.page_size_docs
        self._keep_alive_s = KEEP_ALIVE_S
        self._touched = time.monotonic()
        self._closed = threading.Event()
        self._finished = False
        self._has_delegated = False
        #: Whether requests were ended before they were answered.
        self._interrupted = False
        self._closing = threading.Lock()
        self._freed = False

    def __enter__(self) -> Search:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Generator[Any, None, None]:
        try:
            self._run_time.start()
            yield from self._limited(self._pages())
            self._finished = True
            self._say_what_is_missing()
        except Exception as exc:
            error = self._cause(exc)
            if isinstance(error, CeilingReached) and self.request.allow_partial:
                self._finished = False  # nobody waits for what is under way
                self.warnings += [*self._incomplete(), f"{error}. Events may be missing"]
            elif error is exc:
                raise
            else:
                raise error from exc
        finally:
            self.close()

    @property
    def unmatched(self) -> Optional[str]:
        """How many parts of the query can match nothing, or ``unchecked``, for the audit line; ``None``: none."""
        return self._fields.outcome

    @property
    def engine(self) -> str:
        """Engine and version, for the audit line and the notes."""
        return str(self._dialect) if self._dialect else ""

    @property
    def learnt(self) -> Optional[Dialect]:
        """The engine, if it had to be asked who it is and has a PIT: worth remembering."""
        return self._dialect if self._pit_search and self._dialect is not self._remembered else None

    @property
    def is_closed(self) -> bool:
        """Whether it has ended, however."""
        return self._freed

    def check_run_time(self) -> None:
        """Raise `CeilingReached` when the run time is over; for what a reader does with a page, which also counts.

        Throw it into the iterator (``generator.throw``): the search then ends as if it had met the ceiling itself.
        """
        if self._run_time.is_over:
            raise self._ceilings.took_too_long(self._transport.config.name)

    def close(self) -> None:
        """End requests under way and free the context on the cluster. May be called again, and from any thread."""
        with self._closing:  # a second one would end the requests with which the first one closes
            if not self._freed:  # a close that a signal interrupted is done again
                self._close()
                self._freed = True

    def _close(self) -> None:
        self._closed.set()
        self._run_time.stop()  # it must not cut off the requests that close the contexts
        # Waits for a PIT that is being opened: once its request were cut off, nobody would know its id.
        pit_id = self._pit_search.pit_id if self._pit_search else self._opened_pit()
        self._pool.shutdown(wait=False, cancel_futures=True)
        if not self._finished:
            self._interrupted |= self._transport.abort() or self._has_delegated
        # Before the engine is known nothing was searched.
        cancelling = cancel_tasks(self._transport) if self._interrupted and self._dialect else None
        try:
            if self._scroll:
                self._scroll.close(CLOSE_TIMEOUT_S)
            if pit_id and self._dialect:
                self._dialect.close_pit(self._transport, pit_id, CLOSE_TIMEOUT_S)
        except BridgeError:
            pass  # it ends by itself after its keep-alive; there is nobody left to tell
        if cancelling:
            cancelling.join(CANCEL_TIMEOUT_S)

    def _cause(self, error: Exception) -> Exception:
        """Return what a search that failed has to say: what ends it from outside shows as any kind of failure."""
        if self._closed.is_set():  # by another thread
            return Aborted("the search was closed")
        if self._run_time.is_over:
            return self._ceilings.took_too_long(self._transport.config.name)
        if isinstance(error, RecursionError):
            return ResponseError(
                f"an answer of cluster {self._transport.config.name!r} is nested too deeply to be read. Is something "
                "between here and the cluster changing answers?"
            )
        if isinstance(error, BridgeError) and self._access.has_passed:
            from es_bridge.malformed import explained  # here, because every import delays the first row

            readable = explained(error, self.request)
            return readable if readable is not error else self._access.shown(error)
        return error

    def _cut_off(self) -> None:
        """End the requests under way, here and elsewhere. Called in the thread that watches the run time."""
        if self._pit_search is None:
            self._opened_pit()  # as in close(): cut off now, it would stay open
        self._interrupted |= self._transport.abort()
        if self._fetcher is not None:
            self._fetcher.close()

    def _opened_pit(self) -> Optional[str]:
        """Return the PIT of a search that was closed or failed before it could use it."""
        if self._pit is None:
            return None
        try:
            return self._pit.result(timeout=CLOSE_TIMEOUT_S).id
        except Exception:  # a timeout or the error that is being reported already
            return None

    def _pages(self) -> Iterator[Any]:
        """Yield all pages, whatever the size asked for."""
        if self.request.query or self.request.dsl:
            from es_bridge.query_bounds import check_question  # here, because every import delays the first row

            check_question(self.request, self._ceilings, self._transport.config.name)
        self._access.check_request()
        time_field, pit = self._opened_as_remembered() or self._opened()
        if time_field.indices != 0:
            self._fields.start(self._pool, time_field.names)
        self._beyond = self._pool.submit(beyond_store, self._transport, self.request, list(time_field.names), now_ms())
        if pit is None:
            yield from self._pages_by_scroll(time_field)
            return
        self._no_shards(pit.shards)
        if not pit.shards:
            self.matched = 0
            return
        self._pit_search = PitSearch(
            self._transport, self.request, time_field, pit.id, self._access, pit.keep_alive, self._time_limit()
        )
        self._keep_alive_s = pit.keep_alive_s
        threading.Thread(target=self._keep_alive, daemon=True).start()
        yield from self._pages_by_windows(self._pit_search)

    def _time_limit(self) -> EngineTimeLimit:
        assert self._dialect is not None  # noqa: S101
        return engine_time_limit(self._dialect, self._transport.config.request_timeout_s, self._ceilings.max_run_time_s)

    def _opened_as_remembered(self) -> Optional[Tuple[TimeField, Pit]]:
        """Return what `_opened` does, without asking the engine who it is; ``None`` where that fails.

        Another engine, or a version of another kind, shows in that: no two of them open a PIT in the same way but those
        that are searched in the same way. So a wrong memory costs a request, and never a row.
        """
        if self._remembered is None:
            return None
        self._dialect = self._remembered
        try:
            time_field, pit = self._open()
            if pit is not None:
                return time_field, pit
        except ResponseError:
            pass  # by whom, and whether it stays so, is found out now
        pit_id = self._opened_pit()  # it may be there, and another request have failed
        if pit_id:
            try:
                self._dialect.close_pit(self._transport, pit_id, CLOSE_TIMEOUT_S)
            except BridgeError:
                pass  # as in close()
        self._pit = self._why_no_pit = None
        return None

    def _opened(self) -> Tuple[TimeField, Optional[Pit]]:
        """Return the time field and the PIT, ``None`` where only a scroll is to be had. Asks the engine who it is."""
        self._dialect = detect(self._transport)
        time_field, pit = self._open()
        if self._why_no_pit is not None:
            self.notes.append(f"no point in time to be had on {self._dialect}, so a scroll is used: {self._why_no_pit}")
        return time_field, pit

    def _open(self) -> Tuple[TimeField, Optional[Pit]]:
        dialect = self._dialect
        assert dialect is not None  # noqa: S101
        if dialect.may_have_pit:
            # Kept before the request can start: a signal may end this thread before `submit` returns.
            self._pit = Future()
            if self._closed.is_set():  # by another thread, which may not have seen that there is one to wait for
                error = Aborted("the search was closed")
                self._pit.set_exception(error)
                raise error
            self._pool.submit(self._open_pit, dialect, self._pit)
        try:
            time_field = self._time_field or self._resolved()
            if time_field.indices == 0:
                return time_field, Pit("", 0)  # OpenSearch answers 400 to a PIT over no index at all
            return time_field, self._pit.result() if self._pit else None
        except NotFound as exc:
            if exc.error_type == "index_not_found_exception":
                raise self._nothing_matched(exc.reason) from exc
            raise
        except ResponseError as exc:
            if not dialect.has_scroll or not is_no_pit(exc):
                raise
            self._why_no_pit = exc.reason
            return time_field, None

    def _resolved(self) -> TimeField:
        try:
            self._time_field, notes = resolve(self._transport, self.request, self._access)
        except ResponseError as exc:
            error = self._access.shown(exc)
            if error is exc or exc.error_type == "index_not_found_exception":
                raise
            raise error from exc
        self.notes += notes
        if self._time_field.has_nanos:
            self._narrow_to_nanos()
        return self._time_field

    def _open_pit(self, dialect: Dialect, opened: Future[Pit]) -> None:
        try:
            opened.set_result(dialect.open_pit(self._transport, self.request.index, partial=self.request.allow_partial))
        except BaseException as exc:
            opened.set_exception(exc)

    def _pages_by_windows(self, pit_search: PitSearch) -> Iterator[Any]:
        ticks = pit_search.time_field.ticks_per_s
        self._overview = self._pool.submit(pit_search.overview)
        # In nanoseconds Elasticsearch sorts a document without the time as one of 1970, so it is left for later.
        timed = [having_clause(pit_search.time_field.name)] if ticks == NANOS and self.request.unbounded else []
        first, first_docs = self._first_page(pit_search, timed)
        ticks = pit_search.time_field.ticks_per_s
        self._no_shards(int(first.head.get("_shards", {}).get("total", -1)))
        is_full = len(first.hits) == first_docs
        if not is_full and not timed:
            self._warn_without_time(sum(1 for hit in first.hits if hit.time is None))
            yield Page(in_order(first.hits), ticks)
            self.matched = self._overview.result().total  # compared with what arrived
            return
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
        """Return the first page and how many documents it asked for; fewer when documents are large."""
        size = min(self.request.first_page_docs, self._most_docs)
        if self._size:
            size = min(size, self._size + FOR_TIES)
        while True:
            try:
                return pit_search.page(size, narrow), size
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
            # Who wants a failure instead of a warning wants no row before it.
            self._collect_fields(wait=self.request.unknown_fields == "fail")
            if page.count:
                yield page
                self._fields.read()
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

    def _collect_fields(self, wait: bool) -> None:
        """Take up what the check of the query's fields says, if it is there, or when it is."""
        said = self._fields.collect(wait)
        self.warnings += said.warnings
        self.notes += said.notes

    def _beyond_a_ceiling(self) -> Optional[CeilingReached]:
        cluster = self._transport.config.name
        if self._run_time.is_over:
            return self._ceilings.took_too_long(cluster)
        return self._ceilings.exceeded(self._transport.bytes_received, cluster)

    def _say_what_is_missing(self) -> None:
        """Add the warnings that only the end of a search can know."""
        self._collect_fields(wait=True)
        if self._beyond is not None:
            warnings, notes = self._beyond.result()
            self.warnings += warnings
            self.notes += notes
        self.warnings += self._fields.about_members(self.request.time_field, found_some=self.emitted > 0)
        if self.matched is None and self._overview is not None:
            self.matched = max(self.emitted, self._overview.result().total)
        self.warnings += self._incomplete()
        if self._pit_search is not None:
            without = self._pit_search.time_field.without
            if without and not self.request.unbounded:
                left_out = self._pit_search.count_without_time()
                if left_out:
                    self.warnings.append(
                        f"{left_out} documents match but have no {self.request.time_field}, so the time range leaves "
                        f"them out ({len(without)} indices lack the field, such as {without[0]}). Search them over All "
                        "time or with another time_field="
                    )
            if self._pit_search.without_source:
                self.warnings.append(
                    f"{self._pit_search.without_source} documents came without their source: their index does not "
                    "store it, so there is nothing to show of them"
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

    def _narrow_to_nanos(self) -> None:
        """Keep the time range within what date_nanos can hold: beyond it the engines refuse the query."""
        low, high = NANOS_RANGE_MS
        earliest, latest = self.request.earliest_ms, self.request.latest_ms
        if earliest is not None:
            earliest = min(max(earliest, low), high)
        if latest is not None:
            latest = min(max(latest, low), high)
        if (earliest, latest) != (self.request.earliest_ms, self.request.latest_ms):
            self.warnings.append(
                f"{self.request.time_field} is date_nanos in some indices, which holds times from 1970 to 2262: the "
                "time range is narrowed to that"
            )
            self.request = replace(self.request, earliest_ms=earliest, latest_ms=latest)

    def _no_shards(self, shards: int) -> None:
        if shards == 0 and not self.request.allow_partial:
            raise self._nothing_matched("no shard was searched")
        if shards == 0:
            text = f"index {self.request.index!r} matches no index that this account may read"
            if text not in self.warnings:
                self.warnings.append(text)

    def _nothing_matched(self, reason: str) -> BridgeError:
        if not self._access.covers_request():
            return self._access.refusal()
        return NothingMatched(
            f"index {self.request.index!r} names no index that exists and that this account may read at cluster "
            f"{self._transport.config.name!r} ({reason}). Check the spelling and the account's permissions; "
            "'aws-siem-bridge indices' lists what it may read. For a wildcard, partial=allow accepts an empty result"
        )

    def _warn_without_time(self, documents: int) -> None:
        if documents:
            self.warnings.append(
                f"{documents} documents have no {self.request.time_field}: they come last and have no _time"
            )

    def _keep_alive(self) -> None:
        """Touch the PIT while a reader pauses for longer than it would live."""
        while not self._closed.wait(self._keep_alive_s / 4):
            if time.monotonic() - self._touched > self._keep_alive_s / 3 and self._pit_search is not None:
                try:
                    self._pit_search.touch()
                except BridgeError:
                    return  # the next page says it with more to say
