"""Splunk's HTTP Event Collector over real HTTP on loopback, with indexer acknowledgement.

https://help.splunk.com/splunk-enterprise/get-data-in/collect-http-event-data/about-http-event-collector-indexer-acknowledgment
and the codes of
https://help.splunk.com/en/splunk-enterprise/get-data-in/collect-http-event-data/troubleshoot-http-event-collector.

What was taken is indexed `index_after_s` later, by a thread; only then its number is acknowledged, once, and forgotten.
`kill` loses what is not indexed, and all numbers; `start` begins anew on the same port, and what is indexed is there.

Left out: ``/raw``, metrics, ``fields`` of events, channels that idle, limits of channels and of numbers, several
collectors behind a load balancer, S2S, tokens of the query string, ``sourcetype`` of the token, health. Splunk's own
reply to events of which one is wrong may have indexed those before it; here none of them is.
"""

from __future__ import annotations

import gzip
import json
import ssl
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable, Deque, Dict, List, Optional, Set, Tuple
from urllib.parse import parse_qs, urlsplit

#: Code -> HTTP status, text.
CODES = {
    0: (200, "Success"),
    1: (403, "Token disabled"),
    2: (401, "Token is required"),
    3: (401, "Invalid authorization"),
    4: (403, "Invalid token"),
    5: (400, "No data"),
    6: (400, "Invalid data format"),
    7: (400, "Incorrect index"),
    8: (500, "Internal server error"),
    9: (503, "Server is busy"),
    10: (400, "Data channel is missing"),
    11: (400, "Invalid data channel"),
    12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"),
    14: (400, "ACK is disabled"),
}
_DECODER = json.JSONDecoder()


@dataclass
class Token:
    """A token, as its stanza in inputs.conf has it."""

    value: str
    use_ack: bool = True
    disabled: bool = False
    index: str = "main"
    #: Others that its events may name; all if empty.
    indexes: Tuple[str, ...] = ()


@dataclass
class _Channel:
    next_number: int = 0
    indexed: Set[int] = field(default_factory=set)


class HecRefusal(Exception):
    """One of `CODES`."""

    def __init__(self, code: int, event: int = -1) -> None:
        super().__init__(code)
        self.code, self.event = code, event


class HecReceiver:
    """Listens on loopback; a context manager."""

    def __init__(self, *tokens: Token, index_after_s: float = 0.2, tls: Optional[ssl.SSLContext] = None) -> None:
        self.tokens = list(tokens)
        self.index_after_s = index_after_s
        #: Longest request, as ``max_content_length``.
        self.most_bytes = 1 << 30
        #: So many of the next requests of events are answered with this code.
        self.next_codes: List[int] = []
        #: Does not unpack: as something on the way may.
        self.knows_gzip = True
        #: Rows as a search would begin with, as `RunningInput.events` has them.
        self.events: List[Dict[str, Any]] = []
        #: Taken and not indexed when it was killed.
        self.lost: List[Dict[str, Any]] = []
        self.requests = 0
        self._tls = tls
        self._changed = threading.Condition()
        self._pending: Deque[Tuple[float, str, int, List[Dict[str, Any]]]] = deque()
        self._channels: Dict[str, _Channel] = {}
        self._indexing = True
        self._port = 0
        self._server: Optional[_Server] = None
        self._thread: Optional[threading.Thread] = None

    def __enter__(self) -> HecReceiver:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, on the port it had before if it had one."""
        self._server = _Server(("127.0.0.1", self._port), self)
        if self._tls:
            self._server.socket = self._tls.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self._thread = threading.Thread(target=self._index, args=(self._server,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Index what was taken, and end."""
        self.go_on()
        with self._changed:
            self._changed.wait_for(lambda: not self._pending, 10 + self.index_after_s)
        self.kill()

    def kill(self) -> None:
        """End at once: what is not indexed is lost, and nobody knows its numbers any more."""
        server, self._server = self._server, None
        if server is None:
            return
        with self._changed:
            for _, _, _, rows in self._pending:
                self.lost += rows
            self._pending.clear()
            self._channels.clear()
            self._changed.notify_all()
        server.shutdown()
        server.end_connections()
        server.server_close()
        if self._thread:
            self._thread.join(10)

    def pause(self) -> None:
        """Index nothing: requests are taken and not acknowledged."""
        self._indexing = False

    def go_on(self) -> None:
        """Index again."""
        self._indexing = True

    def wait_for_waiting(self, events: int, timeout_s: float = 60) -> None:
        """Wait until so many events are taken and not indexed. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: sum(len(rows) for *_, rows in self._pending) >= events, timeout_s):
                raise TimeoutError(f"fewer than {events} events are waiting")

    def wait_for(self, condition: Callable[[List[Dict[str, Any]]], Any], timeout_s: float = 60) -> None:
        """Wait until ``condition`` of the events holds. Raises `TimeoutError`."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self.events), timeout_s):
                raise TimeoutError(f"{len(self.events)} events: {self.events[-3:]}")

    def _index(self, server: _Server) -> None:
        while self._server is server:
            with self._changed:
                while self._indexing and self._pending and self._pending[0][0] <= time.monotonic():
                    _, channel, number, rows = self._pending.popleft()
                    self.events += [{**row, "_indextime": time.time()} for row in rows]
                    if channel in self._channels:
                        self._channels[channel].indexed.add(number)
                self._changed.notify_all()
                self._changed.wait(0.02)

    def answer(self, path: str, headers: Any, body: bytes) -> Dict[str, Any]:
        """Return the reply to a request. Raises `HecRefusal`."""
        token = self._token(headers.get("Authorization"))
        query = parse_qs(urlsplit(path).query)
        channel = headers.get("X-Splunk-Request-Channel") or query.get("channel", [""])[0]
        place = urlsplit(path).path.rstrip("/")
        if place == "/services/collector/ack":
            return self._acknowledged(token, channel, body)
        if place not in ("/services/collector", "/services/collector/event", "/services/collector/event/1.0"):
            raise LookupError(place)
        with self._changed:
            self.requests += 1
            if self.next_codes:
                code = self.next_codes.pop(0)
                if code:
                    raise HecRefusal(code)
        if token.use_ack:
            _check_channel(channel)
        if headers.get("Content-Encoding") == "gzip" and self.knows_gzip:
            body = gzip.decompress(body)
        rows = [_row(event, token, number) for number, event in enumerate(_events(body))]
        with self._changed:
            number = -1
            if token.use_ack:
                found = self._channels.setdefault(channel, _Channel())
                number, found.next_number = found.next_number, found.next_number + 1
            self._pending.append((time.monotonic() + self.index_after_s, channel, number, rows))
        return {"text": "Success", "code": 0, **({"ackId": number} if token.use_ack else {})}

    def _token(self, header: Optional[str]) -> Token:
        if not header:
            raise HecRefusal(2)
        scheme, _, value = header.partition(" ")
        if scheme != "Splunk" or not value:
            raise HecRefusal(3)
        for token in self.tokens:
            if token.value == value:
                if token.disabled:
                    raise HecRefusal(1)
                return token
        raise HecRefusal(4)

    def _acknowledged(self, token: Token, channel: str, body: bytes) -> Dict[str, Any]:
        if not token.use_ack:
            raise HecRefusal(14)
        _check_channel(channel)
        try:
            numbers = [int(number) for number in json.loads(body)["acks"]]
        except (ValueError, KeyError, TypeError):
            raise HecRefusal(6) from None
        with self._changed:
            indexed = self._channels.get(channel, _Channel()).indexed
            found = {str(number): number in indexed for number in numbers}
            indexed.difference_update(numbers)
        return {"acks": found}


