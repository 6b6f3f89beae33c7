"""Which version of which finding was written last: a file of fixed size, so that neither memory nor disk grows.

It decides what costs licence, never what is lost: a finding that it has forgotten is written once more, and searches
give each version once. A set of `_WAYS` entries is chosen by the finding's key; the oldest of a full set makes room.

::

    24 bytes   magic, number of entries, number of openings
    32 bytes   entry: finding 8, version 8, matter 8, epoch seconds of the writing 4, what 1, unused 1, opening 2

The file is mapped: what is noted outlives a killed process, also when nothing was saved.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
from hashlib import blake2b
from pathlib import Path
from typing import Iterable, NamedTuple, Optional, Set

from collectors.records.finding import Finding

#: 8 MiB: 262,144 findings.
ENTRIES = 1 << 18
_MAGIC = b"ASBfind1"
_HEAD = struct.Struct("<8sQQ")
_ENTRY = struct.Struct("<8s8s8sIBxH")
_WAYS = 8
#: An entry that is this young is missed when it is gone.
_YOUNG_S = 7 * 86_400

#: What was done with a version: it was written, it passed and was counted, it was beyond the ceiling and was counted.
WRITTEN, PASSED, OVER_CEILING = 1, 2, 3


class Known(NamedTuple):
    """What is known of a finding."""

    version: bytes
    matter: bytes
    #: Epoch seconds.
    noted_s: int
    #: `WRITTEN`, `PASSED` or `OVER_CEILING`.
    what: int
    #: Whether it was noted since the file was opened, and not by an earlier process.
    by_us: bool


class Memory:
    """One file. Safe to share between threads; of processes one at a time."""

    def __init__(self, path: Path, entries: int = ENTRIES) -> None:
        """Open the file, or make one. One of another form or size is made anew: its findings are written once more."""
        path.parent.mkdir(parents=True, exist_ok=True)
        size = _HEAD.size + entries * _ENTRY.size
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            head = os.pread(descriptor, _HEAD.size, 0).ljust(_HEAD.size, b"\0")
            magic, entries_there, openings = _HEAD.unpack(head)
            if (os.fstat(descriptor).st_size, magic, entries_there) != (size, _MAGIC, entries):
                os.ftruncate(descriptor, 0)
                os.ftruncate(descriptor, size)
                openings = 0
            os.pwrite(descriptor, _HEAD.pack(_MAGIC, entries, openings + 1), 0)
            self._opening = (openings + 1) & 0xFFFF
            self._map = mmap.mmap(descriptor, size)
        finally:
            os.close(descriptor)
        self._sets = entries // _WAYS
        self._lock = threading.Lock()
        self._claimed: Set[str] = set()
        #: Entries that made room although they were young: with many of them findings are written more than once.
        self.crowded_out = 0

    def close(self) -> None:
        """Write what is left and close the file."""
        self._map.close()

    def find(self, finding: Finding) -> Optional[Known]:
        """Return what is known of a finding."""
        key = _hash(finding.finding_key)
        with self._lock:
            for place in self._places(key):
                entry = _ENTRY.unpack_from(self._map, place)
                if entry[0] == key and entry[4]:
                    _, version, matter, noted_s, what, opening = entry
                    return Known(version, matter, noted_s, what, opening == self._opening)
        return None

    def note(self, finding: Finding, now_s: int, what: int = WRITTEN) -> None:
        """Note that this version was written, or counted."""
        key = _hash(finding.finding_key)
        with self._lock:
            chosen, oldest_s = -1, 1 << 33
            for place in self._places(key):
                entry = _ENTRY.unpack_from(self._map, place)
                if not entry[4] or entry[0] == key:
                    chosen, oldest_s = place, 0
                    break
                if entry[3] < oldest_s:
                    chosen, oldest_s = place, entry[3]
            if oldest_s and now_s - oldest_s < _YOUNG_S:
                self.crowded_out += 1
            version = _hash(finding.record.identity)
            _ENTRY.pack_into(self._map, chosen, key, version, finding.matter, now_s, what, self._opening)

    def claim(self, finding: Finding) -> bool:
        """Return whether no other thread is about to write this version; then nobody else is until `release`."""
        with self._lock:
            free = finding.record.identity not in self._claimed
            self._claimed.add(finding.record.identity)
            return free

    def release(self, identities: Iterable[str]) -> None:
        """End claims."""
        with self._lock:
            self._claimed.difference_update(identities)

    def _places(self, key: bytes) -> range:
        first = _HEAD.size + int.from_bytes(key, "little") % self._sets * _WAYS * _ENTRY.size
        return range(first, first + _WAYS * _ENTRY.size, _ENTRY.size)


def is_version(known: Known, finding: Finding) -> bool:
    """Whether what is known is this version."""
    return known.version == _hash(finding.record.identity)


def _hash(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
