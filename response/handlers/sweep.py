"""``sweep``: by a schedule, tell of workflows that broke, questions without an answer, and clocks that are nearly over.

Each run tells Splunk of what is there until somebody deals with it; people are told once of each workflow that broke,
and Splunk of each clock that somebody started or stopped.
Settings: ``TABLE``, ``STATE_MACHINE``, ``PUBLISH_FUNCTION`` and ``NOTIFY_FUNCTION`` (the names of ``publish_status``
and ``notify``, called asynchronously; without the second nobody but Splunk is told), ``UNANSWERED_MINUTES`` (15).
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Mapping, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.functions.variables import Variables
from response.actions.sweep import TOLD, Sweep
from response.aws.executions import Executions
from response.aws.incidents import Incidents
from response.aws.questions import Questions
from response.core.budget import Budget, budget_of
from response.handlers.areas import areas_of

REQUIRED = ("TABLE", "STATE_MACHINE", "PUBLISH_FUNCTION")
UNANSWERED_MINUTES = 15.0


def sweep(event: Any, context: Any) -> Dict[str, Any]:
    """Tell of what was found; return ``{"found": number, "left": how many there was no time for}``.

    Raises `aws_bridge.errors.CallProblem` when somebody could not be told, after all others were.
    """
    return do(event, os.environ, budget_of(context))


def do(event: Any, environment: Mapping[str, str], budget: Optional[Budget] = None) -> Dict[str, Any]:
    """Do what `sweep` does, with these settings and so much time."""
    variables = Variables(environment, required=REQUIRED)
    here, table = areas_of(environment, variables).here, variables.text("TABLE")
    minutes = variables.number("UNANSWERED_MINUTES")
    incidents = Incidents(here, table)
    swept = Sweep(
        incidents,
        Executions(here, variables.text("STATE_MACHINE")),
        Questions(here, table),
        time.time,
        (UNANSWERED_MINUTES if minutes is None else minutes) * 60,
    ).sweep(budget or Budget())
    log, problems = JsonLog(), []
    publish, notify = variables.text("PUBLISH_FUNCTION"), variables.text("NOTIFY_FUNCTION")
    for each in swept.found:
        log.warning("sweep", kind=each.kind, incident=each.incident.id, says=each.says)
        try:
            _call(here, publish, {**each.to_event(), "time": time.time()})
            if notify and each.kind in TOLD and each.incident.told != each.mark:
                _call(here, notify, each.to_notice())
                incidents.told(each.incident, each.mark)
        except CallProblem as exc:
            problems.append(exc)
    for clocks in swept.changed:
        log.info("clocks", incident=clocks.incident.id, clocks=dict(clocks.incident.clocks))
        try:
            for event in clocks.to_events():
                _call(here, publish, {**event, "time": time.time()})
            incidents.show_clocks(clocks.incident)  # after it: what fails is told again
        except CallProblem as exc:
            problems.append(exc)
    if swept.left:
        says = f"{swept.left} incidents could not be looked at: there was no time left"
        log.warning("sweep", left=swept.left, says=says)
        event = {"step": "sweep", "state": "failed", "result": "partial", "says": says, "time": time.time()}
        _call(here, publish, event)
    if problems:
        raise problems[0]
    return {"found": len(swept.found), "left": swept.left}


def _call(here: Area, function: str, event: Mapping[str, Any]) -> None:
    payload = json.dumps(event).encode()
    here.ask("lambda", "Invoke", FunctionName=function, InvocationType="Event", Payload=payload)