def _check_channel(channel: str) -> None:
    if not channel:
        raise HecRefusal(10)
    try:
        uuid.UUID(channel)
    except ValueError:
        raise HecRefusal(11) from None


def _events(body: bytes) -> List[Any]:
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        raise HecRefusal(6, 0) from None
    if not text:
        raise HecRefusal(5)
    found: List[Any] = []
    while text:
        try:
            event, end = _DECODER.raw_decode(text)
        except ValueError:
            raise HecRefusal(6, len(found)) from None
        found.append(event)
        text = text[end:].lstrip()
    return found


def _row(event: Any, token: Token, number: int) -> Dict[str, Any]:
    if not isinstance(event, dict):
        raise HecRefusal(6, number)
    if "event" not in event:
        raise HecRefusal(12, number)
    if event["event"] in ("", None):
        raise HecRefusal(13, number)
    index = event.get("index") or token.index
    if token.indexes and index not in token.indexes:
        raise HecRefusal(7, number)
    raw = event["event"] if isinstance(event["event"], str) else json.dumps(event["event"])
    return {
        "_time": float(event.get("time") or time.time()),
        "index": index,
        "source": event.get("source", ""),
        "sourcetype": event.get("sourcetype", ""),
        "host": event.get("host", ""),
        "_raw": raw,
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: Tuple[str, int], receiver: HecReceiver) -> None:
        super().__init__(address, _Handler)
        self.receiver = receiver
        self._connections: Set[Any] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection: a killed Splunk leaves none open."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of connections that broke."""

    def end_connections(self) -> None:
        """Break them all."""
        for request in list(self._connections):
            self.shutdown_request(request)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:  # noqa: N802 - the name http.server calls
        """Answer as HEC."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        receiver = self.server.receiver
        if len(body) > receiver.most_bytes:
            self._say(413, b"<html>Content-Length too large</html>", "text/html")
            return
        try:
            status, found = 200, receiver.answer(self.path, self.headers, body)
        except LookupError:
            self._say(404, b'{"text":"The requested URL was not found on this server.","code":404}')
            return
        except HecRefusal as exc:
            status, text = CODES[exc.code]
            found = {"text": text, "code": exc.code}
            if exc.event >= 0:
                found["invalid-event-number"] = exc.event
        self._say(status, json.dumps(found).encode())

    def _say(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing."""
