"""The one parameter that says what a response may do; read at every start, so that it is the switch, too.

Needs ``ssm:GetParameter`` on it.
"""

from __future__ import annotations

import json

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected
from response.core.limits import Limits, limits_of
from response.errors import BadSettings


def read_limits(area: Area, name: str) -> Limits:
    """Return what is allowed; without the parameter everything is a dry run.

    Raises `BadSettings` for what cannot be read, so that a slip never means "live" nor goes unnoticed.
    """
    try:
        text = area.ask("ssm", "GetParameter", Name=name)["Parameter"]["Value"]
    except CallRejected as exc:
        if "ParameterNotFound" in str(exc):
            return Limits()
        raise
    try:
        known = json.loads(text)
    except ValueError as exc:
        raise BadSettings(f"the parameter {name} is no JSON: {exc}") from exc
    if not isinstance(known, dict):
        raise BadSettings(f'the parameter {name} is no object: write {{"mode": "dry-run"}}')
    return limits_of(known)
