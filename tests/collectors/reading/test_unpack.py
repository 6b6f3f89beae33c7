"""Plain and gzip content in pieces, and every byte before the damage."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc
import zlib
from typing import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zlib_ng import zlib_ng

from collectors.errors import DamagedFile
from collectors.reading import unpack
from collectors.reading.unpack import PIECE_BYTES, unpacked

CONTENT = b"".join(b"%d line of a log, %d\n" % (n, n * 7919 % 104729) for n in range(20_000))


@pytest.fixture(params=[zlib, zlib_ng], ids=["zlib", "zlib-ng"], autouse=True, scope="module")
def library(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each test with the library the loader prefers, and with the one it falls back to."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpack, "zlib", request.param)
        yield


def read(data: bytes) -> tuple[bytes, str]:
    """Return all that could be read, and the reason of the damage or an empty text."""
    found = b""
    try:
        for piece in unpacked(io.BytesIO(data)):
            assert len(piece) <= PIECE_BYTES
            found += piece
    except DamagedFile as exc:
        assert exc.offset == len(found)
        return found, exc.reason
    return found, ""


@given(st.binary(max_size=300), st.booleans())
def test_content_comes_out_as_it_went_in(content, compressed):
    if content[:2] != b"\x1f\x8b":
        assert read(gzip.compress(content) if compressed else content) == (content, "")


@pytest.mark.parametrize("content", [b"", CONTENT], ids=["empty", "large"])
def test_gzip_and_plain_are_told_apart(content):
    assert read(content) == (content, "")
    assert read(gzip.compress(content)) == (content, "")


def test_members_one_after_the_other_are_one_content():
    parts = [CONTENT[start : start + 1000] for start in range(0, 5000, 1000)]
    assert read(b"".join(map(gzip.compress, parts))) == (b"".join(parts), "")


def test_zero_bytes_behind_the_end_are_padding():
    assert read(gzip.compress(CONTENT) + b"\0" * 200_000) == (CONTENT, "")


def test_anything_else_behind_the_end_is_said():
    found, reason = read(gzip.compress(CONTENT) + b"<html>")
    assert found == CONTENT
    assert "behind the end" in reason


@pytest.mark.parametrize("missing", [1, 4, 8, 9, 1000, 20_000])
def test_a_file_cut_short_gives_what_is_there(missing):
    packed = gzip.compress(CONTENT)[:-missing]
    found, reason = read(packed)
    assert "cut short" in reason
    assert found == zlib.decompressobj(31).decompress(packed)


def test_a_wrong_checksum_is_said_after_everything_was_read():
    packed = bytearray(gzip.compress(CONTENT))
    packed[-6] ^= 0xFF
    found, reason = read(bytes(packed))
    assert found == CONTENT
    assert "broken" in reason


@pytest.mark.parametrize("seed", range(20))
def test_a_flipped_bit_never_gives_less_than_what_came_before_it(seed):
    packed = bytearray(gzip.compress(CONTENT, 1))
    at = random.Random(seed).randrange(20, len(packed) - 8)
    intact = zlib.decompressobj(31).decompress(bytes(packed[:at]))
    packed[at] ^= 1 << seed % 8
    found, reason = read(bytes(packed))
    assert reason
    # The last symbols before the damage may share their bytes with it.
    assert found[: len(intact) - 600] == intact[:-600] if len(intact) > 600 else True


@pytest.mark.slow("memory, with large files")
def test_memory_does_not_grow_with_what_a_small_file_unpacks_to():
    bomb = gzip.compress(b"a" * 100_000_000)
    tracemalloc.start()
    try:
        assert sum(len(piece) for piece in unpacked(io.BytesIO(bomb))) == 100_000_000
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()
