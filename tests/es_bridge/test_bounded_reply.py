"""Replies of strangers, over real connections: nothing they send fills the memory or keeps a closed search waiting."""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
import zlib
from functools import cache
from typing import Any, Callable, Iterable, Iterator, List

import pytest
import urllib3

from es_bridge.bounded_reply import MAX_HEAD_BYTES, MAX_LINE_BYTES, STEP_BYTES
from es_bridge.bulk import Create, bulk_create
from es_bridge.config import ClusterConfig
from es_bridge.dialect import detect
from es_bridge.errors import Aborted, BridgeError, Overloaded, ReplyTooLarge, ResponseError, UnreachableError
from es_bridge.transport import MAX_REPLY_BYTES, Transport
from lab.front.faults import FaultyServer
from lab.front.forward_proxy import ForwardProxy
from lab.front.server import Handler, Received, Reply

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


class Wire:
    """Writes bytes as they are, for as long as somebody reads; tells when it has begun."""

    def __init__(self, parts: Callable[[], Iterable[bytes]]) -> None:
        self.parts = parts
        self.begun = threading.Event()

    def __call__(self, handler: Handler, received: Received) -> None:
        handler.close_connection = True
        for part in self.parts():
            handler.wfile.write(part)
            handler.wfile.flush()
            self.begun.set()


def wire(parts: Any) -> Wire:
    if isinstance(parts, bytes):
        return Wire(lambda: [parts])
    return parts if isinstance(parts, Wire) else Wire(parts)


def ask(parts: Any, secure_proxy: bool = False, **options: Any) -> Any:
    """Return the response to one request, or its error."""
    with FaultyServer() as server, Transport(ClusterConfig((server.url,), max_retries=0)) as transport:
        server.serve = wire(parts)  # type: ignore[method-assign,assignment]
        try:
            return transport.request("GET", ("secret-index", "_search"), **options)
        except BridgeError as exc:
            assert transport.bytes_received <= MAX_REPLY_BYTES
            return exc


