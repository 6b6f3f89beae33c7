"""The content of a file, plain or gzip, in pieces of bounded size: a 75 MB object never is in memory as a whole."""

from __future__ import annotations

import importlib
from typing import Any, BinaryIO, Iterator

from collectors.errors import DamagedFile

zlib: Any  # zlib-ng's type hints do not have all that it has
try:
    zlib = importlib.import_module("zlib_ng.zlib_ng")  # a third of the time less
except ImportError:
    zlib = importlib.import_module("zlib")

#: Bytes handed on at once. Memory for 128 KiB and more is given back to the system and fetched anew for each piece,
#: which is 5 % of the time that CloudTrail takes (measured).
PIECE_BYTES = 64 * 1024
READ_BYTES = 64 * 1024
GZIP_MAGIC = b"\x1f\x8b"
#: zlib's way to say "gzip header and CRC, please".
GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BrokenData(DamagedFile):
    """The bytes are not those that were written (a checksum differs): another copy may be whole, a later read, too.

    A file that is only cut short is a plain `DamagedFile`: what there is of it is as it was written.
    """


def unpacked(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the content of ``stream`` in pieces of at most `PIECE_BYTES`; gzip is recognised by its first bytes.

    Several gzip members one after the other are one content, as in ``gunzip``. Raises `DamagedFile` for a gzip file
    that is cut short or broken, after every byte before the damage has been yielded.
    """
    first = stream.read(READ_BYTES)
    if first[:2] == GZIP_MAGIC:
        yield from _gunzipped(stream, first)
        return
    while first:
        yield first
        first = stream.read(PIECE_BYTES)


def _gunzipped(stream: BinaryIO, packed: bytes) -> Iterator[bytes]:
    member = zlib.decompressobj(GZIP_WINDOW)
    size = 0
    while packed:
        before = member.copy()
        try:
            piece = member.decompress(packed, PIECE_BYTES)
        except zlib.error as exc:
            piece = _rescued(before, packed)
            yield piece
            raise BrokenData(f"the gzip data is broken: {exc}", size + len(piece)) from exc
        size += len(piece)
        if piece:
            yield piece
        if member.eof:
            # Padding with zero bytes is left by some tools and ignored by all of them.
            packed = member.unused_data.lstrip(b"\0") or stream.read(READ_BYTES).lstrip(b"\0")
            if packed and packed[:2] != GZIP_MAGIC[: len(packed)]:
                raise DamagedFile("there is something behind the end of the gzip data", size)
            member = zlib.decompressobj(GZIP_WINDOW)
            if not packed:
                return
        else:
            packed = member.unconsumed_tail or stream.read(READ_BYTES)
    raise DamagedFile("the gzip data is cut short: the file was not written or copied to its end", size)


def _rescued(member: Any, packed: bytes) -> bytes:
    """Return what can be unpacked before the damage: zlib forgets the output of a call that ends in an error."""
    rescued = b""
    for position in range(len(packed)):
        try:
            rescued += member.decompress(packed[position : position + 1])
        except zlib.error:
            break
    return rescued
