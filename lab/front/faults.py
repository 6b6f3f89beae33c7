"""A server that does the wrong thing on demand, in a given order, and after that the right one.

Nothing here waits for a length of time: a server that hangs does so until its client gives up.
"""

from __future__ import annotations

import base64
import json
import socket
import ssl
import struct
import threading
from collections import deque
from typing import Deque, Iterable, Optional, Union

from lab.front.server import Handler, LocalServer, Received, Reply, forward


class Reset:
    """The request is read, then the connection is reset."""


class CloseWithoutAnswer:
    """The request is read, then the connection is closed in order, as an engine does that is being stopped."""


class HalfBody:
    """A status of 200 and half of the body that was announced, then the connection is closed."""


class Hang:
    """No answer, until the client closes the connection."""


class HangInBody:
    """A status of 200 and half of the body that was announced, then nothing more."""


Fault = Union[Reply, Reset, CloseWithoutAnswer, HalfBody, Hang, HangInBody]


class FaultyServer(LocalServer):
    """Meets each request with the next of ``faults``; then passes them on to ``upstream``, or says what it received."""

    def __init__(
        self, faults: Iterable[Optional[Fault]] = (), upstream: str = "", tls: Optional[ssl.SSLContext] = None
    ) -> None:
        #: ``None`` stands for a request that is served as it should be.
        self.faults: Deque[Optional[Fault]] = deque(faults)
        self.upstream = upstream
        #: Set when a fault that hangs has begun, so that a test need not guess.
        self.hanging = threading.Event()
        self._lock = threading.Lock()
        super().__init__(tls)

    def serve(self, handler: Handler, received: Received) -> None:
        """Do the next wrong thing, or answer."""
        fault = self.next_fault()
        if fault is None:
            return super().serve(handler, received)
        if isinstance(fault, Reply):
            return handler.send(fault)
        handler.close_connection = True
        if isinstance(fault, (HalfBody, HangInBody)):
            self._half_a_body(handler)
        if isinstance(fault, (Hang, HangInBody)):
            self.hanging.set()
            handler.connection.recv(1)  # returns when the client goes away
        if isinstance(fault, Reset):
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
        return None

    def next_fault(self) -> Optional[Fault]:
        """Take what the request that has just been read meets."""
        with self._lock:
            return self.faults.popleft() if self.faults else None

    def answer(self, received: Received) -> Reply:
        """Pass the request on, or say what it was."""
        if self.upstream:
            return forward(self.upstream, received)
        said = {
            "method": received.method,
            "target": received.target,
            "headers": received.headers,
            "body_base64": base64.b64encode(received.body).decode(),
        }
        return Reply(200, json.dumps(said).encode())

    @staticmethod
    def _half_a_body(handler: Handler) -> None:
        handler.send_response_only(200)
        handler.send_header("Content-Type", "application/json")
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"half": "' + b"x" * 490)
        handler.wfile.flush()
