"""``update_finding``: says in Security Hub or GuardDuty that the finding of an incident is dealt with.

Settings: ``PARAMETER``. Options of the request: ``product`` (guardduty, securityhub, securityhub_v2), ``finding``,
``product_arn``, ``state`` (RESOLVED, NOTIFIED). Without them it is the GuardDuty finding that was the alert. As a step
of a response whose alert is a search of Splunk there is no finding, and nothing to do.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions import update_finding as action
from response.core.cases import RESPOND
from response.core.findings import finding_of, names_finding
from response.core.result import ALREADY_DONE, ActionResult
from response.handlers.options import answered, option
from response.handlers.revoke_credentials import area_of
from response.handlers.step import step_of

REQUIRED = ("PARAMETER",)


def update_finding(event: Any, context: Any) -> Dict[str, Any]:
    """Update the finding; return the result."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `update_finding` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    state = option(step, "state", "RESOLVED").upper()
    if step.event.get("action") == RESPOND and not names_finding(step.event):
        says = "the alert is none of GuardDuty and names no finding, so none is updated"
        return answered(ActionResult(action.ACTION, step.target, step.incident, ALREADY_DONE, says))
    area, finding = area_of(step), finding_of(step.event)
    return answered(action.update_finding(area, finding, step.incident, state, dry_run=step.is_dry_run()))
