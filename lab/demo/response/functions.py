"""``python -m lab.demo.response.functions``: the functions behind Lambda's interface, until standard input ends.

A process of its own, because their credentials and settings are its environment, as in Lambda. It writes its URL. One
for all of them, and not Lambda's runtime: that would be half a second of a processor for each of a dozen functions, and
a download, in a demo that somebody waits for. tests/deploy/response/test_in_the_runtime.py has the runtime.
"""

from __future__ import annotations

import json
import os
import time
from functools import partial
from importlib import import_module
from types import SimpleNamespace
from typing import Callable, Dict

from es_bridge.terminal import put
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from response.handlers import collect_logs
from response.state_machines import definition

#: What the app asks, as the template of the response calls it.
PREFIX = "aws-siem-bridge-response-"
ASKED = ("start", "status", "release")
#: Longer than AWS takes to deliver the flow records of the minutes after an isolation.
DELIVERED_S = 3600.0


def handlers() -> Dict[str, Callable[[bytes], Answer]]:
    """Return name -> what answers its events: those that the workflow calls, and those that the app asks."""
    found = {name: partial(_call, name) for name in definition.functions(definition.text())}
    return {**found, **{PREFIX + name: partial(_call, name) for name in ASKED}}


def _call(name: str, body: bytes) -> Answer:
    try:
        handler = getattr(import_module(f"response.handlers.{name}"), name)
        return Answer(handler(json.loads(body), None))
    except Exception as exc:  # whatever a function raises, Lambda answers
        return Answer(error_type=type(exc).__name__, error_message=str(exc))


def _serve() -> None:
    # Nobody waits an hour for the flow records of a demo: they are asked for as if it had passed.
    setattr(collect_logs, "time", SimpleNamespace(time=lambda: time.time() + DELIVERED_S))  # noqa: B010 - a module
    front = LambdaFront(handlers())
    put(front.url)
    while os.read(0, 1):
        pass
    front.stop()


if __name__ == "__main__":
    _serve()
