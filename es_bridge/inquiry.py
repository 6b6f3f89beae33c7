"""One question to a cluster, from its opening to its end: what a search and an aggregation have in common.

::

    within bounds? -> which engine? -> open the PIT, ask for the time field's types (side by side) -> ... -> close

Whoever asks is held to the indices of the rules and to the ceilings, hears of a query that can match nothing, and
leaves nothing open in the cluster, however it ends.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Generator, Iterator, List, Optional, Tuple, TypeVar

from es_bridge.dialect import KEEP_ALIVE_S, Dialect, Pit, detect, is_no_pit
from es_bridge.errors import (
    Aborted,
    BridgeError,
    CeilingReached,
    NotFound,
    NothingMatched,
    ResponseError,
)
from es_bridge.index_access import IndexAccess
from es_bridge.limits import Ceilings, RunTime
from es_bridge.pit import PitSearch
from es_bridge.query import SearchRequest
from es_bridge.stopping import CANCEL_TIMEOUT_S, EngineTimeLimit, cancel_tasks, engine_time_limit
from es_bridge.time_field import NANOS_RANGE_MS, TimeField, resolve
from es_bridge.times import now_ms
from es_bridge.transport import Transport
from es_bridge.unmatched.check import FieldCheck

Self = TypeVar("Self", bound="Inquiry")
#: Two requests keep a two-core engine and one reader busy; more gave nothing (measured).
FETCH_THREADS = 2
#: Closing a context must not hold up a search that was cancelled.
CLOSE_TIMEOUT_S = 1.5


class Inquiry:
    """Iterate over it for answers, once. A context manager: leaving it ends requests and closes contexts.

    ``warnings`` and ``notes`` (texts for the user) and ``matched`` grow while it is iterated. Raises the errors of
    `es_bridge.errors`; an incomplete answer is `PartialResult`, one that a ceiling ends `CeilingReached`, unless the
    request allows it. A subclass says in `_answers` what it yields.
    """

    #: What is done where there is no PIT, and what a ceiling may have left out: parts of messages.
    _instead_of_pit = "so pages may shift"
    _left_out = "Events may be missing"

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        ceilings: Ceilings,
        remembered: Optional[Dialect] = None,
    ) -> None:
        self.request = request
        self.warnings: List[str] = []
        self.notes: List[str] = []
        #: How many documents match; ``None`` until the engine has said so.
        self.matched: Optional[int] = None
        self._transport = transport
        self._ceilings = ceilings
        self._run_time = RunTime(ceilings.max_run_time_s, self._cut_off)
        self._access = IndexAccess(transport, request)
        self._fields = FieldCheck(transport, request, self._access)
        self._dialect: Optional[Dialect] = None
        self._remembered = remembered
        self._time_field: Optional[TimeField] = None
        self._why_no_pit: Optional[str] = None
        self._pit_search: Optional[PitSearch] = None
        self._pool = ThreadPoolExecutor(FETCH_THREADS + 1, thread_name_prefix="es_bridge")
        self._pit: Optional[Future[Pit]] = None
        self._beyond: Optional[Future[Tuple[List[str], List[str]]]] = None
        self._keep_alive_s = KEEP_ALIVE_S
        self._touched = time.monotonic()
        self._closed = threading.Event()
        self._finished = False
        self._has_delegated = False
        #: Whether requests were ended before they were answered.
        self._interrupted = False
        self._closing = threading.Lock()
        self._freed = False

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Generator[Any, None, None]:
        try:
            self._run_time.start()
            yield from self._answers()
            self._finished = True
            self._say_what_is_missing()
        except Exception as exc:
            error = self._cause(exc)
            if isinstance(error, CeilingReached) and self.request.allow_partial:
                self._finished = False  # nobody waits for what is under way
                self.warnings += [*self._incomplete(), f"{error}. {self._left_out}"]
            elif error is exc:
                raise
            else:
                raise error from exc
        finally:
            self.close()

    def _answers(self) -> Iterator[Any]:
        """Yield what is asked for, beginning with `_begin`."""
        raise NotImplementedError

    def _say_what_is_missing(self) -> None:
        """Add the warnings that only the end can know."""
        raise NotImplementedError

    def _incomplete(self) -> List[str]:
        """Return what was incomplete and allowed to be so."""
        return self._pit_search.incomplete if self._pit_search else []

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
            self._close_contexts()
            if pit_id and self._dialect:
                self._dialect.close_pit(self._transport, pit_id, CLOSE_TIMEOUT_S)
        except BridgeError:
            pass  # it ends by itself after its keep-alive; there is nobody left to tell
        if cancelling:
            cancelling.join(CANCEL_TIMEOUT_S)

    def _close_contexts(self) -> None:
        """Close what else is open in the cluster beside the PIT."""

    def _cut_off_helpers(self) -> None:
        """End what others do for this; called when the run time is over, in the thread that watches it."""

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
        self._cut_off_helpers()

    def _opened_pit(self) -> Optional[str]:
        """Return the PIT of a search that was closed or failed before it could use it."""
        if self._pit is None:
            return None
        try:
            return self._pit.result(timeout=CLOSE_TIMEOUT_S).id
        except Exception:  # a timeout or the error that is being reported already
            return None

    def _begin(self) -> Tuple[TimeField, Optional[Pit]]:
        """Return the time field and the PIT, ``None`` where there is none, if the question may be asked at all."""
        if self.request.query or self.request.dsl:
            from es_bridge.query_bounds import check_question  # here, because every import delays the first row

            check_question(self.request, self._ceilings, self._transport.config.name)
        self._access.check_request()
        opened = self._opened_as_remembered() or self._opened()
        if self._rows_wait_for_check:
            self._check_fields()
        return opened

    def _use_pit(self, time_field: TimeField, pit: Pit) -> PitSearch:
        """Return what asks the PIT, which from now on is kept alive."""
        self._pit_search = PitSearch(
            self._transport, self.request, time_field, pit.id, self._access, pit.keep_alive, self._time_limit()
        )
        self._keep_alive_s = pit.keep_alive_s
        threading.Thread(target=self._keep_alive, daemon=True).start()
        return self._pit_search

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
            self.notes.append(
                f"no point in time to be had on {self._dialect}, {self._instead_of_pit}: {self._why_no_pit}"
            )
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

    @property
    def _rows_wait_for_check(self) -> bool:
        """Who wants a failure instead of a warning wants no row before it."""
        return self.request.unknown_fields == "fail"

    def _check_fields(self) -> None:
        assert self._time_field is not None  # noqa: S101
        if self._time_field.indices != 0:
            self._fields.start(self._pool, self._time_field.names)

    def _ask_for_messages(self) -> None:
        """Ask what no row depends on, once: whether the query can match, and whether the store holds the range.

        To be called when somebody has the first rows. Before, the engine's work and ours (imports, another connection,
        reading the answers) would delay them: one process does one thing at a time.
        """
        if self._beyond is not None or self._time_field is None:
            return
        from es_bridge.coverage import beyond_store  # here, because every import delays the first row

        names = list(self._time_field.names)
        self._beyond = self._pool.submit(beyond_store, self._transport, self.request, names, now_ms())
        if not self._rows_wait_for_check:
            self._check_fields()

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

    def _left_out_without_time(self) -> List[str]:
        """Return a warning about documents that a time range leaves out because they have no time. May ask."""
        if self._pit_search is None or self.request.unbounded:
            return []
        time_field = self._pit_search.time_field
        without = time_field.without
        left_out = self._pit_search.count_without_time(self._access.clauses()) if without else 0
        if not left_out:
            return []
        return [
            f"{left_out} documents match but have no {self.request.time_field}, so the time range leaves them out "
            f"({len(without)} indices lack the field, such as {without[0]}). Search them over All time or with another "
            "time_field="
        ]

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

    def _keep_alive(self) -> None:
        """Touch the PIT while a reader pauses for longer than it would live."""
        while not self._closed.wait(self._keep_alive_s / 4):
            if time.monotonic() - self._touched > self._keep_alive_s / 3 and self._pit_search is not None:
                try:
                    self._pit_search.touch()
                except BridgeError:
                    return  # the next page says it with more to say
