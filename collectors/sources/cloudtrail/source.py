"""CloudTrail records out of the files AWS writes to S3, one after the other, in flat memory.

A file is one line ``{"Records":[...]}``, up to tens of megabytes of it
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html). Where a record ends is
guessed first: AWS begins every record with ``eventVersion``, and a piece of text that decodes as JSON from its first to
its last byte is exactly one value, so a guess that decodes is right. Only where it does not (another layout, the last
record of the file, something broken) are brackets and quotes counted, many times slower.

Tools that copy a trail write its events without the object around them: as a list, or one after the other (JSON Lines).
These are read as well, and an empty list or object holds nothing.

A record is handed on as AWS wrote it, so that what is stored is AWS's own text. Files can repeat events; the identity
that removes the repetitions is made in `collectors.sources.cloudtrail.normalise`.

What is wrong inside one element of the list (no JSON, no object, too long, no identity, no time) makes that element a
`BadRecord`, and the rest flows on. Where quotes or brackets themselves do not fit there is no telling where the next
record begins: `DamagedFile`.
"""

from __future__ import annotations

import json
import re
from typing import Any, Callable, Iterable, Iterator, Optional, Union

from collectors.errors import DamagedFile, DigestFile, InvalidRecord, NotThisLog
from collectors.records.record import EXCERPT_BYTES, MAX_RECORD_BYTES, BadBefore, BadRecord, Context, Made
from collectors.sources.cloudtrail.normalise import RawRecord, normalise

#: How every record AWS writes begins, behind the end of the one before it.
NEXT_RECORD = b'},{"eventVersion":'
#: A record that ends in the next piece is worth reading on for, before its brackets are counted.
USUAL_RECORD_BYTES = 32 * 1024

#: Makes a named tuple at a third of the cost of its own constructor.
_new = tuple.__new__
_SPACE = re.compile(rb"[ \t\r\n]*")
#: How an event begins, and nothing else in a file of CloudTrail's: by the first of its names.
_EVENT = re.compile(
    rb'\{\s*"(?:event(?:Version|I[dD]|Time|Category|Type|Source|Name)|userIdentity|awsRegion|accountId|apiVersion|'
    rb'additionalEventData|errorCode)"\s*:'
)
_LONGEST_BEGINNING = 64
_OUTSIDE = re.compile(rb'["{}\[\],:]')
_NESTED = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'"|\\.', re.DOTALL)
_CLOSING = {b"{": 0x7D, b"[": 0x5D}
#: An element that is over in a few characters and can be no event, as this has names in quotes: taken at once.
_NO_EVENT = re.compile(rb'(?:[^"{}\[\],:\s]{1,100}|\{[^"{}\[\]]{0,100}\}|"[^"\\\x00-\x1f]{0,100}")(?=,)')
_NOT_AN_OBJECT = "the record is not a JSON object"
_BOM = b"\xef\xbb\xbf"
_DIGEST_KEYS = ("digestStartTime", "digestS3Object")


def records(pieces: Iterable[bytes], context: Context) -> Iterator[Made]:
    """Yield the records of one file whose unpacked content arrives in ``pieces``, and its bad ones.

    Raises `DigestFile` or `NotThisLog` when the content is something else, and `DamagedFile`, with the offset, after
    the last complete record before the damage. Nothing, and a list of nothing, are no records. Several
    ``{"Records":[...]}``, and events alone, one after the other, are read as one; so is a list of events.
    Records before ``context.first_number`` are decoded as well: nothing finds their ends faster.
    """
    first = context.first_number
    bad_before = BadBefore()
    was_bad = False
    for record in _Reader(pieces, context.codec.loads).records():
        if record.number < first:
            continue
        if isinstance(record, BadRecord):
            yield record
            continue
        number, offset, text, _ = record
        if was_bad and text in bad_before:
            yield BadRecord(number, offset, bad_before[text], text[:EXCERPT_BYTES])
            continue
        try:
            made = normalise(record, context)
            was_bad = False
        except InvalidRecord as exc:
            was_bad = True
            bad_before.keep(text, str(exc))
            yield BadRecord(number, offset, str(exc), text[:EXCERPT_BYTES])
            continue
        yield made


