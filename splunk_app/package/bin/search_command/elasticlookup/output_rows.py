"""Rows with what was found for them, as the CSV body of one reply.

Every column that came goes on as it came, ``__mv_`` columns and bytes that are no UTF-8 included. Columns of the lookup
follow, numbered as they appear: a row that was written before a column was known only lacks commas at its end.

A column is never replaced: a field of the store that the events have themselves would be lost, or hide theirs.
"""

from __future__ import annotations

import json
import re
from typing import Dict, Iterable, List, NamedTuple, Optional, Sequence, Set

from es_bridge.errors import QueryError
from es_bridge.lookup.event_key import Matches
from es_bridge.patterns import any_of
from es_bridge.reply import Hit
from search_command.elasticlookup.input_rows import MULTIVALUE, InputChunk, Row
from search_command.flatten import Flattener, NamesTooLong, allowance

MATCHED, CUT = "elasticlookup_matched", "elasticlookup_cut"
#: Columns of one reply, and cells, most of which would be empty: only wildcards in ``fields=`` bring so many.
MOST_COLUMNS = 4000
MOST_CELLS = 20_000_000
_SURROGATE = re.compile("[\ud800-\udfff]")


class Found(NamedTuple):
    """A field's values as its two cells hold them: joined by line ends, and the way of ``__mv_``."""

    plain: List[str]
    several: List[str]


