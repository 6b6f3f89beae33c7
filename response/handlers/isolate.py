"""``isolate``: cut an instance off, softly or hard (``mode``). An incident that is over isolates nothing any more.

Settings: ``BUCKET``, ``TABLE``, ``PARAMETER`` (`response.handlers.step`). Option: ``cut_flows``.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions.isolate import ACTION, Isolation
from response.aws.quarantine import HARD
from response.core.cases import RESPOND
from response.core.limits import LIVE
from response.core.result import REFUSED, ActionResult
from response.handlers.options import answered, chosen
from response.handlers.step import step_of

REQUIRED = ("BUCKET", "TABLE", "PARAMETER")


def isolate(event: Any, context: Any) -> Dict[str, Any]:
    """Isolate the instance of an incident; return `response.core.result.ActionResult.to_json`."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `isolate` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    target = step.target
    if step.is_over():
        says = f"{target}: the incident {step.incident} is over, so nothing is isolated for it"
        return answered(ActionResult(ACTION, target, step.incident, REFUSED, says))
    isolation = Isolation(step.areas.of(target.account, target.region), step.states)
    mode, limits = str(event.get("mode") or HARD), step.limits()
    # The mode is read again: the switch holds for what runs already.
    dry_run = bool(event.get("dry_run", True)) or limits.mode != LIVE
    capture_first = limits.capture_first and event.get("action") == RESPOND
    found = isolation.isolate(
        target, step.incident, mode=mode, dry_run=dry_run, capture_first=capture_first,
        cut_flows=chosen(step, "cut_flows", False),
    )  # fmt: skip
    return answered(found)