@cache
def zeros(megabytes: int, layers: int = 1) -> bytes:
    """Return so many MiB of zeros, compressed so many times."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join([packer.compress(bytes(1 << 20)) for _ in range(megabytes)] + [packer.flush()])
    for _ in range(layers - 1):
        packed = gzip.compress(packed, 9)
    return packed


def encoded(how: str, body: bytes) -> bytes:
    return OK + b"Content-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s" % (how.encode(), len(body), body)


# --- headers ---------------------------------------------------------------------------------------------------------


def with_headers(*headers: bytes) -> bytes:
    return OK + b"".join(header + b"\r\n" for header in headers) + b"Content-Length: 8\r\n\r\n" + b'{"a": 1}'


@pytest.mark.parametrize("name", [b"Warning", b"warning", b"WARNING"])
def test_a_warning_an_index_is_not_counted_among_the_headers(name: bytes) -> None:
    warnings = [name + b': 299 OpenSearch-2.19.4 "[index.x] setting was deprecated"'] * 5000
    response = ask(with_headers(*warnings, b"X-Last: seen"))
    assert response.json() == {"a": 1}
    assert response.headers["X-Last"] == "seen"


def test_no_other_header_is_left_out() -> None:
    response = ask(with_headers(b"Warnings: 1", b"X-Warning: 2", b"Warning-X: 3"))
    assert [response.headers[name] for name in ("Warnings", "X-Warning", "Warning-X")] == ["1", "2", "3"]


def test_a_body_may_have_lines_that_look_like_a_warning() -> None:
    body = b"Warning: 1\r\nWarning: 2\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\nWarning: a trailer\r\n\r\n" % (len(body), body)
    assert ask(OK + chunked).body == body


def test_the_limit_of_headers_stays_that_of_the_process() -> None:
    error = ask(with_headers(*[b"X-Other: 1"] * 200))
    assert isinstance(error, UnreachableError)
    assert "got more than 100 headers" in str(error)


# --- compression -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how",
    ["gzip, gzip, gzip", "gzip,gzip", "deflate", "br", "zstd", "gzip, br", "compress", "Gzip\t, deflate", "x" * 9000],
)
def test_anything_but_one_layer_of_gzip_is_refused_by_name(how: str) -> None:
    error = ask(encoded(how, zeros(1, 3)))
    assert isinstance(error, ResponseError)
    assert "cluster 'default' at http://localhost:" in str(error)
    assert f"its Content-Encoding is {how[:20]!r}"[:-1] in str(error)
    assert "secret-index" not in str(error)
    assert len(str(error)) < 600


@pytest.mark.parametrize("how", ["gzip", "GZip", "x-gzip", "identity, gzip", "gzip ,"])
def test_one_layer_of_gzip_is_read(how: str) -> None:
    assert ask(encoded(how, gzip.compress(b'{"a": 1}'))).json() == {"a": 1}


@pytest.mark.parametrize("how", ["", "identity", " Identity , identity"])
def test_no_compression_has_several_names(how: str) -> None:
    assert ask(encoded(how, b'{"a": 1}')).json() == {"a": 1}


def test_two_headers_are_two_layers() -> None:
    body = zeros(1, 2)
    error = ask(
        OK + b"Content-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    assert "only one layer of gzip" in str(error)


def test_several_gzip_members_are_one_body() -> None:
    body = b"".join(gzip.compress(part) for part in (b'{"a": ', b"", b"1}"))
    assert ask(encoded("gzip", body)).json() == {"a": 1}
    assert ask(encoded("gzip", gzip.compress(b"") * 20_000)).body == b""


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"a": 1}', "it is not the gzip"),
        (gzip.compress(b'{"a": 1}')[:-4], "its gzip ends in the middle"),
        (gzip.compress(b'{"a": 1}') + b"more", "it is not the gzip"),
        (gzip.compress(b'{"a": 1}')[:-8] + bytes(8), "it is not the gzip"),
    ],
)
def test_a_damaged_gzip_is_told(body: bytes, says: str) -> None:
    error = ask(encoded("gzip", body))
    assert isinstance(error, ResponseError)
    assert says in str(error)


def test_an_empty_body_is_empty_whatever_its_encoding() -> None:
    assert ask(encoded("gzip", b"")).body == b""


@pytest.mark.slow("memory, with large files")
def test_a_bomb_is_let_off_in_small_steps() -> None:
    """Peak memory, measured in a process of its own: 300 MiB in 300 kB, then the same three times compressed."""
    bombs = [(encoded("gzip", zeros(300)), "longer than"), (encoded("gzip, gzip, gzip", zeros(300, 3)), "one layer")]
    program = (
        "import resource, sys\n"
        "from es_bridge.config import ClusterConfig\nfrom es_bridge.errors import BridgeError\n"
        "from es_bridge.transport import Transport\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    Transport(ClusterConfig((sys.argv[1],), max_retries=0)).request('GET', ('x',))\n"
        "except BridgeError as exc:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, exc)\n"
    )
    for parts, says in bombs:
        with FaultyServer() as server:
            server.serve = wire(parts)  # type: ignore[method-assign]
            ended = subprocess.run([sys.executable, "-c", program, server.url], capture_output=True, text=True)
        grown, _, text = ended.stdout.partition(" ")
        assert says in text, ended.stderr
        unit = 1 if sys.platform == "linux" else 1024
        assert int(grown) // unit < (MAX_REPLY_BYTES + 8 * STEP_BYTES) // 1024


# --- bounds ----------------------------------------------------------------------------------------------------------


def forever(first: bytes, part: bytes) -> Callable[[], Iterator[bytes]]:
    def parts() -> Iterator[bytes]:
        yield first
        while True:
            yield part

    return parts


MANY = b"x" * 65_000
ENDLESS = {
    "body": forever(OK + b"\r\n", MANY),
    "chunks": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"%x\r\n%s\r\n" % (len(MANY), MANY)),
    "one chunk": forever(OK + b"Transfer-Encoding: chunked\r\n\r\nffffffffff\r\n", MANY),
    "chunks of one byte": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 10_000),
    "length of a chunk": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0" * 65_000),
    "extension of a chunk": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", MANY),
    "trailer": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n" * 10_000),
    "line of the trailer": forever(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", MANY),
    "headers": forever(OK, b"X-%s: y\r\n" % (b"n" * 60_000)),
    "one header": forever(OK + b"X: ", MANY),
    "100 Continue": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "status line": forever(b"HTTP/1.1 200 ", MANY),
    "inflating": forever(OK + b"Content-Encoding: gzip\r\n\r\n", zeros(20)),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_what_never_ends_is_ended(what: str) -> None:
    error = ask(ENDLESS[what], max_body_bytes=1 << 20)
    assert isinstance(error, (ReplyTooLarge, UnreachableError)), repr(error)
    assert "cluster 'default' at http://localhost:" in str(error)
    if isinstance(error, ReplyTooLarge):
        assert any(f"{bound:,}" in str(error) for bound in (1 << 20, MAX_HEAD_BYTES, MAX_LINE_BYTES))
        assert "GET /…/_search" in str(error)


def test_the_bound_is_to_the_byte_and_after_decompression() -> None:
    body = b"x" * 100_000
    for sent in (encoded("gzip", gzip.compress(body)), encoded("identity", body)):
        assert ask(sent, max_body_bytes=100_000).body == body
        assert isinstance(ask(sent, max_body_bytes=99_999), ReplyTooLarge)


@pytest.mark.parametrize("length", ["10000", "2"])
def test_a_wrong_length_is_no_whole_answer(length: str) -> None:
    """Too long: what is missing is an error. Too short: what is left is not taken for the next reply's beginning."""
    answer = ask(OK + b"Content-Length: %s\r\n\r\n{}[1]" % length.encode())
    if length == "2":
        assert answer.body == b"{}"
    else:
        assert isinstance(answer, UnreachableError)


