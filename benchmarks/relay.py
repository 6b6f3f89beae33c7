"""A way to an engine on which the bytes that come back are counted."""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType
from typing import Optional, Type
from urllib.parse import urlsplit

_AT_ONCE = 1 << 16


class Relay:
    """Passes connections on to ``url`` and counts what the engine sends; a context manager."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._to = (parts.hostname or "127.0.0.1", parts.port or 9200)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.received = 0
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with near, socket.create_connection(self._to) as far:
            for each in (near, far):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    try:
                        data = ready.recv(_AT_ONCE)
                        (far if ready is near else near).sendall(data)
                    except OSError:
                        return
                    if not data:
                        return
                    if ready is far:
                        with self._lock:
                            self.received += len(data)

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], exc: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._listening.close()
