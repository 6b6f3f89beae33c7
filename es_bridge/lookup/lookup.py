"""A lookup of any number of events: batch by batch, answers in the order of the events.

::

    bounds of the query -> the engine, if it is not remembered -> the time field, and with it the indices and the access
    types of the fields to look up by, and whether the query can match     (beside the first batch)
    batches of events, two at a time, each one request -> answers in order
    what only the end can know: ceilings, days that the store does not hold, a query that can match nothing
"""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from datetime import date, timedelta
from typing import Deque, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from es_bridge.dialect import Dialect, detect
from es_bridge.errors import CeilingReached, NotFound, QueryError, RejectedQuery
from es_bridge.inquiry import Inquiry
from es_bridge.limits import Ceilings
from es_bridge.lookup.batch import Asked, BatchSearch, Found, is_of_another_engine
from es_bridge.lookup.event_key import EventKey, LookupRequest, Matches
from es_bridge.lookup.match_types import MatchTypes, match_types
from es_bridge.time_field import NANOS_RANGE_MS
from es_bridge.times import EPOCH, now_ms
from es_bridge.transport import Transport
from es_bridge.unmatched.check import FieldCheck

#: Batches asked for before the reader wants them.
BATCHES_AHEAD = 2
#: Events of the first batch, and of one at most. Between them a batch grows while its engine is quick.
FIRST_BATCH, MOST_IN_BATCH = 25, 100
#: A batch that took less grows, one that took more shrinks.
QUICK_S, SLOW_S = 1.0, 5.0
#: Documents that the events of one batch should bring together, as far as those before tell how many each brings.
DOCS_IN_BATCH = 5000
#: Characters of values in one batch.
CHARACTERS_IN_BATCH = 1 << 20


class _Batch(NamedTuple):
    """Distinct keys, and for each event in order which of them is its own."""

    keys: List[EventKey]
    places: List[int]


