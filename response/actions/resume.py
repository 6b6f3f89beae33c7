"""Starts the workflow of an incident again, when its execution broke, or another one that was begun beside it.

Every step can be repeated. One that was noted and never started is started under its own name, which AWS takes once:
whoever else starts it at the same moment starts the same.
"""

from __future__ import annotations

import json

from response.actions.sweep import incident_of, is_open
from response.aws.executions import BROKEN, NONE, Executions
from response.aws.incidents import NEW, RUNNING, WAITING, Incidents, Opened
from response.errors import NoIncident


def resume(incidents: Incidents, executions: Executions, found: Opened, *, agreed: bool = False) -> Opened:
    """Start the workflow of an incident again; return the incident with the new execution.

    ``agreed``: a person agrees to what the incident waits for. Raises `NoIncident` for one that is over, goes on, ended
    well, or waits without that.
    """
    what = f"the {'execution' if found.is_further else 'incident'} {found.id}"
    if not is_open(found, _incident(incidents, found)):
        raise NoIncident(f"{what} is over: there is nothing to resume")
    execution = executions.describe(found.execution)
    if execution.status not in (*BROKEN, NONE):
        raise NoIncident(f"the execution {found.execution} is {execution.status}: there is nothing to resume")
    asks = bool((found.event.get("ask") or {}).get("when"))
    if (found.state == WAITING or (found.state == NEW and asks)) and not agreed:
        raise NoIncident(f"{what} waits for a person: resume it with --agree, or leave it")
    again = found if execution.status == NONE else incidents.resumed(found)
    executions.start(again.execution, json.dumps({**found.event, "ask": {"when": ""}}, sort_keys=True))
    incidents.run(found.key, found.id, (NEW, WAITING))
    return again._replace(state=RUNNING)


def _incident(incidents: Incidents, found: Opened) -> object:
    """Return the incident that an execution belongs to, None for one that is over."""
    if not found.is_further or incident_of(found) == found.id:
        return None
    try:
        return incidents.named(incident_of(found))
    except NoIncident:
        return None