class _Reader:
    """Reads from a buffer that holds a piece of the file; ``_at`` is the next byte of it to take."""

    def __init__(self, pieces: Iterable[bytes], loads: Callable[[bytes], Any]) -> None:
        self._pieces = iter(pieces)
        self._loads = loads
        self._buffer = b""
        self._at = 0
        #: Where the buffer begins in the file.
        self._base = 0
        self._ended = False
        self._source_damage: Optional[DamagedFile] = None
        self._number = 0
        #: Where the search for `NEXT_RECORD` goes on.
        self._without_next = 0

    def records(self) -> Iterator[Union[RawRecord, BadRecord]]:
        while len(self._buffer) < len(_BOM) and self._read_on():
            pass
        if self._buffer.startswith(_BOM):
            self._at = len(_BOM)
        while self._next_byte():
            yield from self._top_level_object()
        if self._source_damage is not None:
            raise self._damage("")

    def _top_level_object(self) -> Iterator[Union[RawRecord, BadRecord]]:
        opening = self._next_byte()
        if opening == b"[" and not self._number:
            yield from self._array()
            return
        while len(self._buffer) - self._at < _LONGEST_BEGINNING and self._read_on():
            pass
        if _EVENT.match(self._buffer, self._at):
            yield self._record(b",")
            return
        self._at += 1
        following = self._next_byte()
        if opening == b"{" and following == b"}":
            self._at += 1
            return
        if opening != b"{" or following != b'"':
            if self._number:
                raise self._damage("there is something behind the end of the records")
            raise NotThisLog('the content does not begin with {"Records": as a CloudTrail file does')
        found = False
        while True:
            key = self._key()
            if self._next_byte() != b":":
                raise self._damage("the JSON is broken: ':' expected")
            self._at += 1
            if key == "Records" and self._next_byte() == b"[":
                found = True
                yield from self._array()
            elif key in _DIGEST_KEYS:
                raise DigestFile("a digest file")
            elif self._element(b",}", "a value") == b"null" and key == "Records":
                found = True
            if self._comma_or(b"}") == b"}":
                break
        if not found:
            raise NotThisLog('the JSON has no list "Records", as a CloudTrail file has')

    def _key(self) -> str:
        start = self._base + self._at
        written = self._element(b":", "a key")
        try:
            key = json.loads(written)
        except ValueError:
            key = None
        if not isinstance(key, str):
            raise self._damage("the JSON is broken: a key expected", start)
        return key

    def _array(self) -> Iterator[Union[RawRecord, BadRecord]]:
        self._at += 1
        if self._next_byte() == b"]":
            self._at += 1
            return
        while True:
            yield from self._guessed()
            while _NO_EVENT.match(self._buffer, self._at):
                yield from self._no_events()
                yield from self._guessed()
            yield self._record(b",]")
            if self._comma_or(b"]") == b"]":
                return
            self._next_byte()  # which is where a record begins

    def _record(self, stops: bytes) -> Union[RawRecord, BadRecord]:
        """Take one element, by its brackets and quotes."""
        start = self._base + self._at
        text = self._element(stops, "a record")
        self._number += 1
        if self._skipped:
            reason = f"the record has {self._skipped:,} bytes, more than {MAX_RECORD_BYTES:,}"
            return BadRecord(self._number, start, reason, text)
        if text[:1] != b"{":
            return BadRecord(self._number, start, _NOT_AN_OBJECT, text[:EXCERPT_BYTES])
        return RawRecord(self._number, start, text)

    def _no_events(self) -> Iterator[Union[RawRecord, BadRecord]]:
        """Take the elements that are no events at first sight, each with its comma."""
        while True:
            found = _NO_EVENT.match(self._buffer, self._at)
            if found is None:
                return
            text, start = found.group(), self._base + self._at
            self._at = found.end() + 1
            self._number += 1
            if text[:1] == b"{":
                yield RawRecord(self._number, start, text)
            else:
                yield BadRecord(self._number, start, _NOT_AN_OBJECT, text)
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]

    def _guessed(self) -> Iterator[RawRecord]:
        """Take the records that end where the next one seems to begin, as far as that is so, each with its comma."""
        loads = self._loads
        while True:
            buffer, at = self._buffer, self._at
            end = buffer.find(NEXT_RECORD, max(at, self._without_next - self._base))
            if end < 0:
                # So far there is none: the next element need not look at the same bytes again.
                self._without_next = self._base + max(at, len(buffer) - len(NEXT_RECORD) + 1)
            if end < 0 and len(buffer) - at < USUAL_RECORD_BYTES and self._read_on():
                buffer, at = self._buffer, self._at
                end = buffer.find(NEXT_RECORD, at)
            if end < 0:
                return
            while end >= 0:
                text = buffer[at : end + 1]
                if text[:1] != b"{" or end - at >= MAX_RECORD_BYTES:
                    return
                try:
                    fields = loads(text)
                except (ValueError, RecursionError):
                    return
                start = self._base + at
                self._at = at = end + 2
                self._number += 1
                yield _new(RawRecord, (self._number, start, text, fields))
                end = buffer.find(NEXT_RECORD, at)

    def _element(self, stops: bytes, what: str) -> bytes:
        """Take an object or list to its end, anything else up to one of ``stops`` outside of quotes, and return it.

        Of what is longer than `MAX_RECORD_BYTES` only the beginning is kept: ``_skipped`` is then its length, else 0.
        """
        closing = bytearray()
        kept = b""
        start = self._base + self._at
        position = self._at
        in_string = False
        while True:
            structure = _IN_STRING if in_string else _NESTED if closing else _OUTSIDE
            found = structure.search(self._buffer, position)
            if found is None:
                # An escape may be cut behind its backslash.
                seen = len(self._buffer) - (in_string and self._buffer.endswith(b"\\"))
                if self._base + seen - start > MAX_RECORD_BYTES:
                    kept = kept or self._buffer[self._at : self._at + EXCERPT_BYTES]
                    self._at = seen
                position = seen - self._at
                if not self._read_on():
                    raise self._damage(f"the file ends in the middle of {what}", self._base + len(self._buffer))
                continue
            byte, position = found.group(), found.end()
            if in_string:
                in_string = byte != b'"'
            elif byte == b'"':
                in_string = True
            elif not closing and byte in stops:
                break
            elif byte in _CLOSING:
                closing.append(_CLOSING[byte])
            elif byte in b"}]":
                if not (closing and closing.pop() == byte[0]):
                    raise self._damage(f"the JSON is broken: {byte.decode()!r} not expected", self._base + position - 1)
                if not closing:
                    position += 1
                    break
        end = position - 1
        length = self._base + end - start
        self._skipped = length if kept or length > MAX_RECORD_BYTES else 0
        text = kept or self._buffer[self._at : min(end, self._at + EXCERPT_BYTES) if self._skipped else end]
        self._at = end
        text = text.rstrip(b" \t\r\n")
        if not text:
            raise self._damage(f"the JSON is broken: {what} expected")
        return text

    def _next_byte(self) -> bytes:
        """Return the next byte that is not white space, without taking it; empty at the end."""
        while True:
            self._at = _SPACE.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at : self._at + 1]
            if not self._read_on():
                return b""

    def _comma_or(self, closing: bytes) -> bytes:
        """Take what follows a value, a comma or ``closing``, and return it."""
        found = self._next_byte()
        if not found:
            raise self._damage("the file ends too early")
        if found not in (b",", closing):
            raise self._damage(f"the JSON is broken: ',' or {closing.decode()!r} expected")
        self._at += 1
        return found

    def _read_on(self) -> bool:
        """Drop what has been taken and append what comes next; return whether there was more.

        The buffer grows at least by its half, so that a long value is not copied again and again.
        """
        if self._ended:
            return False
        parts = [self._buffer[self._at :]]
        before = len(parts[0])
        self._base += self._at
        self._at = 0
        wanted = before // 2 + 1
        while wanted > 0 and not self._ended:
            try:
                piece = next(self._pieces, b"")
            except DamagedFile as exc:
                self._source_damage, piece = exc, b""
            self._ended = not piece
            parts.append(piece)
            wanted -= len(piece)
        self._buffer = b"".join(parts)
        return len(self._buffer) > before

    def _damage(self, reason: str, offset: int = -1) -> DamagedFile:
        after = f", after {self._number:,} complete records"
        if self._source_damage is not None and self._ended:
            return DamagedFile(self._source_damage.reason + after, self._source_damage.offset)
        return DamagedFile(reason + after, self._base + self._at if offset < 0 else offset)