class FoundFields:
    """Takes the fields out of documents that were asked for."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self.wanted = any_of(patterns)
        #: The fields that were asked for by their whole name.
        self.named = tuple(pattern for pattern in patterns if "*" not in pattern)
        #: Names that were found in any document.
        self.seen: Set[str] = set()
        #: Documents that could not be taken apart.
        self.failed = 0
        self._flattener = Flattener()
        # Text hooks keep numbers as written; the C scanner calls them directly.
        self._decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode
        self._mine: Dict[str, bool] = {}

    def of(self, hits: Iterable[Hit]) -> Dict[str, Found]:
        """Return the fields of documents, their values one after the other."""
        found: Dict[str, Found] = {}
        for hit in hits:
            text = hit.source.decode("utf-8", "surrogateescape")
            try:
                cells = self._flattener.cells(self._decode(text), len(text))
                if sum(map(len, cells)) > allowance(len(text)):
                    raise NamesTooLong
            except (ValueError, RecursionError, AttributeError):
                self.failed += 1
                continue
            for name, value in cells.items():
                is_mine = self._mine.get(name)
                if is_mine is None:
                    is_mine = self._is_mine(name)
                if is_mine:
                    each = found.get(name)
                    if each is None:
                        each = found[name] = Found([], [])
                    each.plain.append(value)
                    several = cells.get(MULTIVALUE + name)
                    each.several.append(several or "$" + value.replace("$", "$$") + "$")
        self.seen.update(found)
        return found

    def _is_mine(self, name: str) -> bool:
        if len(self._mine) > 100_000:
            self._mine.clear()
        mine = self._mine[name] = not name.startswith(MULTIVALUE) and self.wanted(name)
        return mine


class OutputChunk:
    """The reply to one chunk. Call `add` for each row in order, then `body`."""

    def __init__(self, chunk: InputChunk, fields: FoundFields, prefix: str, rows: bool) -> None:
        self.count = 0
        self._chunk = chunk
        self._fields = fields
        self._prefix = prefix
        self._rows = rows
        self._may_bring: Set[str] = set()
        self._taken = self._taken_names()
        self._kept = [place for place, name in enumerate(chunk.header) if not self._is_given_up(name)]
        self._columns: Dict[str, int] = {prefix + MATCHED: 1, prefix + CUT: 2}
        self._lines: List[bytes] = []
        #: Number of the last column that each line fills.
        self._last: List[int] = []

    def add(self, row: Row, matches: Optional[Matches]) -> None:
        """Add a row with its matches; ``None``: it was not looked up."""
        cells = [row[place] for place in self._kept]
        kept = self._chunk.encoded("".join(['"' + c.replace('"', '""') + '",' if c else "," for c in cells]))
        if matches is None:
            self._line(kept, ",", {})
            return
        counts = f"{matches.matched},{matches.cut}"
        if not self._rows or not matches.hits:
            self._line(kept, counts, self._fields.of(matches.hits))
            return
        for hit in matches.hits:
            self._line(kept, counts, self._fields.of([hit]))

    def body(self) -> bytes:
        """Return header and rows as CSV with LF row ends."""
        count = len(self._columns)
        if count * self.count > MOST_CELLS:
            raise self._too_many()
        mine = ",".join(_quoted(name) for name in self._columns)
        kept = "".join(_quoted(self._chunk.header[place]) + "," for place in self._kept)
        lines = [self._chunk.encoded(kept) + _text(mine)]
        lines += [line + b"," * (count - last) for line, last in zip(self._lines, self._last)]
        return b"\n".join(lines) + b"\n"

    def _line(self, kept: bytes, counts: str, found: Dict[str, Found]) -> None:
        cells: Dict[int, str] = {}
        for name, (plain, several) in found.items():
            value = "\n".join(plain)
            cells[self._number(name)] = value
            if len(plain) > 1 or "$;$" in several[0]:
                cells[self._number(name, MULTIVALUE)] = ";".join(several)
        parts, last = [counts], 2
        for number in sorted(cells):
            parts.append("," * (number - last) + _quoted(cells[number]))
            last = number
        self._lines.append(kept + _text("".join(parts)))
        self._last.append(last)
        self.count += 1

    def _number(self, field: str, of_several: str = "") -> int:
        """Return the number of a field's column. Raises `QueryError` where the events have one of that name."""
        name = of_several + self._prefix + field
        number = self._columns.get(name)
        if number is None:
            if self._prefix + field in self._taken:
                raise _taken(self._prefix + field)
            number = self._columns[name] = len(self._columns) + 1
            if number > MOST_COLUMNS:
                raise self._too_many()
        return number

    def _taken_names(self) -> Set[str]:
        """Return the columns with values, of those that the lookup may bring. Raises `QueryError` for what it will."""
        prefix = self._prefix
        places: Dict[int, str] = {}
        for place, name in enumerate(self._chunk.header):
            base = name[len(MULTIVALUE) :] if name.startswith(MULTIVALUE) else name
            field = base[len(prefix) :] if base.startswith(prefix) else ""
            if field in (MATCHED, CUT) or (field[:1] not in ("", "_") and self._fields.wanted(field)):
                places[place] = base
        self._may_bring = set(places.values())
        taken = {places[place] for place in self._chunk.with_values(places)}
        for field in (MATCHED, CUT, *self._fields.named):
            if prefix + field in taken:
                raise _taken(prefix + field)
        return taken

    def _is_given_up(self, name: str) -> bool:
        """Whether a column that came has no value in any row, and is one that the lookup may bring."""
        base = name[len(MULTIVALUE) :] if name.startswith(MULTIVALUE) else name
        return base in self._may_bring and base not in self._taken

    @staticmethod
    def _too_many() -> QueryError:
        return QueryError(
            "the matches have too many different fields for one table: name the fields that you want in fields=, "
            "without wildcards"
        )


def _taken(name: str) -> QueryError:
    return QueryError(
        f"the events have a field {name!r} with values already, and the lookup would bring another one of that name. "
        "Add prefix=, such as prefix=found_, which begins the names of all its fields, or rename yours before"
    )


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


def _text(text: str) -> bytes:
    """Return text of documents as UTF-8, written as ``| elasticsearch`` writes what CSV or UTF-8 cannot hold."""
    return _SURROGATE.sub("\ufffd", text.replace("\0", "\\u0000")).encode()
