"""The sha256 of something large in parts, so that whoever hashes it can stop and go on with the next part.

A part is hashed by itself; ``sha256_of_parts`` is the sha256 of the parts' digests (32 bytes each) one after the other.
By hand: ``split -b 1G --filter=sha256sum memory.lime``.
"""

from __future__ import annotations

import hashlib
from typing import Iterable, List, NamedTuple, Sequence, Tuple

#: Objects above this are hashed in parts of so many bytes: some seconds each, of a function that has 15 minutes.
PART_BYTES = 1 << 30


class Hashes(NamedTuple):
    """Of some bytes: sha256 of all in hexadecimal, how many there are, and the sha256 of each part."""

    sha256: str
    bytes: int
    parts: Tuple[str, ...] = ()


def hashes_of(chunks: Iterable[bytes], part_bytes: int = 0) -> Hashes:
    """Return the hashes of what is read once, with those of its parts where ``part_bytes`` is given."""
    whole, part = hashlib.sha256(), hashlib.sha256()
    size = in_part = 0
    parts: List[str] = []
    for chunk in chunks:
        whole.update(chunk)
        size += len(chunk)
        view = memoryview(chunk)
        while part_bytes and len(view):
            piece = view[: part_bytes - in_part]
            part.update(piece)
            in_part += len(piece)
            view = view[len(piece) :]
            if in_part == part_bytes:
                parts.append(part.hexdigest())
                part, in_part = hashlib.sha256(), 0
    if in_part:
        parts.append(part.hexdigest())
    return Hashes(whole.hexdigest(), size, tuple(parts))


def sha256_of_parts(parts: Sequence[str]) -> str:
    """Return the sha256 that stands for all parts. Raises `ValueError` for digests that are none."""
    return hashlib.sha256(b"".join(map(bytes.fromhex, parts))).hexdigest()
