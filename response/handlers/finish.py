"""``finish``: say how the workflow of an incident ended, by what AWS shows, and keep it with the incident.

Settings: ``TABLE`` (`response.handlers.step`).
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from response.actions import finish as ends
from response.aws.quarantine import HARD, SOFT
from response.core import cases
from response.core.result import FAILED_RESULT
from response.handlers.options import option
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
        # A dry run ends its incident, and may be asked a second time how it ended.
        if not dry_run and ended == ends.WHOLE and step.is_over():
            return ends.End("refused", f"{target}: the incident {step.incident} was released meanwhile").to_json()
        wanted = SOFT if option(step, "mode") == SOFT else HARD
        area = step.areas.of(target.account, target.region)
        found = ends.isolation_ended(
            area, target, ended=ended, dry_run=dry_run, problems=problems, wanted=wanted
        )  # fmt: skip
    else:
        last = str(event.get("last") or "")
        found = ends.other_ended(action, ended=ended, dry_run=dry_run, problems=problems, last=last)
    key = _key(step, action)
    if action in cases.OPENS:
        own = not event.get("further")
        ends.kept(step.incidents, key, step.incident, found, ended=ended, dry_run=dry_run, own=own)
    elif action == cases.RELEASE_PRINCIPAL and found.result == "done":
        step.incidents.note(key, step.incident, found.result, found.says)
        step.incidents.close(key, step.incident)
    if event.get("run") and found.result != FAILED_RESULT and ended != ends.NO_ANSWER:
        # What failed, or waits for an answer that nobody gave, is found by the sweep and can be resumed.
        step.incidents.end(str(event["run"]))
    known = found.to_json()
    JsonLog().info("finish", incident=step.incident, **known)
    return known


def _key(step: Step, action: str) -> str:
    """Return the key of the case that the incident is about, or nothing where the action locks none."""
    principal = step.event.get("principal")
    if isinstance(principal, dict):
        named = principal.get("name") or principal.get("access_key") or ""
        return f"{step.event.get('account')}|{principal.get('kind')}|{named}"
    return step.target.key if action in cases.OPENS else ""
