"""Lambda's Invoke over HTTP, before functions of this machine: what a client of the service sees, and no more.

A function is whatever answers an event: `Environments.invoke` of the real runtime, or a test's own. Signatures are not
checked, only kept with the request. https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

An asynchronous event is kept and answered with 202 before the function sees it; one that fails is tried twice more, as
Lambda does, without its pauses. Left out: versions and aliases (taken off the name), the tail of the log, destinations.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple
from urllib.parse import unquote, urlsplit

from lab.front.server import LocalServer, Received, Reply
from lab.lambda_runtime.environment import Answer

_PATH = re.compile("/2015-03-31/functions/([^/]+)/invocations")
_ARN = re.compile(r"arn:aws[a-z-]*:lambda:[^:]+:\d{12}:function:([^:]+)(?::.+)?")
_EVENT, _SYNCHRONOUS, _DRY_RUN = "Event", "RequestResponse", "DryRun"
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MOST_BYTES = {_EVENT: 1024 * 1024, _SYNCHRONOUS: 6 * 1024 * 1024, _DRY_RUN: 6 * 1024 * 1024}
ASYNCHRONOUS_ATTEMPTS = 3


class Invocation(NamedTuple):
    """One event that a function was given."""

    function: str
    kind: str
    body: bytes


class LambdaFront(LocalServer):
    """Serves these functions by their names until `stop`."""

    def __init__(self, functions: Mapping[str, Callable[[bytes], Answer]]) -> None:
        self.functions = dict(functions)
        #: Every attempt of every event, in the order in which they began.
        self.invocations: List[Invocation] = []
        #: (status, code, message) of the next requests, instead of an answer.
        self.refusals: List[Tuple[int, str, str]] = []
        #: Takes the place of everything, for a test of what a client does with it.
        self.before: Optional[Callable[[Received], Optional[Reply]]] = None
        self._changed = threading.Condition()
        self._at_work = 0
        super().__init__()

    @property
    def url(self) -> str:
        """Its base URL."""
        return f"http://127.0.0.1:{self.port}"

    def wait(self, timeout_s: float = 120) -> None:
        """Wait until every asynchronous event is done. Raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._at_work, timeout_s):
                raise TimeoutError(f"{self._at_work} events are still at work")

    def answer(self, received: Received) -> Reply:
        """Answer Invoke."""
        replaced = self.before(received) if self.before else None
        if replaced:
            return replaced
        if self.refusals:
            return _refusal(*self.refusals.pop(0))
        found = _PATH.fullmatch(urlsplit(received.target).path)
        if not found or received.method != "POST":
            return _refusal(404, "UnknownOperationException", "only Invoke is here")
        given = unquote(found.group(1))
        arn = _ARN.fullmatch(given)
        name = arn.group(1) if arn else given.partition(":")[0]
        kind = received.headers.get("x-amz-invocation-type") or _SYNCHRONOUS
        if name not in self.functions:
            return _refusal(404, "ResourceNotFoundException", f"Function not found: {name}")
        if kind not in MOST_BYTES:
            return _refusal(400, "InvalidParameterValueException", f"no invocation type {kind}")
        if len(received.body) > MOST_BYTES[kind]:
            return _refusal(413, "RequestTooLargeException", f"Request must be smaller than {MOST_BYTES[kind]} bytes")
        try:
            json.loads(received.body or b"{}")
        except ValueError:
            return _refusal(400, "InvalidRequestContentException", "Could not parse request body into json")
        if kind == _DRY_RUN:
            return Reply(204)
        if kind == _EVENT:
            with self._changed:
                self._at_work += 1
            threading.Thread(target=self._later, args=(name, received.body), daemon=True).start()
            return Reply(202)
        try:
            answer = self._invoke(name, kind, received.body)
        except Exception as exc:  # what serves the function broke, and a client that waits would never know
            return _refusal(500, "ServiceException", f"{type(exc).__name__}: {exc}")
        headers = (("Content-Type", "application/json"), ("X-Amz-Executed-Version", "$LATEST"))
        if answer.failed:
            error = answer.error or {"errorMessage": answer.error_message, "errorType": answer.error_type}
            return Reply(200, json.dumps(dict(error)).encode(), (*headers, ("X-Amz-Function-Error", "Unhandled")))
        return Reply(200, json.dumps(answer.payload).encode(), headers)

    def _invoke(self, name: str, kind: str, body: bytes) -> Answer:
        with self._changed:
            self.invocations.append(Invocation(name, kind, body))
        return self.functions[name](body)

    def _later(self, name: str, body: bytes) -> None:
        try:
            for _ in range(ASYNCHRONOUS_ATTEMPTS):
                if not self._invoke(name, _EVENT, body).failed:
                    break
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()


def _refusal(status: int, code: str, message: str) -> Reply:
    body: Dict[str, str] = {"Type": "User", "message": message}
    headers = (("Content-Type", "application/json"), ("x-amzn-ErrorType", code))
    return Reply(status, json.dumps(body).encode(), headers)
