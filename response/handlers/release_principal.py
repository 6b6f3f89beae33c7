"""``release_principal``: gives a principal back what an incident took.

Settings: see `response.handlers.revoke_credentials`.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.handlers.options import answered
from response.handlers.revoke_credentials import REQUIRED, containment_of
from response.handlers.step import step_of


def release_principal(event: Any, context: Any) -> Dict[str, Any]:
    """Release ``event["principal"]``; return the result. Raises `response.errors.StillRunning`: call again."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `release_principal` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    way, principal = containment_of(step)
    return answered(way.release(principal, step.incident, dry_run=step.is_dry_run()))
