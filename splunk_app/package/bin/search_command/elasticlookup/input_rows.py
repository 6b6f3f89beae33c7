"""The rows that splunkd sends, read piece by piece, with what each of them is looked up by."""

from __future__ import annotations

import csv
import io
import re
from itertools import islice
from typing import Collection, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from es_bridge.errors import BridgeError
from es_bridge.lookup.event_key import EventKey

#: Rows that are in memory as cells; of a chunk of 50,000 all of them would be hundreds of MB.
BLOCK_ROWS = 2000
MULTIVALUE = "__mv_"
_VALUE = re.compile(r"\$((?:\$\$|[^$])*)\$(?:;|\Z)", re.DOTALL)
_TIME = re.compile(r"\s*(-?)([0-9]{1,11})(?:\.([0-9]{0,30}))?\s*")
#: Bytes that no UTF-8 text has.
_NEVER_IN_TEXT = range(0xFF, 0xF7, -1)

Row = List[str]


class Why(NamedTuple):
    """Why a row cannot be looked up. ``field``: the one without a value, ``""`` where it is the time."""

    field: str


class InputChunk:
    """The rows of one execute request. Cells keep every byte that came, whatever it is: see `encoded`."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._nul = ""
        # csv.reader refuses a NUL before Python 3.11. A byte that is in no UTF-8 text stands for it meanwhile.
        if b"\0" in body:
            spare = next((byte for byte in _NEVER_IN_TEXT if bytes([byte]) not in body), None)
            if spare is None:
                raise BridgeError("splunkd sent rows that are neither text nor UTF-8")
            self._body = body.replace(b"\0", bytes([spare]))
            self._nul = bytes([spare]).decode("utf-8", "surrogateescape")
        self.header: Row = next(self._reader(), [])

    def blocks(self) -> Iterator[List[Row]]:
        """Yield the rows, some thousand at a time, each as long as the header."""
        rows = islice(self._reader(), 1, None)
        width = len(self.header)
        while True:
            block = [(row + [""] * (width - len(row)))[:width] for row in islice(rows, BLOCK_ROWS) if row]
            if not block:
                return
            yield block

    def with_values(self, columns: Collection[int]) -> Set[int]:
        """Return which of these columns have a value in any row."""
        found: Set[int] = set()
        left = set(columns)
        for row in islice(self._reader(), 1, None) if left else ():
            found.update(place for place in left if place < len(row) and row[place])
            left -= found
            if not left:
                break
        return found

    def encoded(self, text: str) -> bytes:
        """Return text of cells as the bytes it came as."""
        data = text.encode("utf-8", "surrogateescape")
        return data.replace(self._nul.encode("utf-8", "surrogateescape"), b"\0") if self._nul else data

    def _reader(self) -> Iterator[Row]:
        csv.field_size_limit(1 << 30)
        stream = io.TextIOWrapper(io.BytesIO(self._body), "utf-8", "surrogateescape", newline="")
        return csv.reader(stream)


class EventKeys:
    """Makes the key of a row. ``match``: (field of the store, field of the events)."""

    def __init__(self, match: Sequence[Tuple[str, str]], before_ms: int, after_ms: int, header: Sequence[str]) -> None:
        places: Dict[str, int] = {}
        for place, name in enumerate(header):
            places.setdefault(name, place)
        self._fields = [(event, places.get(event), places.get(MULTIVALUE + event)) for _, event in match]
        self._time = places.get("_time")
        self._before_ms = before_ms
        self._after_ms = after_ms

    def key(self, row: Row) -> EventKey | Why:
        """Return what a row is looked up by, or why it cannot be."""
        values: List[Tuple[str, ...]] = []
        for field, place, several in self._fields:
            found = values_of(row, place, several)
            if not found:
                return Why(field)
            values.append(found)
        bounds = time_ms(row[self._time]) if self._time is not None else None
        if bounds is None:
            return Why("")
        return EventKey(tuple(values), bounds[0] - self._before_ms, bounds[1] + self._after_ms + 1)


def values_of(row: Row, place: Optional[int], several: Optional[int]) -> Tuple[str, ...]:
    """Return the values of a cell, each once; ``several`` is the place of its column of several values."""
    if several is not None and row[several]:
        found = [value.replace("$$", "$") for value in _VALUE.findall(row[several])]
        return tuple(dict.fromkeys(value for value in found if value))
    return (row[place],) if place is not None and row[place] else ()


def time_ms(text: str) -> Optional[Tuple[int, int]]:
    """Return the millisecond that begins before a time, epoch seconds as text, and the one that begins after it.

    They are the same for a time without a finer fraction. ``None`` for what is no such time.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    sign, whole, fraction = found[1], int(found[2]), found[3] or ""
    ms = whole * 1000 + int((fraction + "000")[:3])
    finer = bool(fraction[3:].strip("0"))
    return (-ms - finer, -ms) if sign else (ms, ms + finer)
