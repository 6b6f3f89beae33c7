"""``notify``: tells people that an incident began, waits for somebody, or ended. Never stops anything.

Settings: ``TABLE``; ``CHANNELS``, the secret (ARN or name) with ``{"channels": [...], "language": "en" or "ko",
"zone": "Asia/Seoul", "splunk": "https://...", "accounts": {"<id>": "<name>"}}``; ``APPROVAL_URL``, the URL of
``approval_page``, whose links go to channels with ``"approves": true``.
Option of the request: ``message``, a sentence of whoever set up the alert.
"""

from __future__ import annotations

import os
import time
from typing import Any, Dict, Mapping

from aws_bridge.errors import AwsError
from response.actions.notify import ACTION, tell
from response.core.result import FAILED_RESULT, ActionResult
from response.core.target import Subject
from response.errors import ResponseError
from response.handlers.options import answered
from response.handlers.step import step_of

REQUIRED = ("TABLE", "CHANNELS")


def notify(event: Any, context: Any) -> Dict[str, Any]:
    """Tell everybody; return the result, which is ``failed`` where somebody was not told.

    Raises `response.errors.BadRequest` for an event that is no step.
    """
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `notify` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    here = step.areas.here
    account = str(step.event.get("account") or here.account)
    try:
        event = {**step.event, "account": account}
        variables = step.variables
        secret, table = variables.text("CHANNELS"), variables.text("TABLE")
        return answered(tell(here, secret, table, event, time.time(), variables.text("APPROVAL_URL")))
    except (AwsError, ResponseError) as exc:
        subject = Subject(here.account, "", step.incident)
        return answered(ActionResult(ACTION, subject, step.incident, FAILED_RESULT, f"nobody was told: {exc}"))
