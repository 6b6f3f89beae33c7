"""One object's records: what it is, told by key and content, and the source that reads it.

A source is imported when the first object of its log comes, so that a loader of flow logs never pays for the others,
and Parquet's library is only there where it is wanted.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from itertools import chain
from typing import BinaryIO, Iterator, Optional, cast

from collectors.errors import DamagedFile, DeadLetterFile, DigestFile, NotThisLog, UnknownObject
from collectors.reading.recognise import EMPTY, UNKNOWN_KIND, is_blank, kind_of
from collectors.reading.unpack import unpacked
from collectors.records.record import Context, Made
from collectors.sources.log import PARQUET, PARQUET_MAGIC
from collectors.sources.registry import LOGS, parquet_source_of, source_of


class Reading:
    """The records of one object, in order, while ``stream`` is open: iterate once.

    Yields every record from ``context.first_number`` on as a `Record` or a `BadRecord`. Raises `DigestFile` for a
    digest, `DeadLetterFile` for dead letters of ours, `NotThisLog` for what its key says is a log and is none,
    `UnknownObject` for anything else that is no log, and `DamagedFile` after all complete records before the damage;
    ``damage`` is then what is wrong with the bytes themselves, ``None`` where only the text is broken. Of nothing, such
    as no byte at all or gzip of nothing, there are no records.
    """

    def __init__(self, stream: BinaryIO, context: Context, dataset: str = "") -> None:
        """Read the beginning. ``dataset`` forces the log where key and content would say another one."""
        self.damage: Optional[DamagedFile] = None
        #: Unpacked bytes read so far.
        self.bytes_read = 0
        self._stream, self._context = stream, context
        self._pieces = self._counted()
        try:
            self._head = next(self._pieces, b"")
        except DamagedFile as exc:  # nothing can be unpacked: the source is to hear it
            self._head, self._pieces = b"", _raising(exc)
        kind = kind_of(context.ref.key, self._head)
        #: What the object is called where it is passed over: it is known to be none of the logs, empty, or unknown.
        self.passed_over = "" if dataset else kind.passed_over
        self._is_certain = bool(dataset) or kind.by_key
        #: Name of the dataset, ``digest``, ``dead_letters``, or ``""`` for an object that is none of the logs.
        self.dataset = dataset or kind.dataset
        self._is_parquet = kind.format == PARQUET and self.dataset in LOGS and LOGS[self.dataset].has_parquet

    def __iter__(self) -> Iterator[Made]:
        if self.dataset == "digest":
            raise DigestFile("a digest file")
        if self.dataset == "dead_letters":
            raise DeadLetterFile("a file of the loader's own dead letters")
        if self.passed_over:
            return
        if is_blank(self._head) and self.damage is None and (self._is_parquet or self.dataset not in LOGS):
            self._head = next((piece for piece in self._pieces if not is_blank(piece)), b"")
            if not self._head:
                self.passed_over = "" if self.dataset in LOGS else EMPTY
                return
        try:
            yield from self._records()
        except NotThisLog as exc:
            if self._is_certain or isinstance(exc, DigestFile):
                raise
            self.dataset, self.passed_over = "", UNKNOWN_KIND
            raise UnknownObject(f"neither its key nor its content is that of a log that is loaded here: {exc}") from exc

    def _records(self) -> Iterator[Made]:
        if self.dataset not in LOGS:
            if self.damage is not None:
                raise self.damage
            raise NotThisLog("its beginning is that of none of them")
        if self._is_parquet and self.damage is None:
            with self._as_file() as file:
                yield from parquet_source_of(self.dataset).records(file, self._context)
        else:
            yield from source_of(self.dataset).records(chain((self._head,), self._pieces), self._context)

    def _counted(self) -> Iterator[bytes]:
        try:
            for piece in unpacked(self._stream):
                self.bytes_read += len(piece)
                yield piece
        except DamagedFile as exc:
            self.damage = exc  # kept here, because a source may say it in its own words
            raise

    @contextmanager
    def _as_file(self) -> Iterator[BinaryIO]:
        """Give the content as a file that can be sought: what a Parquet file is made of stands at its end."""
        if self._stream.seekable() and self._is_plain():
            self.bytes_read = self._stream.seek(0, os.SEEK_END)
            self._stream.seek(0)
            yield self._stream
            return
        with tempfile.TemporaryFile() as copy:
            for piece in chain((self._head,), self._pieces):
                copy.write(piece)
            copy.seek(0)
            yield cast(BinaryIO, copy)

    def _is_plain(self) -> bool:
        position = self._stream.tell()
        self._stream.seek(0)
        is_plain = self._stream.read(len(PARQUET_MAGIC)) == PARQUET_MAGIC
        self._stream.seek(position)
        return is_plain


def _raising(exc: DamagedFile) -> Iterator[bytes]:
    raise exc
    yield
