"""``revoke_credentials``, ``contain_principal`` and ``release_principal``: steps that take rights and give them back.

Settings: ``BUCKET``, ``BUCKET_REGION``, ``PARAMETER`` (`response.handlers.step`). Options of the request, yes or no:
``profile``, ``metadata``, ``deny``, ``keys``, ``password``, ``everybody`` (consent to deny a role that others use).
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping, Tuple

from aws_bridge.accounts.area import Area
from response.actions.contain import Containment
from response.actions.revoke import Revocation, Selection
from response.core.principal import Principal, principal_of
from response.core.target import Subject
from response.handlers.options import answered, chosen
from response.handlers.step import Step, step_of

REQUIRED = ("BUCKET", "PARAMETER")


def revoke_credentials(event: Any, context: Any) -> Dict[str, Any]:
    """Revoke what the event names, an ``instance`` or a ``principal``; return the result.

    Raises `response.errors.StillRunning` while AWS is at it: the state machine calls again.
    """
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `revoke_credentials` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    selection = Selection(
        profile=chosen(step, "profile", True), metadata=chosen(step, "metadata", True),
        deny=chosen(step, "deny", not step.event.get("instance")), keys=chosen(step, "keys", True),
        everybody=chosen(step, "everybody", False),
    )  # fmt: skip
    area = area_of(step)
    way = Revocation(area, bucket_area(step), step.variables.text("BUCKET"))
    dry_run = step.is_dry_run()
    if step.event.get("instance"):
        return answered(way.revoke_instance(step.target, step.incident, selection, dry_run=dry_run))
    principal = principal_of(area.account, step.event.get("principal") or {})
    return answered(way.revoke_principal(principal, step.incident, selection, dry_run=dry_run))


def containment_of(step: Step) -> Tuple[Containment, Principal]:
    """Return what contains and releases, and the principal of the event. Raises `response.errors.BadRequest`."""
    area = area_of(step)
    way = Containment(area, bucket_area(step), step.variables.text("BUCKET"))
    return way, principal_of(area.account, step.event.get("principal") or {})


def area_of(step: Step) -> Area:
    """Return the account and region that a step is about; what has no region is asked for in the function's."""
    here = step.areas.here
    account, region = (str(step.event.get(name) or "") for name in ("account", "region"))
    subject = Subject(account or here.account, region or here.region, "")
    return step.areas.of(subject.account, subject.region)


def bucket_area(step: Step) -> Area:
    """Return where the evidence bucket is."""
    here = step.areas.here
    return here._replace(region=step.variables.text("BUCKET_REGION") or here.region)
