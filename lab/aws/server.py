"""The stand-in's own process: ``python -m lab.aws.server``. Says its port in a line of JSON, ends when stdin ends.

Beside AWS's it answers ``/lab/...``, which is how `lab.aws.stand_in.AwsStandIn` reaches it from outside.
"""

from __future__ import annotations

import json
import logging
import secrets
import socket
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Set

from es_bridge.terminal import put
from lab.aws import mappings, queues, s3_events
from lab.aws.faults import CUT, STALL, Fault, Faults, refusal
from lab.aws.operations import Operation, operation_of
from lab.aws.stand_in import ACCOUNT, REGION

CONTROL = "/lab/"
#: Operations that must say how the object is to be encrypted, in a bucket that demands it.
WRITES = ("PutObject", "CopyObject", "CreateMultipartUpload")
ENCRYPTION_HEADER = "HTTP_X_AMZ_SERVER_SIDE_ENCRYPTION"

StartResponse = Callable[..., Any]


class Front:
    """Stands before moto as a WSGI application: records, refuses, cuts, and answers its own paths."""

    def __init__(self, aws: Callable[[Dict[str, Any], StartResponse], Iterable[bytes]]) -> None:
        self._aws = aws
        self._faults = Faults()
        self._calls: List[Operation] = []
        self._encrypted_buckets: Set[str] = set()

    def __call__(self, environ: Dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"].startswith(CONTROL):
            return self._control(environ, start_response)
        operation = operation_of(environ)
        self._calls.append(operation)
        fault = self._faults.next_for(operation)
        if fault and fault.code not in (CUT, STALL):
            return self._refuse(operation, fault.code, environ, start_response)
        if (
            operation.name in WRITES
            and operation.resource.partition("/")[0] in self._encrypted_buckets
            and environ.get(ENCRYPTION_HEADER) not in ("AES256", "aws:kms", "aws:kms:dsse")
        ):
            return self._refuse(operation, "AccessDenied", environ, start_response)
        answer = self._aws(environ, start_response)
        return _cut(answer, fault, environ["werkzeug.socket"]) if fault else answer

    def _refuse(
        self, operation: Operation, code: str, environ: Dict[str, Any], start_response: StartResponse
    ) -> List[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, body = refusal(operation.service, code, secrets.token_hex(8).upper())
        start_response(f"{status} {code}", headers)
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else body]

    def _control(self, environ: Dict[str, Any], start_response: StartResponse) -> List[bytes]:
        what = environ["PATH_INFO"][len(CONTROL) :]
        given = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) or b"{}")
        said: Any = {}
        if what == "faults":
            self._faults.add(Fault(**given))
        elif what == "clear-faults":
            self._faults.clear()
        elif what == "deliver":
            said = deliver(Path(given["folder"]), given["paths"], given["bucket"], given["prefix"])
        elif what == "let-time-pass":
            queues.let_time_pass(ACCOUNT, REGION, **given)
        elif what == "encrypted-buckets":
            self._encrypted_buckets.add(given["bucket"])
        elif what == "calls":
            said = [call._asdict() for call in list(self._calls)]
        elif what == "clear-calls":
            self._calls.clear()
        body = json.dumps(said).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def deliver(folder: Path, paths: Iterable[str], bucket: str, prefix: str) -> List[str]:
    """Put files of this machine into a bucket without a request for each, encrypted as AWS's services do it."""
    from moto.s3.models import s3_backends

    backend = s3_backends[ACCOUNT]["aws"]
    keys = []
    for path in paths:
        keys.append(prefix + path)
        backend.put_object(bucket, keys[-1], (folder / path).read_bytes(), encryption="AES256")
    return keys


def _cut(answer: Iterable[bytes], fault: Fault, connection: socket.socket) -> Iterator[bytes]:
    """Yield the beginning of a body; then the connection is closed, or hangs until the client closes it."""
    body = b"".join(answer)
    yield body[: len(body) // 2 if fault.after_bytes < 0 else fault.after_bytes]
    if fault.code == STALL:
        connection.recv(1)
    connection.shutdown(socket.SHUT_RDWR)


def main() -> int:
    """Serve until standard input ends."""
    from moto.core.config import default_user_config
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
    from werkzeug.serving import make_server

    default_user_config["lambda"] = {"use_docker": False}
    for gap in (s3_events, queues, mappings):
        gap.install()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    wanted_port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    application = Front(DomainDispatcherApplication(create_backend_app))
    try:
        server = make_server("127.0.0.1", wanted_port, application, threaded=True, request_handler=MotoRequestHandler)
    except (OSError, SystemExit) as error:
        put(json.dumps({"error": f"port {wanted_port} cannot be used: {error}"}), flush=True)
        return 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    put(json.dumps({"port": server.server_port}), flush=True)
    sys.stdin.buffer.read()
    server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
