"""``snapshot``: begins image and snapshots (``wait`` false), or waits for them, copies and shares them (``wait`` true).

Settings: `response.handlers.step`, `response.handlers.evidence`; ``SNAPSHOT_KEY``, the customer key of copies
(``{account}`` and ``{region}`` in it are the instance's); ``FORENSICS_ACCOUNT``, which they are shared with;
``FORENSICS_ROLE_NAME`` in it and ``FORENSICS_KEY``, with which they are copied again there;
``SNAPSHOT_COOL_OFF_HOURS`` (0), in which a lock of the mode COMPLIANCE can be taken off again.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from response.actions.snapshot import Copies, Snapshotting
from response.aws.snapshot_locks import cool_off_of
from response.errors import BadSettings
from response.handlers.areas import BACKOFF
from response.handlers.evidence import store_of
from response.handlers.options import answered
from response.handlers.step import Step, step_of

REQUIRED = ("BUCKET", "PARAMETER")


def snapshot(event: Any, context: Any) -> Dict[str, Any]:
    """Begin or go on; return `response.core.result.ActionResult.to_json`.

    Raises `response.errors.StillRunning` until all is complete, where it waits.
    """
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `snapshot` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    target = step.target
    cool_off_h = cool_off_of(step.variables.number("SNAPSHOT_COOL_OFF_HOURS"))
    work = Snapshotting(step.areas.of(target.account, target.region), store_of(step), copies_of(step), cool_off_h)
    if step.is_dry_run():
        return answered(work.start(target, step.incident, dry_run=True))
    if event.get("wait", True):
        return answered(work.finish(target, step.incident))
    return answered(work.start(target, step.incident))


def copies_of(step: Step) -> Copies:
    """Return where copies go. Raises `BadSettings` for settings that lack another."""
    text, target = step.variables.text, step.target
    key = text("SNAPSHOT_KEY").replace("{account}", target.account).replace("{region}", target.region)
    account, role, own_key = text("FORENSICS_ACCOUNT"), text("FORENSICS_ROLE_NAME"), text("FORENSICS_KEY")
    if account and not key:
        raise BadSettings("FORENSICS_ACCOUNT needs SNAPSHOT_KEY: what is encrypted with EBS's own key cannot be shared")
    if role and not (account and own_key):
        raise BadSettings("FORENSICS_ROLE_NAME needs FORENSICS_ACCOUNT and FORENSICS_KEY")
    if not role:
        return Copies(key, account)
    home = step.areas.here.caller.session.account
    member = home.member(account, account, role, text("EXTERNAL_ID"))
    area = Area(Caller(AwsSession(member), wait_s=BACKOFF.wait_s), account, target.region)
    return Copies(key, account, area, own_key.replace("{region}", target.region))
