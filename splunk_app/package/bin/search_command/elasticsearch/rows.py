"""Hits -> the CSV body of one reply chunk, encoded by hand because this is what a search spends its time on.

`csv.writer` over every column of a page writes some 600 cells a row, of which an event fills 30. Here a row is one
``%`` over a template that holds quotes for the cells its set of fields fills and bare commas between them; events of
the same shape share the template. Columns are numbered as they appear, so a row written before a column was known only
lacks commas at its end: one pass over the hits is enough, and a field is never lost, whatever came first.

A row has a comma for every column of its chunk, so a chunk of events with keys of their own would grow with the square
of their number: it ends early instead, once it has some thousand columns, and the next one begins with none.

Knows nothing of Splunk's SDK, of sockets or of files: it also runs in worker processes.
"""

from __future__ import annotations

import json
import re
from operator import itemgetter
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from es_bridge.patterns import any_of
from search_command.elasticsearch.sourcetypes import sourcetype_for
from search_command.flatten import Flattener, NamesTooLong, allowance

#: Columns of every row, in this order; then the document's fields.
META_COLUMNS = ("_time", "source", "sourcetype", "index", "host", "doc_id", "_raw")

#: A chunk takes no row that would bring it more columns, or more characters in its header, unless it is the only one.
MOST_COLUMNS = 4000
MOST_HEADER_CHARACTERS = 1 << 20
#: The same of its cells, most of which would be empty.
MOST_CELLS = 1_000_000
#: A chunk of documents of so many bytes is full.
CHUNK_BYTES = 8 << 20

_SURROGATE = "[\ud800-\udfff]"
#: Template of the cells, function that puts the values into column order, number of the last column filled.
_Shape = Tuple[str, Optional[Callable[[Any], Any]], int]
#: Rows and their CSV.
EncodedChunk = Tuple[int, bytes]


class RowSettings(NamedTuple):
    """What the rows of one search look like."""

    #: Name of the cluster: part of ``source``, and ``host`` of documents that have none.
    cluster: str
    output: str = "fields"
    #: Names to extract, with ``*`` as wildcard; empty: all. Never changes ``_raw``.
    fields: Tuple[str, ...] = ()
    #: Sourcetype of every row; empty: by the name of the index.
    sourcetype: str = ""


