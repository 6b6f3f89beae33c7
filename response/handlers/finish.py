"""``finish``: say how the workflow of an incident ended, by what AWS shows, and keep it with the incident.

Settings: ``TABLE`` (`response.handlers.step`).
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions import finish as ends
from response.aws.quarantine import HARD
from response.core import cases
from response.handlers.step import Step, step_of

REQUIRED = ("TABLE",)
_ISOLATES = (cases.RESPOND, cases.ISOLATE)


def finish(event: Any, context: Any) -> Dict[str, Any]:
    """Return ``result``, ``says`` and ``isolated``: done, partial, failed, refused or planned."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `finish` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    ended, problems = str(event.get("ended") or ends.WHOLE), str(event.get("problems") or "")
    # As it was begun: that the switch was thrown meanwhile undoes nothing that was done.
    action, dry_run = str(event.get("action") or ""), bool(event.get("dry_run", True))
    if action in _ISOLATES:
        target = step.target
        if step.is_over() and ended == ends.WHOLE:
            return ends.End("refused", f"{target}: the incident {step.incident} was released meanwhile").to_json()
        wanted = str((event.get("options") or {}).get("mode") or HARD) if action == cases.ISOLATE else HARD
        area = step.areas.of(target.account, target.region)
        found = ends.isolation_ended(
            area, target, ended=ended, dry_run=dry_run, problems=problems, wanted=wanted
        )  # fmt: skip
        ends.kept(step.incidents, target.key, step.incident, found, ended)
        return found.to_json()
    last = str(event.get("last") or "")
    found = ends.other_ended(action, ended=ended, dry_run=dry_run, problems=problems, last=last)
    _keep(step, action, found, ended)
    return found.to_json()


def _keep(step: Step, action: str, found: ends.End, ended: str) -> None:
    """Keep the end of a principal's incident, and close what was released or never begun."""
    principal = step.event.get("principal")
    if not isinstance(principal, dict):
        return
    named = principal.get("name") or principal.get("access_key") or ""
    key = f"{step.event.get('account')}|{principal.get('kind')}|{named}"
    ends.kept(step.incidents, key, step.incident, found, ended)
    if action == cases.RELEASE_PRINCIPAL and found.result == "done":
        step.incidents.close(key, step.incident)
