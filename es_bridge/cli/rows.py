"""Rows of a command in the format that the user asks for: the same four everywhere.

``table`` is for a person. ``json`` is one array, ``jsonl`` one object a line, ``csv`` has a header; these three have
the same names and whole values.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence

from es_bridge.cli.table import aligned
from es_bridge.terminal import put

TABLE, JSON, JSONL, CSV = "table", "json", "jsonl", "csv"
FORMATS = (TABLE, JSON, JSONL, CSV)


def add_format_argument(group: Any, default: str = TABLE, more: str = "") -> None:
    """Add ``--format`` to a parser or a group of one."""
    group.add_argument(
        "--format", choices=FORMATS, default=default, metavar="|".join(FORMATS), help=f"{more}default: {default}"
    )


class Column(NamedTuple):
    """One column: its name in the facts and in CSV, its title in a table, and what a cell of that says."""

    name: str
    title: str
    text: Callable[[Any], str] = str
    #: Numbers end together.
    right: bool = False


class Rows:
    """Prints rows as they come; those of a table together, at the end, since its columns are as wide as their cells."""

    def __init__(self, format: str, columns: Optional[Sequence[Column]] = None) -> None:
        """Without ``columns`` they are all names of all rows, in the order they come."""
        self._format = format
        self._columns = columns
        self._kept: List[Mapping[str, Any]] = []
        self._count = 0

    def add(self, facts: Mapping[str, Any]) -> None:
        """Print one row, or keep it until the end."""
        self._count += 1
        if self._format == TABLE or (self._format == CSV and self._columns is None):
            self._kept.append(facts)
        elif self._format == CSV:
            if self._count == 1:
                put(csv_line([column.name for column in self._columns or ()]))
            put(csv_line([facts.get(column.name) for column in self._columns or ()]))
        elif self._format == JSONL:
            put(as_json(facts), flush=True)
        else:
            put(("[" if self._count == 1 else ",") + as_json(facts), flush=True)

    def end(self) -> None:
        """Print what is left."""
        if self._format == JSON:
            put("]" if self._count else "[]")
        columns = self._columns or [Column(name, name) for name in dict.fromkeys(n for row in self._kept for n in row)]
        if self._format == CSV and (self._kept or not self._count):
            put(csv_line([column.name for column in columns]))
            for facts in self._kept:
                put(csv_line([facts.get(column.name) for column in columns]))
        elif self._format == TABLE:
            rows = [[self._cell(column, facts) for column in columns] for facts in self._kept]
            right = {number for number, column in enumerate(columns) if column.right}
            put(*aligned([[column.title for column in columns], *rows], right))

    def _cell(self, column: Column, facts: Mapping[str, Any]) -> str:
        value = facts.get(column.name)
        return "-" if value is None else column.text(value)


def as_json(facts: Mapping[str, Any]) -> str:
    """Return one line of JSON."""
    text = json.dumps(facts, ensure_ascii=False)
    # Half a surrogate pair, as in a file's name that is no UTF-8, cannot be written as it is.
    return json.dumps(facts) if any("\ud800" <= c <= "\udfff" for c in text) else text


def csv_line(values: Sequence[Any]) -> str:
    """Return one line of CSV, without its end; what is no text or number is there as JSON, nothing as an empty cell."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([_csv_cell(value) for value in values])
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return value
    return json.dumps(value, ensure_ascii=False)
