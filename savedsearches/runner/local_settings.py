"""Answers a command's question for its settings, on loopback, in splunkd's place.

The app's commands ask splunkd for the cluster and the user's rights before they search. Here this server answers, to
whoever has the session key and the token of its own ``$SPLUNK_HOME``, with one cluster and no access rules: it is the
cluster that the user named on the command line, with his own credentials. The runner, the demo and ``lab run`` start
commands with it; the app's own handler answers in `lab.splunkd`, where that is what is tried.
"""

from __future__ import annotations

import hmac
import json
import secrets
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import parse_qs

from es_bridge.config import ClusterConfig

APP = "aws_siem_bridge"
ENDPOINT = "/services/aws_siem_bridge/search_settings"
#: Far more than a token and a cluster's name.
_LARGEST_REQUEST = 100_000


def cluster_stanza(config: ClusterConfig) -> Tuple[Dict[str, str], Dict[str, str]]:
    """Return a cluster as the app's conf file holds it: (settings, secrets), without what is empty."""
    auth = config.auth
    settings = {
        "hosts": ", ".join(config.hosts),
        "engine": config.engine,
        "auth": "anonymous" if auth.kind == "none" else auth.kind,
        "username": auth.username,
        "aws_region": auth.region,
        "aws_service": auth.service,
        "aws_profile": auth.profile,
        "aws_access_key_id": auth.access_key_id,
        "verify_tls": "1" if config.verify_tls else "0",
        "ca_file": config.ca_file,
        "client_cert_file": config.client_cert_file,
        "client_key_file": config.client_key_file,
        "proxy": config.proxy,
        "proxy_username": config.proxy_username,
        "connect_timeout_s": f"{config.connect_timeout_s:g}",
        "request_timeout_s": f"{config.request_timeout_s:g}",
        "max_retries": str(config.max_retries),
        "compress": None if config.compress is None else "1" if config.compress else "0",
        "time_field": config.time_field,
        "default_index": config.default_index,
        "page_size_docs": str(config.page_size_docs),
    }
    secret_settings = {
        "password": auth.password,
        "api_key": auth.api_key,
        "bearer_token": auth.bearer_token,
        "aws_secret_access_key": auth.secret_access_key,
        "aws_session_token": auth.session_token,
        "proxy_password": config.proxy_password,
    }
    return (
        {name: value for name, value in settings.items() if value},
        {name: value for name, value in secret_settings.items() if value},
    )


class LocalSettings:
    """The server, and the folder that is ``$SPLUNK_HOME`` of the commands it answers. A context manager."""

    def __init__(self, cluster: ClusterConfig, *, user: str = "runner", tz: str = "") -> None:
        settings, secret_settings = cluster_stanza(cluster)
        self._answer: Dict[str, Any] = {
            "cluster": {**settings, **secret_settings, "name": cluster.name},
            "user": {"name": user, "tz": tz},
            "indices": None,
            "log_level": "WARNING",
            "answered_by": APP,
            # Stands for these settings where a command reports which engine it found, so that the next one knows.
            "engine_key": secrets.token_hex(8),
        }
        self._cluster = cluster.name
        self.user = user
        self._folder = tempfile.TemporaryDirectory(prefix="aws-siem-bridge-")
        self.home = Path(self._folder.name)
        (self.home / "var" / "run" / "splunk").mkdir(parents=True)
        self.session_key = secrets.token_urlsafe(32)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="settings", daemon=True)

    @property
    def uri(self) -> str:
        """Return where the commands ask."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> LocalSettings:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def reply(self, path: str, key: Optional[str], body: bytes) -> Tuple[int, bytes]:
        """Return (status, body) for a request."""
        if path != ENDPOINT:
            return 404, _message("only the settings of a search are answered here")
        form = parse_qs(body.decode("utf-8", "replace"))
        token = (form.get("local_token") or [""])[0]
        if not self._is_key(key) or not self._is_token(token):
            return 403, _message("this is answered to commands of the runner only")
        wanted = (form.get("cluster") or [""])[0]
        if wanted not in ("", self._cluster):
            return 404, _message(
                f"there is no cluster {wanted!r} here, only the one that was named at the start: leave out cluster="
            )
        self._remember(form)
        return 200, json.dumps(self._answer).encode()

    def _remember(self, form: Mapping[str, List[str]]) -> None:
        """Take up which engine a command found, for the next one."""
        if form.get("engine_key") == [self._answer["engine_key"]] and form.get("engine"):
            self._answer["engine"] = json.loads(form["engine"][0])

    def _is_key(self, key: Optional[str]) -> bool:
        return hmac.compare_digest((key or "").encode("utf-8", "replace"), f"Splunk {self.session_key}".encode())

    def _is_token(self, token: str) -> bool:
        """Return whether it is the token that a command made in this ``$SPLUNK_HOME``, which others cannot read."""
        folder = self.home / "var" / "run" / "splunk" / APP
        made = [path.read_text(encoding="ascii") for path in folder.glob("local_token-*")]
        return any(hmac.compare_digest(token.encode("utf-8", "replace"), text.encode()) for text in made)

    def _handler(self) -> Any:
        settings = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                if length > _LARGEST_REQUEST:
                    self.send_error(413)
                    return
                status, body = settings.reply(self.path, self.headers.get("Authorization"), self.rfile.read(length))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def _message(text: str) -> bytes:
    return json.dumps({"messages": [{"type": "ERROR", "text": text}], "answered_by": APP}).encode()
