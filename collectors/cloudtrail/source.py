"""CloudTrail records out of the files AWS writes to S3, one after the other, in flat memory.

A file is one line ``{"Records":[...]}``, up to tens of megabytes of it
(https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-examples.html). It is decoded from a
buffer that holds a piece of it: measured on AWS's own records, the standard library reads 170,000 records/s this way,
ijson 85,000, and `json.loads` of the whole file 45,000 to 76,000 with the memory growing with the file.

A record is handed on both decoded and as AWS wrote it, so that what is stored is AWS's own text. Files can repeat
events; the identity that removes the repetitions is made in `collectors.cloudtrail.normalise`.
"""

from __future__ import annotations

import codecs
import json
import re
from typing import Any, Dict, Iterable, Iterator, NamedTuple, Optional

from collectors.errors import DamagedFile, NotThisLog
from collectors.exact_json import ExactDecoder

#: CloudTrail's own limit is far below (256 KB an event): what is longer is not a record.
MAX_RECORD_CHARS = 10 * 2**20
#: A JSON error this near to the end of the buffer may come from the cut, e.g. in the middle of a ``\\ud83d\\ude00``.
CUT_CHARS = 16

_SPACE = re.compile(r"[ \t\r\n]*")
_DIGEST_KEYS = ("digestStartTime", "digestS3Object")


class RawRecord(NamedTuple):
    """One record: decoded, as written, and its number in the file, from 1."""

    fields: Dict[str, Any]
    #: As AWS wrote it; bytes that are not UTF-8 are here as surrogate escapes.
    text: str
    #: An object in it repeats a key: ``fields`` has them all, the engines would refuse ``text``.
    repeats_keys: bool
    number: int


class DigestFile(NotThisLog):
    """A digest: signatures over log files, not log records. Nothing in it is to be loaded."""


def records(pieces: Iterable[bytes]) -> Iterator[RawRecord]:
    """Yield the records of one file whose unpacked content arrives in ``pieces``.

    Raises `DigestFile` or `NotThisLog` when the content is something else, and `DamagedFile`, with the offset, after
    the last complete record before the damage. Several ``{"Records":[...]}`` one after the other are read as one.
    """
    return _Reader(pieces).records()


class _Reader:
    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._utf8 = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._decoder = ExactDecoder()
        self._text = ""
        self._at = 0
        self._ended = False
        self._source_damage: Optional[DamagedFile] = None
        self._bytes_read = 0
        self._number = 0

    def records(self) -> Iterator[RawRecord]:
        if not self._next_char() and self._source_damage is None:
            raise NotThisLog("the file is empty")
        while self._next_char():
            self._expect_start()
            found = False
            while True:
                key = self._value("a key")
                self._expect(":")
                if key == "Records" and self._next_char() == "[":
                    found = True
                    yield from self._array()
                elif isinstance(key, str) and key in _DIGEST_KEYS:
                    raise DigestFile("a digest file")
                else:
                    self._value("a value")
                if not self._comma_or("}"):
                    break
            if not found:
                raise NotThisLog('the JSON has no list "Records", as a CloudTrail file has')
        if self._source_damage is not None:
            raise self._damage("")

    def _expect_start(self) -> None:
        if self._next_char() == "{" and self._after_brace() == '"':
            return
        if self._number:
            raise self._damage("there is something behind the end of the records")
        raise NotThisLog('the content does not begin with {"Records": as a CloudTrail file does')

    def _after_brace(self) -> str:
        self._at += 1
        return self._next_char()

    def _array(self) -> Iterator[RawRecord]:
        self._at += 1
        if self._next_char() == "]":
            self._at += 1
            return
        while True:
            if self._next_char() != "{":
                raise self._damage("a record is not a JSON object" if self._next_char() else "the file ends too early")
            value = self._value("a record")
            self._number += 1
            yield RawRecord(value, self._text[self._start : self._at], self._repeats_keys, self._number)
            if not self._comma_or("]"):
                return

    def _value(self, what: str) -> Any:
        """Return the value that comes next; read on as long as it is incomplete."""
        self._next_char()
        while True:
            try:
                value, end, self._repeats_keys = self._decoder.decode(self._text, self._at)
            except json.JSONDecodeError as exc:
                near_the_cut = exc.pos >= len(self._text) - CUT_CHARS or exc.msg.startswith("Unterminated string")
                if not near_the_cut or exc.msg.startswith("Invalid control character"):
                    raise self._damage(f"the JSON is broken: {exc.msg}", exc.pos) from exc
            except (RecursionError, ValueError) as exc:
                raise self._damage(f"{what} cannot be read: {exc}") from exc
            else:
                # A number may go on in the next piece; what matters here ends with a character of its own.
                if self._text[end - 1] in '"}]' or self._ended or end < len(self._text) - CUT_CHARS:
                    self._start, self._at = self._at, end
                    return value
            if len(self._text) - self._at > MAX_RECORD_CHARS:
                raise self._damage(f"{what} is longer than {MAX_RECORD_CHARS:,} characters")
            if not self._read_on():
                raise self._damage(f"the file ends in the middle of {what}")

    def _next_char(self) -> str:
        """Return the next character that is not white space, without taking it; ``""`` at the end."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._read_on():
                return ""

    def _expect(self, char: str) -> None:
        found = self._next_char()
        if found != char:
            raise self._damage(f"the JSON is broken: {char!r} expected" if found else "the file ends too early")
        self._at += 1

    def _comma_or(self, closing: str) -> bool:
        """Take what follows a value; return whether another one comes."""
        found = self._next_char()
        if found not in (",", closing) or not found:
            raise self._damage(
                f"the JSON is broken: ',' or {closing!r} expected" if found else "the file ends too early"
            )
        self._at += 1
        return found == ","

    def _read_on(self) -> bool:
        """Drop what has been taken and append what comes next; return whether there was more.

        The text grows at least by its half, so that a long value is not decoded again and again.
        """
        if self._ended:
            return False
        kept = self._text[self._at :]
        parts = [kept]
        wanted = len(kept) // 2 + 1
        while wanted > 0 and not self._ended:
            try:
                piece = next(self._pieces, b"")
            except DamagedFile as exc:
                self._source_damage, piece = exc, b""
            self._ended = not piece
            self._bytes_read += len(piece)
            parts.append(self._utf8.decode(piece, self._ended))
            wanted -= len(parts[-1])
        self._text = "".join(parts)
        self._at = 0
        return len(self._text) > len(kept)

    def _damage(self, reason: str, position: int = -1) -> DamagedFile:
        after = f", after {self._number:,} complete records"
        if self._source_damage is not None and self._ended:
            return DamagedFile(self._source_damage.reason + after, self._source_damage.offset)
        rest = self._text[self._at if position < 0 else position :].encode("utf-8", "surrogateescape")
        return DamagedFile(reason + after, self._bytes_read - len(rest))
