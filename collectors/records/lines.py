"""The records of a log that has one on each line, numbered, out of content that arrives in pieces.

Lines are cut out of a piece all at once and nothing else is kept about them: where a line begins is worked out when
somebody asks, which only a bad record does. Measured: 2.5 million lines/s of flow logs.

Some Firehose streams write JSON objects with nothing between them, so that a whole file is one line. With ``glued``
such objects are told apart by ``}{"`` and a character that begins a key. Inside valid JSON these never stand together:
in a string, the quote would end it, and what follows the end of a string is a comma, colon, bracket or white space.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Tuple, Union

from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES, BadRecord

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SEAM = b'}{"'
#: A seam may be cut by the end of a piece: so much of it is not enough to tell.
SEAM_BYTES = len(_SEAM)
_BETWEEN_OBJECTS = re.compile(rb'(?<=\})(?=\{"[^\s,:}\]])')

#: A line with its number, or one that is too long.
Numbered = Union[Tuple[int, bytes], BadRecord]


class Lines:
    """Iterates over the non-empty lines of ``pieces``, each with its number from 1, without white space at its ends.

    Lines before ``first_number`` are counted and not handed out. A line of more than ``limit_bytes`` comes as a
    `BadRecord` and is never held as a whole. `collectors.errors.DamagedFile` from ``pieces`` passes through after every
    complete line before the damage; what stands behind the last line end belongs to the damage. At the end of the
    content it is a line.
    """

    def __init__(
        self,
        pieces: Iterable[bytes],
        first_number: int = 1,
        *,
        glued: bool = False,
        limit_bytes: int = MAX_RECORD_BYTES,
    ) -> None:
        self._pieces = pieces
        self._first_number = first_number
        self._glued = glued
        self._limit_bytes = limit_bytes
        #: The lines cut out last, as they stand in the content, and which of them was handed out last.
        self._lines: List[bytes] = []
        self._index = 0
        #: Where the first of ``_lines`` begins, how long they are together, and where the object handed out last begins
        #: within its line.
        self._offset = self._size = 0
        self._within = 0
        #: A line of these, and where it begins: where bad lines follow each other, nobody counts from the first again.
        self._known = (0, 0)
        #: Whether the line handed out last is to be taken apart, and whether it is part of one already.
        self._take_apart = False
        self._is_part = False

    def bad(self, number: int, line: bytes, reason: str) -> BadRecord:
        """Return the line handed out last as a record that cannot become a document."""
        raw = self._lines[self._index]
        known, start = self._known
        if self._index > known:
            start += sum(map(len, self._lines[known : self._index])) + self._index - known
            self._known = (self._index, start)
        start += self._within
        indent = len(raw) - len(raw[self._within :].lstrip()) - self._within
        return BadRecord(number, start + indent, reason, line[:EXCERPT_BYTES])

    def take_apart(self) -> bool:
        """Return whether the line handed out last is several glued objects; they then come next, each with its number.

        To be asked when the line is no JSON: looking for seams in every line would cost as much as cutting lines.
        """
        if self._glued and not self._is_part:
            self._take_apart = _BETWEEN_OBJECTS.search(self._lines[self._index]) is not None
        return self._take_apart

    def __iter__(self) -> Iterator[Numbered]:
        number, first_number = 0, self._first_number
        for block in self._blocks():
            if isinstance(block, _TooLong):
                number += 1
                if number >= first_number:
                    yield BadRecord(number, block.offset, self._too_long(), block.excerpt)
                continue
            self._lines = lines = block
            self._known = (0, self._offset)
            may_be_long = self._size > self._limit_bytes
            for self._index, raw in enumerate(lines):
                line = raw.strip()
                is_long = may_be_long and len(raw) > self._limit_bytes
                if not line and not is_long:
                    continue
                if number + 1 >= first_number and not is_long:
                    yield number + 1, line
                    if not self._take_apart:
                        number += 1
                        continue
                    self._take_apart = False
                self._is_part = True
                for part in self._objects(raw):
                    number += 1
                    if number >= first_number:
                        yield self._checked(number, part)
                    self._within += len(part)
                self._is_part, self._within = False, 0

    def _objects(self, raw: bytes) -> List[bytes]:
        """Return the objects that are glued together in a line, or the line."""
        return _BETWEEN_OBJECTS.split(raw) if self._glued and _SEAM in raw else [raw]

    def _checked(self, number: int, raw: bytes) -> Numbered:
        # White space at its ends is counted, as it is in a line that is passed over before its end is seen.
        line = raw.strip()
        return (number, line) if len(raw) <= self._limit_bytes else self.bad(number, line, self._too_long())

    def _too_long(self) -> str:
        return f"the record is longer than {self._limit_bytes:,} bytes"

    def _blocks(self) -> Iterator[Union[List[bytes], _TooLong]]:
        """Yield the lines that end in a piece, without their ends; ``_offset`` is where the first begins, ``_size``
        how long they are together.

        A piece is split as it is: joining it with what the piece before left over would copy all of it. Of a line that
        becomes too long, only the beginning is kept while the rest of it passes.
        """
        rest: List[bytes] = []  # the beginning of a line, of `rest_size` bytes, at `position`
        rest_size = position = 0
        skipping: Optional[_TooLong] = None
        for piece in self._pieces:
            if position == 0 and not rest and piece.startswith(_BYTE_ORDER_MARK):
                piece, position = piece[len(_BYTE_ORDER_MARK) :], len(_BYTE_ORDER_MARK)
            if skipping is not None:
                piece = skipping.tail + piece
                cut = self._end_of_skipped(piece)
                if not cut:
                    skipping.tail = piece[-SEAM_BYTES:]
                    position += len(piece) - len(skipping.tail)
                    continue
                yield skipping
                skipping, piece, position = None, piece[cut:], position + cut
            if self._glued and rest and b"\n" not in piece:
                piece, rest, rest_size = b"".join(rest) + piece, [], 0
            lines = piece.split(b"\n")
            tail = lines.pop()
            if lines and rest:
                lines[0] = b"".join(rest) + lines[0]
            if self._glued and _SEAM in tail:
                *objects, tail = _BETWEEN_OBJECTS.split(tail)
                if objects:
                    lines.append(b"".join(objects))
            if lines:
                self._offset, self._size = position, rest_size + len(piece) - len(tail)
                yield lines
                position += self._size
                rest, rest_size = [], 0
            if tail:
                rest.append(tail)
                rest_size += len(tail)
            if rest_size > self._limit_bytes + SEAM_BYTES:  # the last bytes may be the beginning of the next object
                whole = b"".join(rest)
                skipping = _TooLong(position, whole[:EXCERPT_BYTES], whole[-SEAM_BYTES:])
                position += rest_size - SEAM_BYTES
                rest, rest_size = [], 0
        if skipping is not None:
            yield skipping
        elif rest:
            self._offset, self._size = position, rest_size
            yield [b"".join(rest)]

    def _end_of_skipped(self, piece: bytes) -> int:
        """Return where the line ends that is being passed over, 0 if not in ``piece``."""
        ends = [piece.find(b"\n") + 1]
        if self._glued:
            seam = _BETWEEN_OBJECTS.search(piece)
            ends.append(seam.start() if seam else 0)
        return min(filter(None, ends), default=0)


@dataclass
class _TooLong:
    """A line that is not held: where it begins, its first bytes, and the last ones seen, where a seam may begin."""

    offset: int
    excerpt: bytes
    tail: bytes