class Lookup(Inquiry):
    """Ask it for `answers`, as often as there are events, then for the `finish`. A context manager.

    ``warnings`` and ``notes`` (texts for the user) grow meanwhile. Raises the errors of `es_bridge.errors`; an
    incomplete answer is `PartialResult`, one that a ceiling ends `CeilingReached`, unless the request allows it.
    """

    def __init__(
        self,
        transport: Transport,
        lookup: LookupRequest,
        ceilings: Optional[Ceilings] = None,
        remembered: Optional[Dialect] = None,
    ) -> None:
        self.lookup = lookup.checked()
        super().__init__(transport, lookup.search, ceilings or Ceilings(), remembered)
        #: Documents that were handed out, events that were looked up.
        self.emitted = self.asked = 0
        self._types: Optional[MatchTypes] = None
        self._batches: Optional[BatchSearch] = None
        self._batch_events = FIRST_BATCH
        #: Documents that an event brings, about.
        self._docs_each = 1.0
        self._days: Set[date] = set()
        self._range: Optional[Tuple[int, int]] = None
        #: The ceiling that ended it, where an incomplete answer is allowed.
        self._ended_by: Optional[CeilingReached] = None
        #: Whether the ceiling of rows has taken documents from an event.
        self.is_cut_by_ceiling = False

    @property
    def ticks_per_s(self) -> int:
        """The unit of the time of a `Hit`."""
        return self._time_field.ticks_per_s if self._time_field else 1000

    @property
    def learnt(self) -> Optional[Dialect]:
        """The engine, if it had to be asked who it is: worth remembering where it may be opened a PIT of."""
        dialect = self._dialect
        return dialect if dialect is not self._remembered and dialect and dialect.may_have_pit else None

    @property
    def cut(self) -> int:
        """How many documents match and were not handed out."""
        return (self.matched or 0) - self.emitted

    @property
    def range_ms(self) -> Optional[Tuple[int, int]]:
        """From when until when was looked up, for the audit line."""
        return self._range

    def answers(self, keys: Sequence[EventKey]) -> Iterator[Optional[Matches]]:
        """Yield the matches of each event, in order; ``None`` where a ceiling ended the lookup and that is allowed.

        The first call opens the lookup, also without any event: what is wrong with it shows with no event as well.
        """
        left = len(keys)
        if self._ended_by is None:
            try:
                for answer in self._answered(keys):
                    left -= 1
                    yield answer
            except Exception as exc:
                error = self._cause(exc)
                if not (isinstance(error, CeilingReached) and self.request.allow_partial):
                    if error is exc:
                        raise
                    raise error from exc
                self._ended_by = error
        for _ in range(left):
            yield None

    def finish(self) -> None:
        """Say what only the end can know. Raises as `answers` does."""
        try:
            self._finish()
        except Exception as exc:
            error = self._cause(exc)
            if isinstance(error, CeilingReached) and self.request.allow_partial:
                self._ended_by = self._ended_by or error
            elif error is exc:
                raise
            else:
                raise error from exc
        if self._ended_by:
            self.warnings.append(f"{self._ended_by}. Events that came later were not looked up")
        self._finished = True

    def _answered(self, keys: Sequence[EventKey]) -> Iterator[Matches]:
        is_first = self._batches is None
        if is_first:
            self._start(keys)
        self._note_range(keys)
        self._collect_fields(wait=self._rows_wait_for_check)
        waiting = self._divided(keys)
        pending: Deque[Tuple[_Batch, Future[List[Matches]]]] = deque()
        while True:
            while len(pending) < BATCHES_AHEAD:
                batch = next(waiting, None)
                if batch is None:
                    break
                too_much = self._beyond_a_ceiling()
                if too_much:
                    raise too_much
                pending.append((batch, self._pool.submit(self._ask, batch.keys, self._most())))
            first = pending.popleft() if pending else None
            answers = first[1].result() if first else []
            if is_first and not self._rows_wait_for_check:
                is_first = False
                self._check_fields()  # the first rows do not wait for it
            if first is None:
                return
            for place in first[0].places:
                yield self._limited(answers[place])
            self._collect_fields(wait=False)

    def _start(self, keys: Sequence[EventKey]) -> None:
        """Find out what is looked up where; nothing of an event is asked before that is allowed."""
        self._run_time.start()
        request = self.request
        if request.query or request.dsl:
            from es_bridge.query_bounds import check_question  # here, because every import delays the first row

            check_question(request, self._ceilings, self._transport.config.name)
        self._access.check_request()
        # Bounded, because a window always is: indices without the time field have nothing to look up.
        earliest, latest = (_range_of(keys) if keys else None) or (now_ms() - 1, now_ms())
        self.request = replace(request, earliest_ms=earliest, latest_ms=max(latest, earliest + 1))
        self._dialect = self._remembered or detect(self._transport)
        try:
            time_field = self._resolved()
        except NotFound as exc:
            if exc.error_type != "index_not_found_exception":
                raise
            raise self._nothing_matched(exc.reason) from exc
        self._no_shards(-1 if time_field.indices is None else time_field.indices)
        if time_field.without:
            self.notes.append(
                f"{len(time_field.without)} indices have no {request.time_field}, such as {time_field.without[0]}: "
                "their documents are at no time, so no event finds them"
            )
        self._fields = FieldCheck(self._transport, self.request, self._access)
        if self._rows_wait_for_check:
            self._check_fields()
        self._types = match_types(self._transport, request, self.lookup.fields, time_field.names)
        self._say_types()
        self._batches = BatchSearch(
            self._transport, self.lookup, time_field, self._access, self._closed, self._time_limit()
        )

    def _say_types(self) -> None:
        """Say which fields to look up by are not there, or hold words. Raises with ``unknown_fields=fail``."""
        assert self._types is not None and self._time_field is not None  # noqa: S101
        how = self.request.unknown_fields
        if how == "ignore" or not self._time_field.names:
            return
        said: List[str] = []
        if not self._types.are_known:
            if how == "fail":
                raise QueryError(
                    "the account may not ask for the types of fields, and unknown_fields=fail requires that they are "
                    "known"
                )
            self.notes.append(
                "the account may not ask for the types of fields, so it is not known whether the fields to look up by "
                "are there"
            )
            return
        lacking = [field for field in self.lookup.fields if not self._types.kinds(field)]
        if lacking:
            from es_bridge.unmatched.field_types import FieldTypes  # here, because most lookups need none of it
            from es_bridge.unmatched.known_fields import KnownFields

            names = [name for name in self._time_field.names if ":" not in name]
            known = KnownFields(FieldTypes(self._transport), names, lacking) if names else None
            for field in lacking:
                instead = known.instead(field) if known else ""
                said.append(
                    f"no index that {self.request.index!r} names has a searchable field {field!r}, so no event matches"
                    + (f". Write instead: {instead}" if instead else "")
                )
        said += [
            f"{field!r} holds text that is taken apart into words, so only an event whose value is one such word "
            f"matches. Look up by a field of type keyword, such as {field}.keyword"
            for field in self.lookup.fields
            if "text" in self._types.kinds(field)
        ]
        if said and how == "fail":
            raise QueryError(". ".join(said[:3]) + " (unknown_fields=fail)")
        self.warnings += said

    def _note_range(self, keys: Sequence[EventKey]) -> None:
        """Keep from when to when was looked up, and on which days."""
        for first, last in {(key.earliest_ms // _DAY_MS, (key.latest_ms - 1) // _DAY_MS) for key in keys}:
            for day in range(first, last + 1):
                try:
                    self._days.add((EPOCH + timedelta(days=day)).date())
                except OverflowError:
                    pass  # no index is of that day
        if keys:
            low, high = _range_of(keys)
            before = self._range or (low, high)
            self._range = min(low, before[0]), max(high, before[1])

    def _divided(self, keys: Sequence[EventKey]) -> Iterator[_Batch]:
        """Yield batches of the events in order; what is the same in one is asked once."""
        places: Dict[EventKey, int] = {}
        order: List[int] = []
        characters = 0
        for key in keys:
            if key not in places:
                most = max(1, min(self._batch_events, int(DOCS_IN_BATCH / self._docs_each)))
                length = sum(len(value) for values in key.values for value in values)
                if places and (len(places) >= most or characters + length > CHARACTERS_IN_BATCH):
                    yield _Batch(list(places), order)
                    places, order, characters = {}, [], 0
                places[key] = len(places)
                characters += length
            order.append(places[key])
        if order:
            yield _Batch(list(places), order)

    def _ask(self, keys: Sequence[EventKey], most: int) -> List[Matches]:
        """Return the answers of a batch."""
        assert self._types is not None  # noqa: S101
        started = time.monotonic()
        searches: List[Asked] = []
        owners: List[int] = []
        unfit: List[Tuple[Tuple[str, str], ...]] = []
        for place, key in enumerate(keys):
            within = self._within_type(key)
            parts, cannot = self._types.parts(key)
            unfit.append(cannot)
            if within is not None:
                searches += [Asked(within, part) for part in parts]
                owners += [place] * len(parts)
        found: List[List[Found]] = [[] for _ in keys]
        for owner, each in zip(owners, self._found(searches, most) if searches else ()):
            found[owner].append(each)
        self._adapt(time.monotonic() - started, sum(len(part.hits) for each in found for part in each) / len(keys))
        return [_answer(each, cannot, most) for each, cannot in zip(found, unfit)]

    def _found(self, searches: Sequence[Asked], most: int) -> List[Found]:
        """Return what the searches find, also where another engine answers than the one that was remembered."""
        assert self._batches is not None  # noqa: S101
        try:
            return self._batches.ask(searches, most)
        except RejectedQuery as exc:
            if self._remembered is None or not is_of_another_engine(exc):
                raise
            if self._dialect is self._remembered:
                self._dialect = detect(self._transport)
                self._batches.time_limit = self._time_limit()
            return self._batches.ask(searches, most)

    def _within_type(self, key: EventKey) -> Optional[EventKey]:
        """Return a key within the times that date_nanos can hold, if need be; ``None`` where nothing is left."""
        if self._time_field is None or not self._time_field.has_nanos:
            return key
        low, high = NANOS_RANGE_MS
        earliest, latest = max(key.earliest_ms, low), min(key.latest_ms, high)
        return key._replace(earliest_ms=earliest, latest_ms=latest) if earliest < latest else None

    def _adapt(self, took_s: float, docs_each: float) -> None:
        """Make batches larger while the engine is quick, so that one request is not long under way."""
        self._docs_each = max(1.0, docs_each, self._docs_each / 2)
        if took_s < QUICK_S:
            self._batch_events = min(MOST_IN_BATCH, self._batch_events * 2)
        elif took_s > SLOW_S:
            self._batch_events = max(1, self._batch_events // 2)

    def _most(self) -> int:
        """Return how many documents an event may still have; 0: only their number is wanted."""
        most = self._ceilings.max_rows
        return self.lookup.most if most is None else min(self.lookup.most, max(0, most - self.emitted))

    def _limited(self, answer: Matches) -> Matches:
        """Return an answer within the ceiling of rows, and count it."""
        most = self._most()
        if len(answer.hits) > most or (most < self.lookup.most and answer.cut):
            self.is_cut_by_ceiling = True
            answer = answer._replace(hits=answer.hits[:most])
        self.asked += 1
        self.matched = (self.matched or 0) + answer.matched
        self.emitted += len(answer.hits)
        return answer

    def _incomplete(self) -> List[str]:
        return self._batches.incomplete if self._batches else []

    def _finish(self) -> None:
        if self._ended_by is None:
            self._collect_fields(wait=True)
            if self._range and self._time_field and self._time_field.names:
                from es_bridge.coverage import beyond_store  # as above

                ranged = replace(self.request, earliest_ms=self._range[0], latest_ms=self._range[1])
                warnings, notes = beyond_store(
                    self._transport, ranged, list(self._time_field.names), now_ms(), self._days
                )
                self.warnings += warnings
                self.notes += notes
                members = self._types.members if self._types else []
                self.warnings += self._fields.about_members(self.request.time_field, self.emitted > 0, ranged, members)
        self.warnings += self._incomplete()
        if self.is_cut_by_ceiling:
            told = self._ceilings.told("max_rows", self._transport.config.name)
            self.warnings.append(
                f"{self.matched} documents match, {self.emitted} of them are returned, as many as {told}. Look up "
                "fewer events, or fewer documents for each (max=)"
            )


_DAY_MS = int(timedelta(1) / timedelta(milliseconds=1))


def _range_of(keys: Sequence[EventKey]) -> Tuple[int, int]:
    return min(key.earliest_ms for key in keys), max(key.latest_ms for key in keys)


def _answer(found: Sequence[Found], unfit: Tuple[Tuple[str, str], ...], most: int) -> Matches:
    """Return the answer of an event that was asked in parts."""
    hits = [hit for each in found for hit in each.hits]
    if len(found) > 1:
        hits = sorted(hits, key=lambda hit: (hit.time or 0, hit.index, hit.id))[:most]
    return Matches(hits, sum(each.matched for each in found), unfit, any(each.is_refused for each in found))
