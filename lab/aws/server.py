"""The stand-in's own process: ``python -m lab.aws.server``. Says its port in a line of JSON, ends when stdin ends.

Beside AWS's it answers ``/lab/...``, which is how `lab.aws.stand_in.AwsStandIn` reaches it from outside.
"""

from __future__ import annotations

import io
import json
import logging
import os
import secrets
import socket
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Set, Tuple
from urllib.parse import parse_qsl

from es_bridge.terminal import put
from lab.aws import accounts, event_buses, mappings, queues, quicker, s3_events
from lab.aws.faults import (
    BY_A_CONTROL_POLICY,
    BY_NO_POLICY,
    CUT,
    DENIED,
    STALL,
    Fault,
    Faults,
    denial,
    in_the_words_of,
    refusal,
)
from lab.aws.operations import Operation, operation_of
from lab.aws.services import answering, control, regions, roles, ssm_agent, state_machines
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
        operation = operation._replace(account=accounts.account_of(operation.access_key))
        self._calls.append(operation)
        fault = self._faults.next_for(operation)
        refused = self._refused(operation, fault, environ)
        if refused:
            return self._refuse(operation, *refused, environ, start_response)
        if (operation.service, operation.name) == ("ec2", "DescribeRegions"):
            answer: Iterable[bytes] = _regions(operation, environ, start_response)
        elif answering.is_answered(operation.service, operation.name):
            answer = self._answer(operation, environ, start_response)
        else:
            answer = self._aws(environ, start_response)
        control.replied(operation.account, operation.name, operation.region)
        return _cut(answer, fault, environ["werkzeug.socket"]) if fault else answer

    def _refused(
        self, operation: Operation, fault: Optional[Fault], environ: Dict[str, Any]
    ) -> Optional[Tuple[str, str]]:
        """Return code and text of the refusal of a request, None for one that is served. "" is the usual text."""
        if fault and fault.code not in (CUT, STALL):
            return fault.code, denial(operation, BY_NO_POLICY) if fault.code in DENIED else ""
        if (
            operation.name in WRITES
            and operation.resource.partition("/")[0] in self._encrypted_buckets
            and environ.get(ENCRYPTION_HEADER) not in ("AES256", "aws:kms", "aws:kms:dsse")
        ):
            return "AccessDenied", ""
        code = _not_let_in(operation)
        if code:
            return code, denial(operation, BY_A_CONTROL_POLICY) if code in DENIED else ""
        if (operation.service, operation.name) == ("sts", "AssumeRole"):
            role = roles.untrusted(operation.account, _form(environ))
            return ("AccessDenied", denial(operation, f"on resource: {role}")) if role else None
        return None

    def _answer(self, operation: Operation, environ: Dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        service, name, account, region = operation.service, operation.name, operation.account, operation.region
        status, headers, body = answering.answer(service, name, account, region, environ)
        start_response(f"{status} {name}", headers)
        return [body]

    def _refuse(
        self, operation: Operation, code: str, text: str, environ: Dict[str, Any], start_response: StartResponse
    ) -> List[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        status, headers, body = refusal(operation.service, code, secrets.token_hex(8).upper(), text)
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
            queues.let_time_pass(given.pop("account") or ACCOUNT, REGION, **given)
        elif what == "encrypted-buckets":
            self._encrypted_buckets.add(given["bucket"])
        elif what == "calls":
            said = [call._asdict() for call in list(self._calls) if given.get("account") in (None, call.account)]
        elif what.startswith("command/"):
            said = _run(what.partition("/")[2], given)
        elif what == "clear-calls":
            self._calls.clear()
        body = json.dumps(said).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]


def _not_let_in(operation: Operation) -> str:
    """Return the code of the refusal for a session that is over or a region that is denied or not enabled."""
    account, region, service = operation.account, operation.region, operation.service
    if accounts.is_expired(operation.access_key):
        return in_the_words_of(service, expired=True)
    if regions.REGIONS.is_off(account, region):
        return in_the_words_of(service)
    return in_the_words_of(service, denied=True) if regions.REGIONS.is_denied(account, region, service) else ""


def _regions(operation: Operation, environ: Dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    body = regions.describe_regions(operation.account, _form(environ))
    start_response("200 OK", [("Content-Type", "text/xml;charset=UTF-8"), ("Content-Length", str(len(body)))])
    return [body]


def _form(environ: Dict[str, Any]) -> Dict[str, str]:
    """Return what a query gives; the body is put back."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return dict(parse_qsl(body.decode()))


def _run(command: str, given: Dict[str, Any]) -> Dict[str, Any]:
    try:
        return {"said": control.COMMANDS[command](**given)}
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        return {"error": f"{command}: {type(error).__name__}: {error}"}


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
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    quicker.install()
    for gap in (accounts, s3_events, queues, mappings, event_buses, answering):
        gap.install()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    wanted_port = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    application = Front(DomainDispatcherApplication(create_backend_app))
    try:
        server = make_server("127.0.0.1", wanted_port, application, threaded=True, request_handler=MotoRequestHandler)
    except (OSError, SystemExit) as error:
        put(json.dumps({"error": f"port {wanted_port} cannot be used: {error}"}), flush=True)
        return 1
    os.environ[state_machines.PORT_VARIABLE] = str(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    put(json.dumps({"port": server.server_port}), flush=True)
    sys.stdin.buffer.read()
    ssm_agent.end_all()
    os._exit(0)  # moto's many objects take seconds to be taken apart


if __name__ == "__main__":
    sys.exit(main())
