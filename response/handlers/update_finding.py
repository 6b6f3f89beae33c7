"""``update_finding``: says in Security Hub or GuardDuty that the finding of an incident is dealt with.

Settings: ``PARAMETER``. Options of the request: ``product`` (guardduty, securityhub, securityhub_v2), ``finding``,
``product_arn``, ``state`` (RESOLVED, NOTIFIED). Without them it is the GuardDuty finding that was the alert.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions import update_finding as action
from response.core.findings import finding_of
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
    area, finding = area_of(step), finding_of(step.event)
    return answered(action.update_finding(area, finding, step.incident, state, dry_run=step.is_dry_run()))
