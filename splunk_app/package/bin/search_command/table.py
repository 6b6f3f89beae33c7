"""Rows of known columns as the CSV body of one reply, for commands that tell of documents and hand none out."""

from __future__ import annotations

import re
from typing import Any, Iterable, List, Mapping, Sequence, Set

#: Column with the several values of a field: ``$a$;$b$``.
MULTIVALUE = "__mv_"
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Return header and rows. A value is a text, a number, true or false, a list of texts, or ``None``.

    A list of several texts also gets a column of its own (`MULTIVALUE`), where a row has one.
    """
    kept = list(rows)
    several: Set[str] = {
        name for row in kept for name, value in row.items() if isinstance(value, (list, tuple)) and len(value) > 1
    }
    names = [each for name in columns for each in ((name, MULTIVALUE + name) if name in several else (name,))]
    lines = [",".join(map(_quoted, names))]
    for row in kept:
        cells: List[str] = []
        for name in columns:
            value = row.get(name)
            texts = list(value) if isinstance(value, (list, tuple)) else [] if value is None else [_text(value)]
            cells.append(_quoted("\n".join(texts)))
            if name in several:
                cells.append(_quoted(";".join(f"${text.replace('$', '$$')}$" for text in texts)) if texts[1:] else "")
        lines.append(",".join(cells))
    return (_SURROGATE.sub("\ufffd", "\n".join(lines)).replace("\0", "\\u0000") + "\n").encode()


def _text(value: Any) -> str:
    """Return a value as SPL has it; a number without exponent and needless zeros."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if text else ""
