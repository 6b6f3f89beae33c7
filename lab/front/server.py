"""A local HTTP or HTTPS server on a free port, and the forwarding of one request to what stands behind it."""

from __future__ import annotations

import http.client
import ssl
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Dict, List, Optional, Tuple, Type
from urllib.parse import urlsplit

#: Headers that belong to one connection, not to the message (RFC 9110, section 7.6.1), and those the sender sets anew.
HOP_BY_HOP = frozenset(
    ["connection", "keep-alive", "proxy-authorization", "te", "transfer-encoding", "upgrade", "host", "content-length"]
)


@dataclass(frozen=True)
class Received:
    """One request as it came over the wire: the target and the body are the bytes that were sent."""

    method: str
    target: str
    #: Names in lower case.
    headers: Dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """One response."""

    status: int
    body: bytes = b""
    headers: Tuple[Tuple[str, str], ...] = (("Content-Type", "application/json"),)


class Handler(BaseHTTPRequestHandler):
    """Reads a request completely and lets the server's `answer` say what to reply."""

    protocol_version = "HTTP/1.1"
    # Head and body of a reply are two writes; with Nagle's algorithm the second waits 40 ms for an acknowledgement.
    disable_nagle_algorithm = True
    server: LocalServer

    def handle_one_request(self) -> None:
        """Serve one request; a client that goes away in the middle is no reason for a traceback."""
        try:
            super().handle_one_request()
        except (ConnectionError, ssl.SSLError, TimeoutError):
            self.close_connection = True

    def respond(self) -> None:
        """Answer one request."""
        received = Received(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        self.server.received.append(received)
        self.server.serve(self, received)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = respond

    def send(self, reply: Reply) -> None:
        """Send a whole reply."""
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: standard error belongs to the test or the demo."""


class LocalServer(ThreadingHTTPServer):
    """Serves from a thread of its own until ``stop()``. A subclass says what to `answer`."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, tls: Optional[ssl.SSLContext] = None, handler: Type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.tls = tls
        #: Every request, in the order of arrival.
        self.received: List[Received] = []
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def __exit__(
        self,
        kind: Optional[Type[BaseException]] = None,
        error: Optional[BaseException] = None,
        trace: Optional[TracebackType] = None,
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self.server_address[1]

    @property
    def url(self) -> str:
        """Its base URL. ``localhost``, because certificates are for names."""
        return f"{'https' if self.tls else 'http'}://localhost:{self.port}"

    def stop(self) -> None:
        """Stop listening."""
        self.shutdown()
        self.server_close()
        self._thread.join()

    def finish_request(self, request, client_address) -> None:
        """Do the TLS handshake in the connection's own thread, where a client that never shakes hands blocks nobody."""
        if self.tls:
            try:
                request = self.tls.wrap_socket(request, server_side=True)
            except (OSError, ValueError):
                return
        super().finish_request(request, client_address)
        if self.tls:
            try:
                request.unwrap()
            except (OSError, ValueError):
                pass

    def serve(self, handler: Handler, received: Received) -> None:
        """Send the answer."""
        handler.send(self.answer(received))

    def answer(self, received: Received) -> Reply:
        """Return what to reply."""
        raise NotImplementedError


def forward(upstream: str, received: Received, drop: Tuple[str, ...] = ()) -> Reply:
    """Send a request on to the base URL ``upstream`` with its bytes unchanged, and return what came back.

    Headers whose names begin with one of ``drop`` stay behind.
    """
    where = urlsplit(upstream)
    headers = {
        name: value
        for name, value in received.headers.items()
        if name not in HOP_BY_HOP and not name.startswith(drop or "\0")
    }
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=120)
    try:
        connection.request(received.method, received.target, received.body or None, headers)
        response = connection.getresponse()
        kept = tuple((n, v) for n, v in response.getheaders() if n.lower() not in HOP_BY_HOP)
        return Reply(response.status, response.read(), kept)
    finally:
        connection.close()