class RowEncoder:
    """Encodes the hits of one search; remembers names and shapes from chunk to chunk."""

    def __init__(self, settings: RowSettings) -> None:
        self.settings = settings
        self._flattener = Flattener()
        self._wanted = _name_filter(settings.fields)
        self._meta: Dict[str, str] = {}
        # Text hooks keep numbers as written; the C scanner calls them directly.
        self._decode = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str).decode

    def chunks(
        self,
        hits: Sequence[Any],
        ticks_per_s: int = 1000,
        most_rows: int = 1000,
        before_row: Optional[Callable[[], None]] = None,
    ) -> Iterator[EncodedChunk]:
        """Yield chunks: how many rows, and header and rows as UTF-8 CSV with LF row ends.

        A hit has ``index``, ``id``, ``time`` (ticks since the epoch, or None) and ``source`` (bytes as stored).
        ``before_row`` is called before each; what it raises ends the encoding.
        """
        encode = self._encode_raw if self.settings.output == "raw" else self._encode_fields
        position = 0
        while position < len(hits):
            size = end = 0
            for end in range(position, min(position + most_rows, len(hits))):
                size += len(hits[end].source)
                if size > CHUNK_BYTES:
                    break
            rows, body = encode(hits[position : end + 1], ticks_per_s, before_row or _nothing_to_do)
            yield rows, body
            position += rows

    def _encode_raw(self, hits: Sequence[Any], ticks_per_s: int, before_row: Callable[[], None]) -> EncodedChunk:
        # As bytes all the way: decoding and encoding again would be a quarter of the work.
        parts: List[bytes] = [",".join(META_COLUMNS).encode(), b"\n"]
        cluster_host = _escaped(self.settings.cluster)
        digits = len(str(ticks_per_s)) - 1
        for index, doc_id, time, source in hits:
            before_row()
            host = cluster_host
            if b'"host' in source:  # decoding costs more than the rest of the row
                try:
                    host = self._host(self._decode(source.decode("utf-8", "surrogateescape")))
                except (ValueError, RecursionError, AttributeError):
                    pass
            if '"' in doc_id:
                doc_id = _escaped(doc_id)
            meta = f'{_epoch(time, digits)},{self._meta_cells(index)},"{host}","{doc_id}","'
            parts += (_utf8(meta), source.replace(b'"', b'""'), b'"\n')
        return len(hits), b"".join(parts)

    def _encode_fields(self, hits: Sequence[Any], ticks_per_s: int, before_row: Callable[[], None]) -> EncodedChunk:
        """Return a chunk of as many hits as it has columns for, one at least."""
        # Four parts a row: cells before _raw, _raw, the fields, and the number of the last field, which becomes the
        # commas up to the last column once all columns are known.
        parts: List[Any] = []
        columns = _Columns()
        shapes: Dict[Tuple[str, ...], _Shape] = {}
        digits = len(str(ticks_per_s)) - 1
        flatten = self._flattener.cells
        decode = self._decode
        rows = 0
        for index, doc_id, time, source in hits:
            before_row()
            text = source.decode("utf-8", "surrogateescape")
            try:
                document = decode(text)
                cells = flatten(document, len(text))
                host = self._host(document)
            except (ValueError, RecursionError, AttributeError) as exc:
                cells = {"doc_error": _why_not_decoded(exc)}
                host = _escaped(self.settings.cluster)
            shape = tuple(cells)
            known = shapes.get(shape)
            if known is None:
                if sum(map(len, shape)) > allowance(len(text)):  # names that other documents brought
                    cells = {"doc_error": _why_not_decoded(NamesTooLong())}
                    shape = ("doc_error",)
                chosen = self._chosen(shape)
                if rows and not columns.have_room_for([shape[i] for i in chosen], rows + 1):
                    break  # this row is the first of the next chunk
                known = shapes[shape] = _new_shape(shape, chosen, columns)
            template, reorder, last = known
            values: Any = tuple(cells.values())
            if "\\" in text:
                # Only an escape can put a quote or a NUL into a value.
                values = tuple([v.replace('"', '""').replace("\0", "\\u0000") for v in values])
            if '"' in doc_id:
                doc_id = _escaped(doc_id)
            parts += (
                f'{_epoch(time, digits)},{self._meta_cells(index)},"{host}","{doc_id}","',
                text.replace('"', '""'),
                template % (reorder(values) if reorder else values),
                last,
            )
            rows += 1
            if len(columns) > MOST_COLUMNS or rows * len(columns) > MOST_CELLS:
                break
        count = len(columns)
        ends = {last: "," * (count - last) + "\n" for last in set(parts[3::4])}
        parts[3::4] = [ends[last] for last in parts[3::4]]
        header = ",".join(META_COLUMNS + tuple(f'"{_escaped(name)}"' for name in columns))
        return rows, _utf8(header) + b"\n" + _encoded(parts)

    def _chosen(self, names: Tuple[str, ...]) -> List[int]:
        """Return which of these fields become columns."""
        wanted = self._wanted
        return [i for i, name in enumerate(names) if wanted is None or wanted(name)]

    def _meta_cells(self, index: str) -> str:
        """Return the cells source, sourcetype and index, quoted."""
        cells = self._meta.get(index)
        if cells is None:
            sourcetype = self.settings.sourcetype or sourcetype_for(index)
            texts = (f"{self.settings.cluster}:{index}", sourcetype, index)
            cells = self._meta[index] = ",".join(f'"{_escaped(text)}"' for text in texts)
        return cells

    def _host(self, document: Any) -> str:
        """Return the escaped ``host.name`` of a document, else the cluster's name."""
        host = document.get("host")
        name = host.get("name") if type(host) is dict else document.get("host.name")
        if type(name) is list and name:
            name = name[0]
        return _escaped(name if type(name) is str and name else self.settings.cluster)