@pytest.mark.parametrize("length", ["-1", "abc", "9" * 5000, "1e3", "", "0x5", "²", "2, 3", "2, x"])
def test_a_length_that_is_none_is_an_error_and_not_waited_for(length: str) -> None:
    error = ask(OK + b"Content-Length: %s\r\n\r\n{}" % length.encode())
    assert isinstance(error, (ResponseError, UnreachableError))
    assert "cluster 'default' at http://localhost:" in str(error)


@pytest.mark.parametrize(
    "framing",
    [
        b"-5\r\n{}\r\n",
        b"zz\r\n{}\r\n",
        b"\r\n{}",
        b"5\r\n{}\r\n0\r\n\r\n",
        b"2\r\n{}",
        b"2\r\n{}\r\n",
        b"",
        b"2 {}\r\n",
    ],
)
def test_chunks_that_are_none_are_an_error(framing: bytes) -> None:
    error = ask(OK + b"Transfer-Encoding: chunked\r\n\r\n" + framing)
    assert isinstance(error, (ResponseError, UnreachableError)), repr(error)


def test_chunks_with_extensions_and_trailers_are_read() -> None:
    framing = b'1;name="value"\r\n{\r\n001\r\n}\r\n0;last\r\nX: y\r\n\r\n'
    assert ask(OK + b"Transfer-Encoding: chunked\r\n\r\n" + framing).body == b"{}"


# --- errors, proxies, abort ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["gzip, gzip, gzip", "br", "gzip"])
def test_the_status_of_an_error_is_told_though_its_body_cannot_be_read(how: str) -> None:
    answer = encoded(how, zeros(3, 3)).replace(b"200 OK", b"503 Unavailable")
    error = ask(answer)
    assert isinstance(error, Overloaded)
    assert error.status == 503
    if how != "gzip":
        assert "only one layer of gzip is read" in str(error)


