"""splunkd over real HTTP on loopback, as far as the app, its pages and their libraries use it.

Served to requests with a valid session key (``Authorization: Splunk <key>``), under ``/services/...`` and
``/servicesNS/<user>/<app>/...``, as Atom or with ``output_mode=json`` as JSON:

- conf files, stored passwords, the KV store, users and roles: the modules of ``rest``, one a subject;
- the app's own handlers, run in child processes: the modules of ``handlers``. The app is seen at
  ``$SPLUNK_HOME/etc/apps/<name>``, a link to its folder.

Splunk Web, when asked for: ``web.pages``.

- searches as jobs, by the product's SPL runner: `jobs`;
- modular inputs, checked and stored (``data/inputs``) and run as splunkd runs them: `inputs`.

Stubbed: logging in of users without a password (sessions are made with `State.session`), paging and sorting,
``search=`` beyond ``field=value``, access lists of single objects and of users' own copies, apps other than one (of
``system`` only what libraries read), starting stored inputs, KV store queries beyond equality, and everything that is
not listed here, which is answered 404. Stored passwords are kept in memory, or in clear text in
``local/passwords.json``; the KV store is always in memory. What the children's package ``splunk`` lacks is listed in
``splunk_stubs/splunk/__init__.py``.
"""

from __future__ import annotations

import os
import ssl
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, List, Mapping, Optional, Tuple, Type
from urllib.parse import urlsplit

from .conf import read_conf
from .handlers.admin_external import ExternalHandlers
from .handlers.children import Nursery, Surroundings
from .handlers.persistent import PersistentHandlers
from .inputs import Kinds
from .jobs import Jobs
from .rest.messages import Raw
from .rest.router import Router
from .state import State
from .users import User
from .web.pages import Pages

ADMIN = User("admin", ("admin",))
APP_DIR = Path(__file__).resolve().parents[2] / "splunk_app" / "package"


class SplunkdStandIn:
    """Serves a `State` on a free port of loopback; a context manager."""

    def __init__(
        self,
        app_dir: Path = APP_DIR,
        *,
        local_dir: Optional[Path] = None,
        port: int = 0,
        tls: bool = False,
        splunk_home: Optional[Path] = None,
        python: str = sys.executable,
        web: bool = False,
        web_port: int = 0,
        web_user: User = ADMIN,
        tell: Callable[[str], None] = lambda text: None,
        environment: Mapping[str, str] = {},  # noqa: B006 - never changed
    ) -> None:
        """Claim the port; `start` serves.

        ``app_dir``: the app's folder, built or as it is in the repository. ``local_dir``: where changes are kept,
        memory when not given. ``splunk_home``: a temporary folder when not given. ``python``: interpreter of the
        handlers. ``web``: serve Splunk Web too; whoever opens a page is signed in as ``web_user``. ``tell``: gets a
        line for each request that nobody here can answer. ``environment``: variables of splunkd, and so of its
        scripts.
        """
        app = read_conf(app_dir / "default" / "app.conf").get("package", {}).get("id", app_dir.name)
        self.state = State(app, app_dir, local_dir)
        #: (method, path with query) of every request, in order.
        self.requests: List[Tuple[str, str]] = []
        #: (method, path) of what was asked for and is not served here at all.
        self.not_served: List[Tuple[str, str]] = []
        self._tell = tell
        self._server = HttpServer(("127.0.0.1", port), _Handler, self)
        if tls:
            self._server.socket = _own_certificate().wrap_socket(self._server.socket, server_side=True)
        self.uri = f"{'https' if tls else 'http'}://127.0.0.1:{self._server.server_address[1]}"
        self._describe_system(tls)
        self._temporary = tempfile.TemporaryDirectory(prefix="aws-siem-bridge-splunk-")
        self.splunk_home = splunk_home or Path(self._temporary.name)
        _install(self.splunk_home, app, app_dir)
        self.state.uri = self.uri
        self.state.jobs = Jobs(self.splunk_home, app_dir.resolve(), _found(python))
        self.state.inputs = Kinds(self, _found(python), environment)
        self._nursery = Nursery(Surroundings(self.splunk_home, app, self.uri, _found(python), environment))
        restmap = self.state.stanzas("restmap") or {}
        self.router = Router(
            self.state,
            [
                PersistentHandlers(restmap, self.state.users, self._nursery),
                ExternalHandlers(restmap, app, self.state.users, self._nursery),
            ],
            self.note_not_served,
        )
        self._servers = [self._server]
        if web:
            self._web_server = HttpServer(("127.0.0.1", web_port), _WebHandler, self)
            self._servers.append(self._web_server)
            port = self._web_server.server_address[1]
            self.web_uri = f"http://127.0.0.1:{port}"
            self.pages = Pages(self.state, self.router, port, web_user)
        self._threads = [
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True) for server in self._servers
        ]

    def __enter__(self) -> SplunkdStandIn:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, in a thread."""
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        """Serve until somebody stops it."""
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Stop serving, end the children and free the port."""
        for server in self._servers:
            server.shutdown()
            server.server_close()
        self._nursery.end_all()
        self._temporary.cleanup()

    def note_not_served(self, method: str, path: str) -> None:
        """Remember a request that nobody here can answer."""
        self.not_served.append((method, path))
        self._tell(f"not served here: {method} {path}")

    def _describe_system(self, tls: bool) -> None:
        """Say in splunkd's own conf files where it is: solnlib looks there."""
        self.state.system_confs = {
            "server": {
                "general": {"serverName": "stand-in"},
                "sslConfig": {"enableSplunkdSSL": "true" if tls else "false"},
            },
            "web": {"settings": {"mgmtHostPort": urlsplit(self.uri).netloc}},
        }


