"""splunkd's REST interface over real HTTP on loopback, as far as the search command reads it.

Served, to ``GET`` with a valid session key (``Authorization: Splunk <key>``), as JSON:

- ``/servicesNS/<user>/<app>/configs/conf-<name>`` and ``.../<stanza>``: the app's ``default`` folder, a ``local``
  folder, and what a test sets, merged key by key;
- ``/servicesNS/<user>/<app>/storage/passwords`` with ``search=realm=...``: only for users with the capability
  ``list_storage_passwords``, 403 otherwise;
- ``/services/authentication/current-context``: user, roles, capabilities, time zone;
- ``/services/server/info``.

Stubbed: Atom XML (answers are JSON whatever ``output_mode`` says), paging, sorting, ``search=`` on anything but a
realm, access lists of single objects, apps other than one, and writing: POST, PUT and DELETE are answered 405. Stored
passwords are kept in memory, or in clear text in ``local/passwords.json``.
"""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

from .state import State, User

APP = "aws_siem_bridge"
APP_DEFAULT = Path(__file__).resolve().parents[2] / "splunk_app" / "package" / "default"
VERSION = "10.0.0"


class SplunkdStandIn:
    """Serves a `State` on a free port of loopback; a context manager."""

    def __init__(
        self,
        *,
        default_dir: Path = APP_DEFAULT,
        local_dir: Optional[Path] = None,
        port: int = 0,
        tls: bool = False,
    ) -> None:
        self.state = State(APP, default_dir, local_dir)
        #: (method, path with query) of every request, in order.
        self.requests: List[Tuple[str, str]] = []
        self._server = _Server(("127.0.0.1", port), self)
        if tls:
            self._server.socket = _own_certificate().wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if tls else "http"
        self.uri = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> SplunkdStandIn:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in a thread."""
        self._thread.start()

    def wait(self) -> None:
        """Serve until somebody stops it."""
        self._thread.join()

    def stop(self) -> None:
        """Stop serving and free the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: Tuple[str, int], stand_in: SplunkdStandIn) -> None:
        super().__init__(address, _Handler)
        self.stand_in = stand_in

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without this the second waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:  # noqa: N802 - the name http.server calls
        self._answer()

    def _refuse(self) -> None:
        self._note()
        self._reply(*_messages(405, "Method Not Allowed"))

    do_POST = do_PUT = do_DELETE = _refuse  # noqa: N815

    def _note(self) -> None:
        self.server.stand_in.requests.append((self.command, self.path))

    def _answer(self) -> None:
        self._note()
        scheme, _, key = (self.headers.get("Authorization") or "").partition(" ")
        user = self.server.stand_in.state.user_of(key) if scheme in ("Splunk", "Bearer") else None
        if user is None:
            self._reply(*_messages(401, "call not properly authenticated"))
            return
        url = urlsplit(self.path)
        parameters = {name: values[-1] for name, values in parse_qs(url.query).items()}
        path = [unquote(part) for part in url.path.strip("/").split("/")]
        self._reply(*_resource(self.server.stand_in.state, user, path, parameters))

    def _reply(self, status: int, content: Dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a test asks `SplunkdStandIn.requests`."""


def _resource(state: State, user: User, path: List[str], parameters: Dict[str, str]) -> Tuple[int, Dict[str, Any]]:
    """Return (status, content) of a GET."""
    if path[:1] == ["servicesNS"] and len(path) >= 5 and path[2] == state.app:
        kind, rest = path[3], path[4:]
        if kind == "configs" and rest[0].startswith("conf-"):
            return _conf(state, rest[0][len("conf-") :], rest[1:])
        if kind == "storage" and rest == ["passwords"]:
            if "list_storage_passwords" not in user.capabilities:
                return _messages(403, f"You (user={user.name}) do not have permission to perform this operation")
            wanted = parameters.get("search", "").partition("realm=")[2].strip('"')
            entries = [entry for entry in state.passwords() if not wanted or entry["realm"] == wanted]
            return _entries([(f"{entry['realm']}:{entry['username']}:", entry) for entry in entries])
    if path == ["services", "authentication", "current-context"]:
        context = {
            "username": user.name,
            "roles": list(user.roles),
            "capabilities": list(user.capabilities),
            "tz": user.tz,
        }
        return _entries([("context", context)])
    if path == ["services", "server", "info"]:
        return _entries([("server-info", {"version": VERSION, "serverName": "stand-in", "product_type": "enterprise"})])
    return _messages(404, "Not Found")


def _conf(state: State, name: str, stanza: List[str]) -> Tuple[int, Dict[str, Any]]:
    stanzas = state.stanzas(name)
    if stanzas is None:
        return _messages(404, f"{name} does not exist")
    if not stanza:
        return _entries(list(stanzas.items()))
    if len(stanza) != 1 or stanza[0] not in stanzas:
        return _messages(404, f"{'/'.join(stanza)} does not exist")
    return _entries([(stanza[0], stanzas[stanza[0]])])


def _entries(named: List[Tuple[str, Any]]) -> Tuple[int, Dict[str, Any]]:
    acl = {"app": APP, "owner": "nobody", "sharing": "app"}
    entries = [{"name": name, "acl": acl, "content": {"eai:acl": None, **content}} for name, content in named]
    return 200, {"entry": entries, "messages": [], "paging": {"total": len(entries), "perPage": 0, "offset": 0}}


def _messages(status: int, text: str) -> Tuple[int, Dict[str, Any]]:
    return status, {"messages": [{"type": "ERROR", "text": text}]}


def _own_certificate() -> ssl.SSLContext:
    """Return a context with a certificate nobody signed, like the one splunkd makes for itself."""
    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context
