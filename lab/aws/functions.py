"""Serves functions by Lambda's own HTTP interface: Python callables here; a front of the real runtime has the same one.

`AwsAccount.serve_functions` tells the stand-in which of the two answers for the functions of an account.
https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Callable, Dict, List, Optional, Tuple, Type
from urllib.parse import unquote

#: What Lambda calls: event, context -> answer.
Function = Callable[[Any, Any], Any]
_BEFORE, _AFTER = "/2015-03-31/functions/", "/invocations"


class FunctionServer:
    """Functions by name, and what they were called with. A context manager."""

    def __init__(self, functions: Dict[str, Function]) -> None:
        self.functions = functions
        #: (name, event) of every call, in their order.
        self.calls: List[Tuple[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FunctionServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, name: str, event: Any) -> Tuple[str, bytes]:
        """Call a function; return the value of ``X-Amz-Function-Error``, empty for none, and the body."""
        self.calls.append((name, event))
        try:
            return "", json.dumps(self.functions[name](event, None)).encode()
        except Exception as exc:  # whatever it raises, Lambda answers
            says = {"errorType": type(exc).__name__, "errorMessage": str(exc), "stackTrace": []}
            return "Unhandled", json.dumps(says).encode()

    def _handler(self) -> Type[BaseHTTPRequestHandler]:
        served = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                name = unquote(self.path)[len(_BEFORE) : -len(_AFTER)].rpartition(":")[2]
                if name not in served.functions:
                    says = json.dumps({"Message": f"Function not found: {name}"}).encode()
                    self._say(404, says, {"x-amzn-ErrorType": "ResourceNotFoundException"})
                elif self.headers.get("X-Amz-Invocation-Type") == "Event":
                    self._say(202, b"", {})
                    served.invoke(name, json.loads(body or b"{}"))
                else:
                    error, answer = served.invoke(name, json.loads(body or b"{}"))
                    self._say(200, answer, {"X-Amz-Function-Error": error} if error else {})

            def _say(self, status: int, body: bytes, headers: Dict[str, str]) -> None:
                self.send_response(status)
                for header, value in {"Content-Length": str(len(body)), **headers}.items():
                    self.send_header(header, value)
                self.end_headers()
                self.wfile.write(body)
                self.wfile.flush()

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler
