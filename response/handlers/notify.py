"""``notify``: tells people that an incident began, waits for somebody, or ended. Never stops anything.

Settings: ``TABLE``; ``CHANNELS``, the secret (ARN or name) with ``{"channels": [...], "language": "en" or "ko",
"zone": "Asia/Seoul", "splunk": "https://...", "accounts": {"<id>": "<name>"}}``.
"""

from __future__ import annotations

import os
import time
from datetime import timezone, tzinfo
from typing import Any, Dict, Mapping

from aws_bridge.accounts.area import Area
from aws_bridge.errors import AwsError, CallProblem
from response.actions.notify import ACTION, Notifier
from response.aws.channels import Channels
from response.aws.threads import Threads
from response.core.notices import notice_of, settings_of
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
        known = settings_of(_secret(here, step.variables.text("CHANNELS")))
        name = _account_name(here, account, known)
        notice = notice_of({**step.event, "account": account}, time.time(), name, str(known.get("splunk") or ""))
        zone = _zone(str(known.get("zone") or ""))
        threads = Threads(here, step.variables.text("TABLE"))
        notifier = Notifier(known["channels"], Channels(here), threads, str(known.get("language", "en")), zone)
        return answered(notifier.tell(notice))
    except (AwsError, ResponseError) as exc:
        subject = Subject(here.account, "", step.incident)
        return answered(ActionResult(ACTION, subject, step.incident, FAILED_RESULT, f"nobody was told: {exc}"))


def _secret(area: Area, arn: str) -> str:
    return str(area.ask("secretsmanager", "GetSecretValue", SecretId=arn).get("SecretString") or "")


def _account_name(area: Area, account: str, known: Mapping[str, Any]) -> str:
    """Return an account's name: of the settings, else of the organisation, else none."""
    names = known.get("accounts")
    if isinstance(names, Mapping) and names.get(account):
        return str(names[account])
    try:
        return str(area.ask("organizations", "DescribeAccount", AccountId=account)["Account"].get("Name") or "")
    except CallProblem:
        return ""


def _zone(name: str) -> tzinfo:
    """Return a zone of the IANA list; UTC for one that this machine does not know."""
    if not name:
        return timezone.utc
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return timezone.utc
