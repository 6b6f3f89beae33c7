"""``ask_approval``: keep the token of a question to a person. Who is to answer is told by ``notify``, without it.

Settings: ``TABLE``.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from response.aws.questions import Questions
from response.errors import BadRequest
from response.handlers.step import step_of

REQUIRED = ("TABLE",)


def ask_approval(event: Any, context: Any) -> Dict[str, Any]:
    """Keep ``token`` for the incident; the workflow goes on when somebody answers."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `ask_approval` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    token, approver = event.get("token"), str(event.get("approver") or "")
    if not isinstance(token, str) or not token:
        raise BadRequest("the event has no task token: this function is called by the workflow, which waits for it")
    asking = str(event.get("asking") or "")
    Questions(step.areas.here, step.variables.text("TABLE")).ask(step.incident, token, approver, asking)
    JsonLog().info("ask_approval", incident=step.incident, approver=approver)
    return {"incident": step.incident, "approver": approver}
