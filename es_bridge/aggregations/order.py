"""``sort=``: the order of the rows, as SPL's ``sort`` writes it: ``-count, eventName``."""

from __future__ import annotations

import re
from typing import Any, List, NamedTuple, Sequence, Tuple

from es_bridge.aggregations.values import order_key
from es_bridge.errors import QueryError

_KEY = re.compile(r"\s*([+-]?)\s*(?:\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'|([^\s,\"'+-][^\s,\"']*))\s*,?")


class SortKey(NamedTuple):
    """One column to sort by."""

    column: str
    descending: bool = False


def parse_sort(text: str, columns: Sequence[str]) -> Tuple[SortKey, ...]:
    """Return the columns of ``sort=``. Raises `QueryError` for one that there is not."""
    found: List[SortKey] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _KEY.match(text, at)
        if match is None:
            raise QueryError(
                f'sort= cannot be read at {text[at : at + 40]!r}: columns, such as sort="-count, eventName"'
            )
        quoted = match[2] if match[2] is not None else match[3]
        name = match[4] if quoted is None else re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)
        if name not in columns:
            raise QueryError(f"sort= names {name[:60]!r}, which is no column. Columns: {', '.join(columns)}")
        found.append(SortKey(name, match[1] == "-"))
        at = match.end()
    return tuple(found)


def sort_rows(rows: List[Any], keys: Sequence[SortKey]) -> None:
    """Sort rows in place: numbers as numbers, anything else as text, rows without a value last."""
    for key in reversed(keys):
        with_value = [row for row in rows if row.get(key.column) is not None]
        without = [row for row in rows if row.get(key.column) is None]
        with_value.sort(key=lambda row: order_key(row[key.column]), reverse=key.descending)
        rows[:] = with_value + without
