"""The daemon's HTTP page for machines.

==============  ====================================================================================================
``/metrics``    Prometheus
``/healthz``    200 while its threads are alive; else 503: restart it
``/readyz``     200 while it receives messages; else 503 with the reason. A cluster that is down is no ground to restart
==============  ====================================================================================================
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Optional, Tuple

from collectors.delivery.prometheus import DaemonMetrics
from collectors.errors import CollectorError

#: A reader that says nothing does not keep a thread for ever.
SILENCE_S = 10
TEXT = "text/plain; charset=utf-8"


class HealthServer:
    """Serves in threads of its own until ``close``. ``dead`` and ``not_ready`` return a reason, or nothing."""

    def __init__(
        self, address: str, port: int, metrics: DaemonMetrics, dead: Callable[[], str], not_ready: Callable[[], str]
    ) -> None:
        def page(path: str) -> Optional[Tuple[int, bytes, str]]:
            if path == "/metrics":
                body, content_type = metrics.text()
                return 200, body, content_type
            asked = {"/healthz": dead, "/readyz": not_ready}.get(path)
            if asked is None:
                return None
            reason = asked()
            return (503, f"{reason}\n".encode(), TEXT) if reason else (200, b"ok\n", TEXT)

        class Handler(BaseHTTPRequestHandler):
            timeout = SILENCE_S

            def do_GET(self) -> None:
                found = page(self.path.partition("?")[0])
                status, body, content_type = found or (404, b"/metrics, /healthz, /readyz\n", TEXT)
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                pass  # asked every few seconds: nothing for a log

        try:
            self._server = ThreadingHTTPServer((address, port), Handler)
        except (OSError, OverflowError) as exc:  # OverflowError: no port number
            reason = getattr(exc, "strerror", None) or exc
            raise CollectorError(f"{address}:{port} cannot be served: {reason}. Choose another port") from exc
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
