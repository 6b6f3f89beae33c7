"""Starts the workflow of an incident again, when its execution broke. Every step can be repeated."""

from __future__ import annotations

import json

from response.aws.executions import BROKEN, NONE, Executions
from response.aws.incidents import NEW, RELEASED, RUNNING, WAITING, Incidents, Opened
from response.errors import NoIncident


def resume(incidents: Incidents, executions: Executions, found: Opened, *, agreed: bool = False) -> Opened:
    """Start the workflow of an incident again; return the incident with the new execution.

    ``agreed``: a person agrees to what the incident waits for. Raises `NoIncident` for one that is over, goes on, ended
    well, or waits without that.
    """
    if found.state == RELEASED:
        raise NoIncident(f"the incident {found.id} is over: there is nothing to resume")
    execution = executions.describe(found.execution)
    if execution.status not in (*BROKEN, NONE):
        raise NoIncident(f"the execution {found.execution} is {execution.status}: there is nothing to resume")
    if found.state == WAITING and not agreed:
        raise NoIncident(f"the incident {found.id} waits for a person: resume it with --agree, or leave it")
    again = incidents.resumed(found)
    executions.start(again.execution, json.dumps({**found.event, "ask": {"when": ""}}, sort_keys=True))
    incidents.run(found.key, found.id, (NEW, WAITING))
    return again._replace(state=RUNNING)
