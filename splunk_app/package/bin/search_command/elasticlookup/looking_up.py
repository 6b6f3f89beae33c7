"""From the settings to rows with what was found for them. Imported by `command` while splunkd answers."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.dialect import remembered
from es_bridge.lookup.event_key import EventKey, LookupRequest, Matches
from es_bridge.lookup.lookup import Lookup
from es_bridge.transport import Transport
from search_command.asked_by import is_watched
from search_command.connection import ceilings, connect, said_of_cluster, search_request
from search_command.elasticlookup.input_rows import EventKeys, InputChunk, Row, Why
from search_command.elasticlookup.options import LookupOptions
from search_command.elasticlookup.output_rows import CUT, FoundFields, OutputChunk

#: Characters of an event's value that a message shows.
_SHOWN = 60


class Prepared(NamedTuple):
    """A lookup that has not asked anything yet, and what turns rows into rows."""

    lookup: Lookup
    transport: Transport
    rows: LookedUpRows


def prepare(options: LookupOptions, settings: SearchSettings, info: Any) -> Prepared:
    """Return the lookup that the user's line and the settings make. Raises `QueryError` and `ConfigError`."""
    request = search_request(options.question, settings, (None, None))
    wanted = LookupRequest(request, tuple(store for store, _ in options.match), options.most)
    transport = connect(settings, info)
    known = remembered(settings.engine, settings.cluster.engine)
    lookup = Lookup(transport, wanted, ceilings(settings), known)
    warnings, notes = said_of_cluster(settings)
    lookup.warnings += warnings
    lookup.notes += notes
    is_meant = options.most_is_given and is_watched(getattr(info, "sid", None))
    return Prepared(lookup, transport, LookedUpRows(lookup, options, is_meant))


class LookedUpRows:
    """Turns chunks of rows into chunks of rows with what was found; counts what there is to say at the end."""

    def __init__(self, lookup: Lookup, options: LookupOptions, is_meant: bool) -> None:
        self._lookup = lookup
        self._options = options
        self._is_meant = is_meant
        self._fields = FoundFields(options.fields)
        #: Rows that came.
        self._came = 0
        #: Why rows were not looked up -> how many.
        self._not_looked_up: Dict[str, int] = {}
        #: (field, value) that cannot be held, the first of each field -> events with such a one.
        self._unfit: Dict[str, Tuple[str, int]] = {}
        self._refused: List[Tuple[str, ...]] = []
        self._refused_events = 0
        self._cut_events = 0

    def of(self, body: bytes, is_wanted: Callable[[], bool]) -> Tuple[int, bytes]:
        """Return (rows, CSV) for the CSV of one request; rows go on as they are once they are not wanted.

        Raises as `Lookup.answers` does, and `QueryError`.
        """
        chunk = InputChunk(body)
        output = OutputChunk(chunk, self._fields, self._options.prefix, self._options.output == "rows")
        keys = EventKeys(self._options.match, self._options.before_ms, self._options.after_ms, chunk.header)
        has_rows = False
        for block in chunk.blocks():
            has_rows = True
            looked_up = self._matched(block, keys) if is_wanted() else ((row, None) for row in block)
            for row, matches in looked_up:
                output.add(row, matches)
        if not has_rows and is_wanted():
            list(self._lookup.answers([]))  # what is wrong with the lookup is wrong without a row, too
        return output.count, output.body() if chunk.header else b""

    def finish(self, is_wanted: bool) -> None:
        """Say what only the end can know. Raises as `Lookup.finish` does."""
        if not is_wanted:
            self._lookup.notes.append("The search was finalized: events that came later were not looked up")
        self._lookup.finish()
        self._say_not_looked_up()
        self._say_unfit()
        self._say_cut()
        warnings, notes = self._lookup.warnings, self._lookup.notes
        if self._fields.failed:
            warnings.append(
                f"{self._fields.failed} matches could not be taken apart (no JSON object, nested too deeply, or names "
                "many times longer than the document), so they count as matches and bring no fields"
            )
        missing = [name for name in self._fields.named if name not in self._fields.seen]
        if missing and self._lookup.emitted:
            notes.append(
                f"no match has a field {' or '.join(map(repr, missing[:5]))} (fields=). Values of a list are in a "
                "field whose name ends with {}, as | elasticsearch shows them"
            )

    def _matched(self, block: List[Row], keys: EventKeys) -> Iterator[Tuple[Row, Optional[Matches]]]:
        wanted = [keys.key(row) for row in block]
        self._came += len(block)
        answers = self._lookup.answers([key for key in wanted if isinstance(key, EventKey)])
        for row, key in zip(block, wanted):
            if isinstance(key, Why):
                self._not_looked_up[key.field] = self._not_looked_up.get(key.field, 0) + 1
                yield row, None
                continue
            matches = next(answers)
            if matches is not None:
                self._count(key, matches)
            yield row, matches
        for _ in answers:  # to its end, where it tidies up
            pass

    def _count(self, key: EventKey, matches: Matches) -> None:
        self._cut_events += matches.cut > 0
        for field in {field for field, _ in matches.unfit}:
            value, events = self._unfit.get(field, (next(v for f, v in matches.unfit if f == field), 0))
            self._unfit[field] = (value, events + 1)
        if matches.is_refused:
            self._refused_events += 1
            self._refused = self._refused or list(key.values)

    def _say_not_looked_up(self) -> None:
        left_out = sum(self._not_looked_up.values())
        if not left_out:
            return
        why = ", ".join(
            f"{count} without {field or '_time (epoch seconds)'}"
            for field, count in sorted(self._not_looked_up.items(), key=lambda item: -item[1])
        )
        text = f"{left_out} of {self._came} events were not looked up: {why}"
        if left_out == self._came:
            self._lookup.warnings.append(f"{text}. Check the names to the right of = in match=, and that _time is kept")
        else:
            self._lookup.notes.append(text)

    def _say_unfit(self) -> None:
        for field, (value, events) in self._unfit.items():
            text = (
                f"{events} of {self._came} events have a value that {field!r} cannot hold, such as {_shown(value)}: "
                "nothing is found by such a value"
            )
            (self._lookup.warnings if events == self._came else self._lookup.notes).append(text)
        if self._refused_events:
            values = ", ".join(_shown(value) for each in self._refused for value in each[:1])
            self._lookup.warnings.append(
                f"the engine refuses to look for the values of {self._refused_events} events, such as {values}: they "
                "are of the wrong kind for the fields in match="
            )

    def _say_cut(self) -> None:
        # What the ceiling of rows has cut is said by the lookup.
        if self._cut_events and not self._lookup.is_cut_by_ceiling:
            texts = self._lookup.notes if self._is_meant else self._lookup.warnings
            texts.append(
                f"{self._cut_events} events have more than max={self._options.most} matches: the oldest "
                f"{self._options.most} of each are returned, {self._options.prefix}{CUT} says how many are not"
            )


def _shown(value: str) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