class HttpServer(ThreadingHTTPServer):
    """One thread a connection."""

    daemon_threads = True

    def __init__(self, address: Tuple[str, int], handler: Type[HttpHandler], stand_in: SplunkdStandIn) -> None:
        super().__init__(address, handler)
        self.stand_in = stand_in

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away."""


class HttpHandler(BaseHTTPRequestHandler):
    """Reads requests whole and writes answers."""

    protocol_version = "HTTP/1.1"
    # Headers and body are two writes; without this the second waits for the client's delayed acknowledgement.
    disable_nagle_algorithm = True
    server: HttpServer

    def answer(self, body: bytes) -> Raw:
        """Return the answer to the request that was read."""
        raise NotImplementedError

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.stand_in.requests.append((self.command, self.path))
        raw = self.answer(body)
        self.send_response(raw.status)
        self.send_header("Content-Type", raw.content_type)
        self.send_header("Content-Length", str(len(raw.body)))
        # The SDK reads nothing from a connection that is to be closed unless the answer says so too.
        self.send_header("Connection", "Close" if self.close_connection else "Keep-Alive")
        for name, value in raw.headers:
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw.body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _serve  # noqa: N815 - the names http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a test asks `SplunkdStandIn.requests`."""


class _Handler(HttpHandler):
    def answer(self, body: bytes) -> Raw:
        scheme, _, key = (self.headers.get("Authorization") or "").partition(" ")
        router = self.server.stand_in.router
        headers = tuple((name, value) for name, value in self.headers.items() if name.lower() != "authorization")
        return router.handle(self.command, self.path, headers, body, key if scheme in ("Splunk", "Bearer") else "")


class _WebHandler(HttpHandler):
    def answer(self, body: bytes) -> Raw:
        stand_in = self.server.stand_in
        raw = stand_in.pages.handle(self.command, self.path, self.headers, body)  # type: ignore[arg-type]
        if raw is None:
            stand_in.note_not_served(self.command, urlsplit(self.path).path)
            return Raw(404, b"Not Found", "text/plain")
        return raw


def _found(python: str) -> str:
    """Return an interpreter's path so that it holds in another working folder too."""
    return str(Path(python).absolute()) if os.sep in python else python


def _install(splunk_home: Path, app: str, app_dir: Path) -> None:
    """Make the folders splunkd has, and put the app among its apps."""
    for folder in ("etc/apps", "var/log/splunk", "var/run/splunk"):
        (splunk_home / folder).mkdir(parents=True, exist_ok=True)
    (splunk_home / "var" / "run" / "splunk" / "splunkd.pid").write_text(f"{os.getpid()}\n", encoding="ascii")
    place = splunk_home / "etc" / "apps" / app
    if place.is_symlink():
        place.unlink()
    if not place.exists():
        place.symlink_to(app_dir.resolve(), target_is_directory=True)
    elif place.resolve() != app_dir.resolve():
        raise FileExistsError(f"{place} is another copy of the app: remove it, or give it as app_dir")


def _own_certificate() -> ssl.SSLContext:
    """Return a context with a certificate nobody signed, like the one splunkd makes for itself."""
    import trustme

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context
