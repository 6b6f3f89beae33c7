"""``contain_principal``: takes all rights from the principal of a step.

Settings and options: see `response.handlers.revoke_credentials`.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions.contain import Chosen
from response.handlers.options import answered, chosen
from response.handlers.revoke_credentials import REQUIRED, containment_of
from response.handlers.step import step_of


def contain_principal(event: Any, context: Any) -> Dict[str, Any]:
    """Contain ``event["principal"]``; return the result. Raises `response.errors.StillRunning`: call again."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `contain_principal` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    way, principal = containment_of(step)
    wanted = Chosen(
        keys=chosen(step, "keys", True), password=chosen(step, "password", True), deny=chosen(step, "deny", True),
        everybody=chosen(step, "everybody", False),
    )  # fmt: skip
    return answered(way.contain(principal, step.incident, wanted, dry_run=step.is_dry_run()))
