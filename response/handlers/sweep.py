"""``sweep``: by a schedule, tell of workflows that broke, questions without an answer, and clocks that are nearly over.

Each run tells of what is there until somebody deals with it. Settings: ``TABLE``, ``STATE_MACHINE``,
``PUBLISH_FUNCTION`` (the name of ``publish_status``, called asynchronously), ``UNANSWERED_MINUTES`` (15).
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.sweep import Sweep
from response.aws.executions import Executions
from response.aws.incidents import Incidents
from response.aws.questions import Questions
from response.handlers.areas import areas_of

REQUIRED = ("TABLE", "STATE_MACHINE", "PUBLISH_FUNCTION")
UNANSWERED_MINUTES = 15.0


def sweep(event: Any, context: Any) -> Dict[str, Any]:
    """Tell of what was found; return ``{"found": number}``."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `sweep` does, with these settings."""
    variables = Variables(environment, required=REQUIRED)
    here, table = areas_of(environment, variables).here, variables.text("TABLE")
    minutes = variables.number("UNANSWERED_MINUTES")
    found = Sweep(
        Incidents(here, table),
        Executions(here, variables.text("STATE_MACHINE")),
        Questions(here, table),
        time.time,
        (UNANSWERED_MINUTES if minutes is None else minutes) * 60,
    ).sweep()
    log = JsonLog()
    for each in found:
        log.warning("sweep", kind=each.kind, incident=each.incident.id, says=each.says)
        payload = json.dumps({**each.to_event(), "time": time.time()}).encode()
        name = variables.text("PUBLISH_FUNCTION")
        here.ask("lambda", "Invoke", FunctionName=name, InvocationType="Event", Payload=payload)
    return {"found": len(found)}
