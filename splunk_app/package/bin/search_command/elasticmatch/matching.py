"""From the settings to the rows of a list that the store has. Imported by `command` while splunkd answers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.aggregations.listed import MOST_TERMS
from es_bridge.aggregations.matching import Matching
from es_bridge.aggregations.request import StatsRequest, stats_request
from es_bridge.aggregations.values import text_of
from es_bridge.dialect import Dialect, remembered
from es_bridge.errors import QueryError
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from search_command import concurrency  # noqa: F401  # needed soon: imported while splunkd answers
from search_command.connection import ceilings, connect, said_of_cluster, search_request
from search_command.elasticlookup.input_rows import MULTIVALUE, InputChunk, values_of
from search_command.elasticmatch.options import MatchOptions
from search_command.table import encode
from search_command.timerange import time_range, utc_notes

#: The fields of a row with their values.
Cells = Dict[str, Tuple[str, ...]]
#: Characters of a value that a message shows.
_SHOWN = 60


class Prepared(NamedTuple):
    """A matching that has not asked anything yet."""

    lists: MatchedLists
    transport: Transport
    request: SearchRequest


def prepare(
    options: MatchOptions, settings: SearchSettings, info: Any, picker: Tuple[str, str], now_ms: int
) -> Prepared:
    """Return what the user's line, the picker and the settings make. Raises `QueryError` and `ConfigError`."""
    question = options.question
    by = ", ".join(filter(None, (f'"{options.store}"', options.by)))
    stats = stats_request(stats=options.stats, by=by, where=options.where, zone=settings.tz)
    request = search_request(question, settings, time_range(question, picker, now_ms, settings.tz), size=0)
    transport = connect(settings, info)
    lists = MatchedLists(transport, request, stats, options, settings)
    lists.notes += utc_notes(question, now_ms, settings.tz)
    return Prepared(lists, transport, request)


class MatchedLists:
    """The `Work` of the command: a matching for every `MOST_TERMS` values, one after the other.

    ``warnings`` and ``notes`` have each text once.
    """

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        stats: StatsRequest,
        options: MatchOptions,
        settings: SearchSettings,
    ) -> None:
        self.warnings, self.notes = said_of_cluster(settings)
        self.matched: Optional[int] = None
        self._transport = transport
        self._request = request
        self._stats = stats
        self._options = options
        self._ceilings = ceilings(settings)
        self._known = remembered(settings.engine, settings.cluster.engine)
        self._current: Optional[Matching] = None
        self._is_closed = False
        self._rows = self._without = self._unfit = 0
        self._first_unfit = ""
        #: Columns of the rows, in the order they came.
        self._columns: List[str] = []
        #: Value -> the rows that have it, until there are enough for a question.
        self._waiting: Dict[str, List[Cells]] = {}

    def __enter__(self) -> MatchedLists:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def engine(self) -> str:
        """See `Work`."""
        return self._current.engine if self._current else ""

    @property
    def unmatched(self) -> Optional[str]:
        """See `Work`."""
        return self._current.unmatched if self._current else None

    @property
    def learnt(self) -> Optional[Dialect]:
        """See `Work`."""
        return self._current.learnt if self._current else None

    def close(self) -> None:
        """See `Work`."""
        self._is_closed = True
        if self._current:
            self._current.close()

    def of(self, body: bytes, is_last: bool) -> Tuple[int, bytes]:
        """Return (rows, CSV) for the CSV of one request; nothing while more values fit into one question.

        What is wrong is wrong without a row, too. Raises the errors of `Statistics`, and `QueryError`.
        """
        self._take(InputChunk(body))
        waiting = self._waiting
        if len(waiting) < MOST_TERMS and not is_last:
            return 0, b""
        if not waiting and self._current is not None:
            return 0, b""
        self._waiting = {}
        found = list(self._matched(waiting))
        if not self._columns:
            return 0, b""
        return len(found), encode([*self._columns, *map(self._named, self._stats.columns)], found)

    def finish(self) -> None:
        """Say what only the end can know."""
        field = self._options.field
        if self._without:
            text = f"{self._without} of {self._rows} rows have no value in {field!r} and were left out"
            self._say(self.warnings if self._without == self._rows else self.notes, text)
        if self._unfit:
            text = (
                f"{self._unfit} values cannot be held by {self._options.store!r}, such as {self._first_unfit!r}, so "
                "nothing is found by them"
            )
            self._say(self.warnings if self._unfit == self._rows - self._without else self.notes, text)

    def _take(self, chunk: InputChunk) -> None:
        """Put the rows of a chunk under their values."""
        places = {name: place for place, name in reversed(list(enumerate(chunk.header)))}
        columns = [name for name in chunk.header if not name.startswith(MULTIVALUE)]
        self._check_names(columns)
        self._columns += [name for name in columns if name not in self._columns]
        where = [(name, places[name], places.get(MULTIVALUE + name)) for name in dict.fromkeys(columns)]
        for block in chunk.blocks():
            for row in block:
                self._rows += 1
                cells = {name: values_of(row, place, several) for name, place, several in where}
                values = cells.get(self._options.field, ())
                self._without += not values
                for value in values:
                    self._waiting.setdefault(value, []).append(cells)

    def _matched(self, waiting: Mapping[str, Sequence[Cells]]) -> Iterator[Dict[str, Any]]:
        if self._is_closed:
            return
        matching = self._current = Matching(
            self._transport, self._request, self._stats, list(waiting), self._ceilings, self._known
        )
        with matching:
            for page in matching:
                self._take_messages(matching)
                for row in page:
                    made = {self._named(name): _text(value) for name, value in row.items()}
                    assert matching.listed is not None  # noqa: S101
                    for value in matching.listed.of(str(row[self._options.store])):
                        for cells in waiting[value]:
                            yield {**{name: _single(texts) for name, texts in cells.items()}, **made}
            self._take_messages(matching)
        self._known = matching.learnt or self._known
        self.matched = (self.matched or 0) + (matching.matched or 0)
        unfit = matching.listed.unfit if matching.listed else []
        self._unfit += len(unfit)
        self._first_unfit = self._first_unfit or (unfit[0][:_SHOWN] if unfit else "")

    def _take_messages(self, matching: Matching) -> None:
        for texts, new in ((self.warnings, matching.warnings), (self.notes, matching.notes)):
            for text in new:
                self._say(texts, text)

    @staticmethod
    def _say(texts: List[str], text: str) -> None:
        if text not in texts:
            texts.append(text)

    def _named(self, column: str) -> str:
        return self._options.prefix + column

    def _check_names(self, columns: Sequence[str]) -> None:
        taken: Set[str] = {self._named(name) for name in self._stats.columns} & set(columns)
        if taken:
            raise QueryError(
                f"the rows have a field {sorted(taken)[0]!r} already, and the store would bring another one of that "
                "name. Add prefix=, such as prefix=found_, or rename yours before"
            )


def _single(texts: Tuple[str, ...]) -> Any:
    return list(texts) if len(texts) > 1 else texts[0] if texts else None


def _text(value: Any) -> Any:
    return value if isinstance(value, list) else text_of(value)
