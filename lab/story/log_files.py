"""The files of one log, one delivery after the other, in flat memory: ``begin(time)``, ``add(record)``, ``end()``."""

from __future__ import annotations

import random
import zlib
from datetime import datetime, timezone
from pathlib import Path
from typing import BinaryIO, Dict, NamedTuple

from lab.story.labelled import Record
from lab.story.layouts import LAYOUTS, Layout, Place

#: AWS closes a file at some tens of megabytes and begins the next.
MAX_RECORDS_IN_FILE = 50_000
WRITE_BYTES = 64 * 1024


class Location(NamedTuple):
    """Where a record was written: the file's key below the folder, and the record's number in it, from 1."""

    key: str
    number: int


class LogFiles:
    """Writes one log below ``folder``. The same seed and records give the same bytes."""

    def __init__(self, folder: Path, log: str, seed: int, compressed: bool) -> None:
        self._folder = folder
        self._layout = LAYOUTS[log]
        self._compressed = compressed
        self._rng = random.Random(f"{seed}:{log}:files")
        self._delivered = datetime.fromtimestamp(0, timezone.utc)
        self._open: Dict[Place, _OpenFile] = {}
        self.written = 0
        self.raw_bytes = 0

    def begin(self, delivered_s: int) -> None:
        """Begin the delivery that AWS would date ``delivered_s``."""
        self._delivered = datetime.fromtimestamp(delivered_s, timezone.utc)

    def add(self, record: Record) -> Location:
        """Append one record to the file of its place; return where it is."""
        place = self._layout.place(record)
        found = self._open.get(place)
        if found is None or found.records >= MAX_RECORDS_IN_FILE:
            if found is not None:
                self._close(found)
            path = self._layout.path(place, self._delivered, self._layout.suffix(self._rng))
            found = self._open[place] = _OpenFile(self._folder, path, self._layout, self._compressed)
        found.add(self._layout.encode(record).encode())
        return Location(found.key, found.records)

    def end(self) -> None:
        """Finish the files of this delivery."""
        for found in self._open.values():
            self._close(found)
        self._open.clear()

    def _close(self, found: _OpenFile) -> None:
        found.close()
        self.written += 1
        self.raw_bytes += found.raw_bytes


class _OpenFile:
    def __init__(self, folder: Path, path: str, layout: Layout, compressed: bool) -> None:
        self.key = path + (".gz" if compressed else "")
        target = folder / self.key
        target.parent.mkdir(parents=True, exist_ok=True)
        self._file: BinaryIO = target.open("wb")
        # A gzip header without name and time: the same story gives the same bytes. Level 1 is twice as fast as the
        # default, for a fifth more bytes.
        self._gzip = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS) if compressed else None
        self._layout = layout
        self._buffer = bytearray(layout.begin)
        self.records = 0
        self.raw_bytes = 0

    def add(self, text: bytes) -> None:
        if self.records:
            self._buffer += self._layout.between
        self._buffer += text
        self.records += 1
        if len(self._buffer) >= WRITE_BYTES:
            self._flush()

    def close(self) -> None:
        self._buffer += self._layout.end
        self._flush()
        if self._gzip:
            self._file.write(self._gzip.flush())
        self._file.close()

    def _flush(self) -> None:
        self._file.write(self._gzip.compress(self._buffer) if self._gzip else self._buffer)
        self.raw_bytes += len(self._buffer)
        self._buffer.clear()
