"""Documents of a search in the four formats, page by page.

A JSON line and an element of the JSON array are the document as it is stored. Table and CSV have columns: those the
user names, else fields that the first documents have and that people look at first.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict, Iterator, List, Sequence

from es_bridge.cli.rows import csv_line
from es_bridge.cli.table import cell, line
from es_bridge.terminal import json_line, shown
from es_bridge.times import format_utc

#: Columns of a table take the width of their first cells, up to this.
WIDEST_COLUMN = 48
#: What people look at first, of any log; a table takes the first of these that its documents have.
FIRST_LOOKED_AT = (
    "event.action",
    "event.outcome",
    "waf.verdict",
    "user.name",
    "source.ip",
    "source.address",
    "destination.ip",
    "destination.port",
    "network.transport",
    "network.bytes",
    "dns.question.name",
    "dns.question.type",
    "dns.response_code",
    "http.request.method",
    "url.domain",
    "url.path",
    "rule.name",
    "host.name",
    "process.name",
    "log.level",
    "error.message",
    "message",
    "cloud.account.id",
    "cloud.region",
)
#: Columns that nobody named; fewer where they are wider than the terminal.
MOST_COLUMNS, LEAST_COLUMNS = 6, 2
#: In another form among the columns.
_NO_COLUMNS = ("@timestamp", "event.ingested", "event.dataset", "event.original")


class Lines:
    """Pages as JSON lines, every document as it is stored; on a terminal with escapes, which are the same value."""

    def __init__(self, with_id: bool, for_terminal: bool) -> None:
        self._with_id = with_id
        self._for_terminal = for_terminal

    def page(self, page: Any) -> bytes:
        """Return the bytes to write for one page."""
        lines = map(self._line, page.hits)
        return b"".join(map(json_line, lines) if self._for_terminal else lines)

    def end(self) -> bytes:
        """Return the bytes to write behind the last page."""
        return b""

    def _line(self, hit: Any) -> bytes:
        source = hit.source
        if b"\n" in source or b"\r" in source:
            # Outside of strings these are white space, and inside JSON has no bare line ends.
            source = source.replace(b"\r", b" ").replace(b"\n", b" ")
        if not self._with_id:
            return source + b"\n"
        head = json.dumps({"_index": hit.index, "_id": hit.id}, ensure_ascii=False).encode("utf-8", "surrogatepass")
        return head[:-1] + b', "_source": ' + source + b"}\n"


class Array(Lines):
    """Pages as one JSON array, an element a line."""

    def __init__(self, with_id: bool, for_terminal: bool) -> None:
        super().__init__(with_id, for_terminal)
        self._is_begun = False

    def page(self, page: Any) -> bytes:
        """See `Lines.page`."""
        out = []
        for written in super().page(page).splitlines(True):
            out.append((b"," if self._is_begun else b"[") + written)
            self._is_begun = True
        return b"".join(out)

    def end(self) -> bytes:
        """See `Lines.end`."""
        return b"]\n" if self._is_begun else b"[]\n"


class Columns:
    """Pages as rows: time, index and fields."""

    def __init__(self, fields: Sequence[str], width: int = 0) -> None:
        """``width`` is that of the terminal, 0 for no limit to the columns that are chosen here."""
        self.fields: List[str] = list(fields)
        #: Fields that documents have and that are no column; only counted where nobody named columns.
        self.left_out: Counter[str] = Counter()
        self._are_chosen = bool(fields)
        self._width = width
        self._is_begun = False

    def page(self, page: Any) -> bytes:
        """See `Lines.page`."""
        documents = [_decoded(hit.source) for hit in page.hits]
        if not self.fields and documents:
            self.fields = chosen(documents)
        rows = [self._row(hit, document, page.ticks_per_s) for hit, document in zip(page.hits, documents)]
        if not self._are_chosen:
            for document in documents:
                self.left_out.update(set(leaves(document)).difference(self.fields, _NO_COLUMNS))
        lines = self._begun(rows) + [self._line(row) for row in rows]
        return "".join(self._as_printed(text) + "\n" for text in lines).encode("utf-8", "backslashreplace")

    def end(self) -> bytes:
        """See `Lines.end`."""
        return b""

    def _begun(self, rows: List[List[str]]) -> List[str]:
        if self._is_begun or not rows:
            return []
        self._is_begun = True
        return self._first(rows)

    def _first(self, rows: List[List[str]]) -> List[str]:
        return [csv_line(["time", "index", *self.fields])]

    def _line(self, row: List[str]) -> str:
        return csv_line(row)

    def _as_printed(self, text: str) -> str:
        return text

    def _row(self, hit: Any, document: Any, ticks_per_s: int) -> List[str]:
        when = "" if hit.time is None else format_utc(hit.time * 1000 // ticks_per_s)
        try:
            cells = [cell(document, name) for name in self.fields]
        except RecursionError:
            cells = ["(nested too deeply for a column; a JSON line shows it)"]
        return [when, hit.index, *cells]


class Table(Columns):
    """Pages as rows of a table."""

    def __init__(self, fields: Sequence[str], width: int = 0) -> None:
        super().__init__(fields, width)
        self._widths: List[int] = []

    def end(self) -> bytes:
        """See `Lines.end`."""
        return b"" if self._is_begun else b"no documents\n"

    def _first(self, rows: List[List[str]]) -> List[str]:
        header = ["time (UTC)", "index", *self.fields]
        self._widths = [min(WIDEST_COLUMN, max(map(len, column))) for column in zip(header, *rows)]
        if not self._are_chosen:
            self._fit(rows)
            header = header[: 2 + len(self.fields)]
        return [line(header, self._widths)]

    def _fit(self, rows: List[List[str]]) -> None:
        """Leave out the last of the chosen columns that are wider than the terminal."""
        while (
            self._width and len(self.fields) > LEAST_COLUMNS and sum(self._widths) + 2 * len(self._widths) > self._width
        ):
            self._widths.pop()
            self.left_out[self.fields.pop()] += len(rows)
        for row in rows:
            del row[2 + len(self.fields) :]

    def _line(self, row: List[str]) -> str:
        return line([row[0] or "-", *row[1:]], self._widths)

    def _as_printed(self, text: str) -> str:
        return shown(text)


def chosen(documents: Sequence[Any]) -> List[str]:
    """Return the columns of documents for which nobody named any."""
    found: Dict[str, int] = Counter(name for document in documents for name in set(leaves(document)))
    wanted = [name for name in FIRST_LOOKED_AT if name in found]
    if "source.ip" in wanted and "source.address" in wanted:
        wanted.remove("source.address")
    if len(wanted) < MOST_COLUMNS:
        others = dict.fromkeys(name for document in documents for name in leaves(document))
        wanted += [name for name in others if name not in (*wanted, *_NO_COLUMNS, "source.address")]
    return wanted[:MOST_COLUMNS]


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """Yield the dotted names of the fields that have a value; those below a list have it once an element."""
    pending = [(path, value)]
    while pending:
        name, found = pending.pop()
        if isinstance(found, dict):
            pending += [(f"{name}.{key}" if name else key, inner) for key, inner in reversed(found.items())]
        elif isinstance(found, list) and any(isinstance(inner, dict) for inner in found):
            pending += [(name, inner) for inner in reversed(found)]
        elif found is not None and found != []:
            yield name


def _decoded(source: bytes) -> Any:
    try:
        return json.loads(source) if source else {}
    except (ValueError, RecursionError):
        return {}