def test_an_endless_error_is_cut() -> None:
    parts = forever(OK.replace(b"200 OK", b"403 Forbidden") + b"\r\n", MANY)
    assert ask(parts).status == 403


def test_the_answer_of_a_proxy_is_bounded() -> None:
    """To CONNECT it is read by other code than to the request itself."""
    with ForwardProxy() as proxy:
        proxy.serve = wire(forever(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000))  # type: ignore[method-assign]
        for url in ("https://localhost:1", "http://localhost:1"):
            with Transport(ClusterConfig((url,), proxy=proxy.url, max_retries=0)) as transport:
                with pytest.raises(BridgeError) as caught:
                    transport.request("GET", ("x",))
                assert "cluster 'default'" in str(caught.value)


SLOW = {
    "drip": lambda: dripping(OK + b"\r\n", b" "),
    "drip of chunks": lambda: dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "drip of headers": lambda: dripping(OK, b"X: y\r\n"),
    "drip of a trailer": lambda: dripping(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"),
    "drip of gzip": lambda: dripping(OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b" ")),
    "drip of an error": lambda: dripping(OK.replace(b"200", b"500") + b"\r\n", b" "),
    "inflating": lambda: [encoded("gzip", zeros(20) * 100)],
}


def dripping(first: bytes, part: bytes) -> Iterator[bytes]:
    yield first
    pause = threading.Event()
    while True:
        yield part
        pause.wait(0.02)


@pytest.mark.parametrize("what", SLOW)
def test_abort_ends_a_reply_that_goes_on(what: str) -> None:
    errors: List[Exception] = []
    with FaultyServer() as server, Transport(ClusterConfig((server.url,), max_retries=0)) as transport:
        serve = Wire(SLOW[what])  # type: ignore[arg-type]
        server.serve = serve  # type: ignore[method-assign,assignment]

        def work() -> None:
            try:
                transport.request("GET", ("x",), max_body_bytes=1 << 40)
            except BridgeError as exc:
                errors.append(exc)

        worker = threading.Thread(target=work)
        worker.start()
        assert serve.begun.wait(30)
        transport.abort()
        worker.join(30)
        assert not worker.is_alive()
    assert [type(error) for error in errors] == [Aborted]


# --- who asks for what -----------------------------------------------------------------------------------------------


def test_who_says_so_much_at_get_root_is_no_engine() -> None:
    with FaultyServer() as server, Transport(ClusterConfig((server.url,), max_retries=0)) as transport:
        server.serve = wire(forever(OK + b"\r\n", MANY))  # type: ignore[method-assign]
        with pytest.raises(BridgeError, match="not as Elasticsearch or OpenSearch"):
            detect(transport)


def test_an_answer_to_a_bulk_request_may_quote_what_was_sent_and_beyond_that_is_asked_for_in_halves() -> None:
    documents = [Create("x", str(i), b"{}") for i in range(4)]

    def answer(received: Received) -> Reply:
        sent = received.body.count(b'"create"')
        if sent > 1:
            return Reply(200, b" " * (MAX_REPLY_BYTES + 10_000))
        return Reply(200, b'{"items":[{"create":{"status":201}}]}')

    with FaultyServer() as server, Transport(ClusterConfig((server.url,))) as transport:
        server.answer = answer  # type: ignore[method-assign]
        assert [outcome.result for outcome in bulk_create(transport, documents)] == ["stored"] * 4


def test_the_library_is_one_of_those_that_are_shipped() -> None:
    assert urllib3.__version__.split(".")[0] in ("1", "2")
    if sys.version_info[:2] != (3, 11):  # the environments of what runs inside Splunk: script/test
        assert urllib3.__version__ == "1.26.20"
