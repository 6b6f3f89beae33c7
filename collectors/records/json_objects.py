"""The JSON objects of a file, one after the other: a list of them, indented or not, or one on each line.

The file is never in memory as a whole, an object is.
"""

from __future__ import annotations

import codecs
import json
from typing import Any, Dict, Iterable, Iterator, NamedTuple

from collectors.errors import DamagedFile
from collectors.records.lines import Lines
from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES, BadRecord

_SPACE = " \t\r\n"


class Numbered(NamedTuple):
    """An object and its number in the file, from 1."""

    number: int
    fields: Dict[str, Any]


def objects_of(pieces: Iterable[bytes], limit_bytes: int = MAX_RECORD_BYTES) -> Iterator[Any]:
    """Yield `Numbered` objects, and `BadRecord` for a line that is none.

    In a list nothing tells where the object after a broken one begins: raises `DamagedFile` there, after every whole
    object before it, also for an object of more than ``limit_bytes``.
    """
    source = iter(pieces)
    head = b""
    for piece in source:
        head += piece
        if head.lstrip(b"\xef\xbb\xbf \t\r\n"):
            break
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    rest = _chain(head, source)
    if first == b"[":
        yield from _List(rest, limit_bytes).objects()
    elif first:
        yield from _of_lines(rest, limit_bytes)


def _chain(head: bytes, source: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from source


def _of_lines(pieces: Iterable[bytes], limit_bytes: int) -> Iterator[Any]:
    lines = Lines(pieces, glued=True, limit_bytes=limit_bytes)
    for item in lines:
        if isinstance(item, BadRecord):
            yield item
            continue
        number, line = item
        try:
            fields = json.loads(line)
            if not isinstance(fields, dict):
                raise ValueError("it is no object")
        except ValueError as exc:
            if not lines.take_apart():
                yield lines.bad(number, line, f"the record is not JSON: {exc}")
            continue
        yield Numbered(number, fields)


class _List:
    """Reads from a buffer of text; ``_at`` is the next character of it to take."""

    def __init__(self, pieces: Iterable[bytes], limit_bytes: int) -> None:
        self._pieces = iter(pieces)
        self._limit_bytes = limit_bytes
        self._decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
        self._raw_decode = json.JSONDecoder().raw_decode
        self._buffer = ""
        self._at = 0
        self._base = 0
        self._number = 0

    def objects(self) -> Iterator[Any]:
        self._next()  # the bracket
        while True:
            self._at += 1
            sign = self._next()
            if sign == "]" and not self._number:
                break
            fields = self._object()
            self._number += 1
            if isinstance(fields, dict):
                yield Numbered(self._number, fields)
            else:
                yield BadRecord(self._number, -1, "the record is no JSON object", str(fields).encode()[:EXCERPT_BYTES])
            sign = self._next()
            if sign == "]":
                break
            if sign != ",":
                raise self._damage("there is something else than a comma between two objects")
        self._at += 1
        if self._next():
            raise self._damage("there is something behind the end of the list")

    def _object(self) -> Any:
        next_try, ended = 0, False
        while True:
            have = len(self._buffer) - self._at
            # Again when the text has doubled: a large object is not read anew for each piece.
            if have >= next_try or ended:
                try:
                    fields, self._at = self._raw_decode(self._buffer, self._at)
                    return fields
                except RecursionError:
                    raise self._damage(f"object {self._number + 1} is nested too deeply") from None
                except ValueError as exc:
                    if ended or have > self._limit_bytes:
                        raise self._damage(f"object {self._number + 1} is broken, cut or too long: {exc}") from exc
                next_try = 2 * have
            ended = not self._read_on()

    def _next(self) -> str:
        """Return the next character that is no space, without taking it; empty at the end."""
        while True:
            while self._at < len(self._buffer):
                if self._buffer[self._at] not in _SPACE:
                    return self._buffer[self._at]
                self._at += 1
            if not self._read_on():
                return ""

    def _read_on(self) -> bool:
        self._base += self._at
        self._buffer, self._at = self._buffer[self._at :], 0
        for piece in self._pieces:
            self._buffer += self._decode(piece)
            return True
        return False

    def _damage(self, reason: str) -> DamagedFile:
        return DamagedFile(reason, self._base + self._at)