class _Columns(Dict[str, int]):
    """Column -> its number, from 1 on, as the rows of one chunk bring them."""

    def __init__(self) -> None:
        super().__init__()
        self._characters = 0

    def have_room_for(self, names: Sequence[str], rows: int) -> bool:
        """Whether these names may come in, as one of so many rows."""
        new = [name for name in names if name not in self]
        if not new:
            return True
        count, characters = len(self) + len(new), self._characters + sum(map(len, new))
        return count <= MOST_COLUMNS and count * rows <= MOST_CELLS and characters <= MOST_HEADER_CHARACTERS

    def number(self, name: str) -> int:
        """Return a column's number, a new one for a column that is not known yet."""
        found = self.get(name)
        if found is None:
            found = self[name] = len(self) + 1
            self._characters += len(name)
        return found


def _new_shape(names: Tuple[str, ...], chosen: List[int], columns: _Columns) -> _Shape:
    """Return how a row with these fields is written, after giving new columns their numbers."""
    numbers = {i: columns.number(names[i]) for i in chosen}
    chosen = sorted(chosen, key=numbers.__getitem__)
    parts = ['"']  # closes _raw
    last = 0
    for i in chosen:
        column = numbers[i]
        parts += ("," * (column - last), '"%s"')
        last = column
    template = "".join(parts)
    if not chosen:
        return template, _nothing, 0
    in_order = chosen == list(range(len(names)))
    return template, None if in_order else itemgetter(*chosen), last


def _nothing(_values: Any) -> Tuple[()]:
    return ()


def _nothing_to_do() -> None:
    pass


def _name_filter(patterns: Sequence[str]) -> Optional[Callable[[str], bool]]:
    """Return what says whether a column was asked for; None when all are."""
    if not patterns:
        return None
    matches = any_of(patterns)

    def wanted(name: str) -> bool:
        return name == "doc_error" or matches(name[5:] if name.startswith("__mv_") else name)

    return wanted


def _epoch(time: Optional[int], digits: int) -> str:
    """Return ticks as seconds with ``digits`` decimals; empty for a document without a time."""
    if time is None:
        return ""
    text = str(time)
    if len(text) <= digits or time < 0:  # within a second of 1970, or before
        sign = "-" if time < 0 else ""
        text = sign + str(abs(time)).rjust(digits + 1, "0")
    return f"{text[:-digits]}.{text[-digits:]}"


def _escaped(text: str) -> str:
    return text.replace('"', '""').replace("\0", "\\u0000")


def _why_not_decoded(exc: BaseException) -> str:
    if isinstance(exc, NamesTooLong):
        return (
            "the names of its fields are many times longer than the event itself: fields not extracted, _raw is "
            "complete"
        )
    if isinstance(exc, RecursionError):
        return "nested too deeply: fields not extracted, _raw is complete"
    return "not a JSON object: fields not extracted, _raw is complete"


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # as in `_encoded`
        return re.sub(_SURROGATE, "\ufffd", text).encode()


def _encoded(parts: List[str]) -> bytes:
    try:
        return "".join(parts).encode()
    except UnicodeEncodeError:
        pass
    # Half of a surrogate pair, which JSON can escape and UTF-8 cannot hold, becomes U+FFFD in fields. Bytes that are
    # not UTF-8 stay in _raw as they are stored.
    encoded = [re.sub(_SURROGATE, "\ufffd", part).encode() for part in parts]
    encoded[1::4] = [raw.encode("utf-8", "surrogateescape") for raw in parts[1::4]]
    return b"".join(encoded)
