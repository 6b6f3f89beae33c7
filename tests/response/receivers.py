"""Discord, Slack and a receiver of one's own, as their documentation says that they answer: over real HTTP."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Dict, List, NamedTuple, Tuple
from urllib.parse import parse_qs, urlsplit

TOKEN = "xoxb-very-secret"  # noqa: S105 - of the lab
SECRET_PATH = "/api/webhooks/1/very-secret"  # noqa: S105
#: https://docs.discord.com/developers/resources/webhook#execute-webhook
MOST_CONTENT = 2000


class Posted(NamedTuple):
    """One message that was taken."""

    path: str
    query: Dict[str, List[str]]
    headers: Dict[str, str]
    body: Dict[str, Any]


class Receiver:
    """A server on this machine. ``answers``: (status, headers) of the next requests, before it serves again."""

    def __init__(self) -> None:
        self.taken: List[Posted] = []
        self.answers: List[Tuple[int, Dict[str, str]]] = []
        self._count = 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                parts = urlsplit(self.path)
                posted = Posted(parts.path, parse_qs(parts.query), dict(self.headers), body)
                status, headers, said = receiver.answer(posted)
                data = json.dumps(said).encode() if said is not None else b"ok"
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, posted: Posted) -> Tuple[int, Dict[str, str], Any]:
        """Take a message, or refuse it."""
        if self.answers:
            status, headers = self.answers.pop(0)
            return status, headers, {"message": "You are being rate limited.", "retry_after": 0.5}
        self._count += 1
        if posted.path == SECRET_PATH:
            body = posted.body
            if not 0 < len(body.get("content", "")) <= MOST_CONTENT or "allowed_mentions" not in body:
                return 400, {}, {"code": 50035, "message": "Invalid Form Body"}
            self.taken.append(posted)
            thread = posted.query.get("thread_id", [f"thread-{self._count}" if "thread_name" in body else "general"])
            return 200, {}, {"id": str(self._count), "channel_id": thread[0]}
        if posted.path == "/api/chat.postMessage":
            if posted.headers.get("Authorization") != f"Bearer {TOKEN}":
                return 200, {}, {"ok": False, "error": "invalid_auth"}
            if posted.body["channel"] != "C0INCIDENTS":
                return 200, {}, {"ok": False, "error": "channel_not_found"}
            self.taken.append(posted)
            return 200, {}, {"ok": True, "channel": "C0INCIDENTS", "ts": f"1700000000.{self._count:06d}"}
        self.taken.append(posted)
        return 200, {}, None

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
