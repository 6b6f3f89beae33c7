"""The forward proxy of a company's network: plain requests by absolute URL, TLS by CONNECT, basic authentication."""

from __future__ import annotations

import base64
import select
import socket
from typing import List, Optional
from urllib.parse import urlsplit

from lab.front.server import Handler, LocalServer, Received, Reply, forward


class _ProxyHandler(Handler):
    server: ForwardProxy

    def do_CONNECT(self) -> None:
        """Open a tunnel, and carry bytes both ways until one side ends."""
        self.server.tunnels.append(self.path)
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not self.server.admits(headers.get("proxy-authorization", "")):
            self.send(_AUTHENTICATE)
            return
        host, _, port = self.path.rpartition(":")
        try:
            far = socket.create_connection((host, int(port)), timeout=10)
        except OSError:
            self.send(Reply(502))
            return
        with far:
            self.send_response_only(200)
            self.end_headers()
            self.wfile.flush()
            _carry(self.connection, far)


class ForwardProxy(LocalServer):
    """A proxy; with a user name it asks for that and the password."""

    def __init__(self, username: str = "", password: str = "") -> None:  # noqa: S107
        token = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._authorization: Optional[str] = f"Basic {token}" if username else None
        #: ``host:port`` of every CONNECT.
        self.tunnels: List[str] = []
        super().__init__(handler=_ProxyHandler)

    def admits(self, authorization: str) -> bool:
        """Whether a client that says so may pass."""
        return self._authorization in (None, authorization)

    def answer(self, received: Received) -> Reply:
        """Fetch what the absolute URL names."""
        if not self.admits(received.headers.get("proxy-authorization", "")):
            return _AUTHENTICATE
        url = urlsplit(received.target)
        if not url.netloc:
            return Reply(400, b"this is a proxy: it takes absolute URLs")
        target = received.target.split(url.netloc, 1)[1]
        passed_on = Received(received.method, target, received.headers, received.body)
        return forward(f"{url.scheme}://{url.netloc}", passed_on)


_AUTHENTICATE = Reply(407, b"who are you?", (("Proxy-Authenticate", 'Basic realm="lab"'),))


def _carry(near: socket.socket, far: socket.socket) -> None:
    while True:
        for readable in select.select([near, far], [], [])[0]:
            data = readable.recv(65536)
            if not data:
                return
            (far if readable is near else near).sendall(data)
