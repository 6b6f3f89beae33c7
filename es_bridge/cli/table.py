"""Text tables, and the cells of a document in one."""

from __future__ import annotations

import json
from typing import Any, Collection, Iterable, List, Sequence


def aligned(rows: Iterable[Sequence[str]], right: Collection[int] = ()) -> List[str]:
    """Return one line a row, with columns as wide as their widest cell; columns in ``right`` end together."""
    rows = list(rows)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return [line(row, widths, right) for row in rows]


def line(row: Sequence[str], widths: Sequence[int], right: Collection[int] = ()) -> str:
    """Return one row in columns of the given widths; a longer cell moves the rest, it is not cut."""
    cells = [cell.rjust(width) if n in right else cell.ljust(width) for n, (cell, width) in enumerate(zip(row, widths))]
    return "  ".join(cells).rstrip()


def cell(document: Any, path: str) -> str:
    """Return what a document has at a dotted path, on one line; several values are joined by commas.

    A list on the way means each of its elements, as the engines read such a path; a key that holds dots itself wins.
    """
    values = _values(document, path)
    return ", ".join(_text(value) for value in values)


def _values(value: Any, path: str) -> List[Any]:
    if isinstance(value, list):
        return [found for element in value for found in _values(element, path)]
    if not path:
        return [] if value is None else [value]
    if not isinstance(value, dict):
        return []
    if path in value:
        return _values(value[path], "")
    key = path
    while "." in key:
        key = key.rpartition(".")[0]
        if key in value:
            return _values(value[key], path[len(key) + 1 :])
    return []


def _text(value: Any) -> str:
    if isinstance(value, str):
        text = value
    else:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    # A log's author must not move the reader's cursor or hide lines: control characters are shown, not sent.
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
