"""One reply read within bounds: its head, its framing, and its body as it comes out of at most one layer of gzip.

Whoever answers may be a stranger, so nothing here believes what a reply says of itself:

- Every byte that comes from the socket is counted, headers, chunk lengths and trailers included: `http.client` and
  `urllib3` read some of these without an end (lines of a trailer, ``100 Continue`` after ``100 Continue``).
- The body is decoded here and not by `urllib3`, in steps of `STEP_BYTES`. Version 1.26, which the app ships, decodes
  what it has read in one call, and layer after layer: ``Content-Encoding: gzip, gzip, gzip`` makes 1.2 GB of 256 bytes.
  We only ever ask for one layer of gzip, so anything else is refused.
"""

from __future__ import annotations

import http.client
import re
import zlib
from typing import Any, Callable, List, Optional, Type

#: Status line and headers. Engines add a Warning header an index for deprecated settings; thousands of them fit.
MAX_HEAD_BYTES = 4 << 20
#: `http.client` reads no more than 100 headers, so that a search over many indices would fail as if the cluster were
#: gone (seen with OpenSearch 2.19). Nobody here reads these, so it does not get to see them.
_NOT_READ = b"warning:"
#: A line of chunked framing; `http.client` allows a header as much.
MAX_LINE_BYTES = 1 << 16
#: Most that one call of the decoder may give back, and one read from the socket.
STEP_BYTES = 1 << 20
FEW_BYTES = 1 << 16


class TooLong(Exception):
    """A reply goes beyond its bound; the text is what is too long."""


class NotReadable(Exception):
    """A body is not what its headers say; the text is why."""


class _Counted:
    """The file of a socket, as `http.client` and `urllib3` read it, which ends with `TooLong` at its bound."""

    def __init__(self, file: Any, left: int, what: str) -> None:
        self._file, self._left, self._what = file, left, what
        self._is_head = True

    def body_begins(self, left: int, what: str) -> None:
        self._left, self._what = left, what
        self._is_head = False

    def read(self, size: int = -1) -> bytes:
        if size < 0:  # nobody asks so but for a chunk of that length
            raise NotReadable("a chunk of its body has a negative length")
        return self._took(self._file.read(min(size, self._left + 1)))

    def readinto(self, buffer: Any) -> int:
        count: int = self._file.readinto(memoryview(buffer)[: self._left + 1])
        self._count(count)
        return count

    def readline(self, limit: int = -1) -> bytes:
        line = self._line(limit)
        while self._is_head and line[: len(_NOT_READ)].lower() == _NOT_READ and line.endswith(b"\n"):
            line = self._line(limit)
        return line

    def _line(self, limit: int) -> bytes:
        line = self._took(self._file.readline(min(limit if limit >= 0 else MAX_LINE_BYTES, self._left + 1)))
        if limit < 0 and len(line) == MAX_LINE_BYTES:
            raise TooLong(f"a line of its framing is longer than {MAX_LINE_BYTES:,} bytes")
        return line

    def _took(self, data: bytes) -> bytes:
        self._count(len(data))
        return data

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise TooLong(self._what)

    @property
    def closed(self) -> bool:
        closed: bool = self._file.closed
        return closed

    def fileno(self) -> int:
        number: int = self._file.fileno()
        return number

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


def bounded_response(limit_of: Callable[[], int]) -> Type[http.client.HTTPResponse]:
    """Return the class of a connection's responses: ``limit_of()`` bytes of body, and a head of `MAX_HEAD_BYTES`."""

    class Bounded(http.client.HTTPResponse):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            head = f"its status line and headers are longer than {MAX_HEAD_BYTES:,} bytes"
            self.fp: Any = _Counted(self.fp, MAX_HEAD_BYTES, head)

        def begin(self) -> None:
            super().begin()
            if self.fp is not None:
                limit = limit_of()
                # Framing is a fraction of the body, unless somebody makes chunks of a byte.
                self.fp.body_begins(limit + limit // 8 + MAX_LINE_BYTES, f"it is longer than {limit:,} bytes")

    return Bounded


def announced_bytes(reply: Any) -> Optional[int]:
    """Return the length a reply announces; ``None`` where it does not. Raises `NotReadable` for what is no length."""
    said = reply.headers.get("Content-Length")
    if said is None or reply.headers.get("Transfer-Encoding"):
        return None
    lengths = {text.strip() for text in said.split(",")}  # of several headers, which then have to agree
    if len(lengths) > 1 or not re.fullmatch("[0-9]{1,18}", *lengths):
        # Where it ends is unknown, and a connection that is kept open would be waited for in vain.
        raise NotReadable("its Content-Length is no number")
    return int(*lengths)


def is_gzip(reply: Any) -> bool:
    """Whether a body is one layer of gzip. Raises `NotReadable` for what is neither that nor plain."""
    said = reply.headers.get("Content-Encoding") or ""
    layers = [name for name in (part.strip().lower() for part in said.split(",")) if name not in ("", "identity")]
    if layers not in ([], ["gzip"], ["x-gzip"]):
        raise NotReadable(f"its Content-Encoding is {said[:100]!r}, and only one layer of gzip is read")
    return bool(layers)


def read_body(reply: Any, limit: int, go_on: Callable[[], None]) -> bytes:
    """Return the body of a `urllib3` reply that was not preloaded, decoded.

    ``go_on`` is called again and again and may raise. Raises `TooLong`, `NotReadable`, and what `urllib3` raises for a
    connection that ends too early.
    """
    announced = announced_bytes(reply)
    if announced is not None and announced > limit:
        raise TooLong(f"it announced {announced:,} bytes, and more than {limit:,} are not read")
    pieces: List[bytes] = []
    size = 0
    for piece in _decoded(reply, go_on):
        size += len(piece)
        if size > limit:
            raise TooLong(f"it is longer than {limit:,} bytes")
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def read_beginning(reply: Any, limit: int, go_on: Callable[[], None]) -> bytes:
    """Return as much of a body as ``limit`` allows, of one that cannot be read a word about that.

    For the bodies of errors: their status says more than what is wrong with them.
    """
    pieces: List[bytes] = []
    left = limit
    try:
        for piece in _decoded(reply, go_on):
            pieces.append(piece[:left])
            left -= len(pieces[-1])
            if not left:
                reply.close()
                break
    except (NotReadable, TooLong) as exc:
        reply.close()
        if not pieces:
            return f"(its explanation is not read: {exc})".encode()
    return b"".join(pieces)


def _decoded(reply: Any, go_on: Callable[[], None]) -> Any:
    """Yield the body in pieces of at most `STEP_BYTES`."""
    gzipped = is_gzip(reply)
    announced = announced_bytes(reply)
    at_once = STEP_BYTES if announced is None else min(STEP_BYTES, max(announced, FEW_BYTES))
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    began = False
    for data in reply.stream(at_once, decode_content=False):
        go_on()
        if not gzipped:
            yield data
            continue
        began = True
        while data:
            if decoder.eof:  # a gzip file may be several, one after the other: RFC 1952, section 2.2
                decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                piece = decoder.decompress(data, STEP_BYTES)
            except zlib.error as exc:
                raise NotReadable(f"it is not the gzip that its headers say ({exc})") from None
            data = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            if piece:
                yield piece
            go_on()
    if began and not decoder.eof:
        raise NotReadable("its gzip ends in the middle")
