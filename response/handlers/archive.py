"""``archive``: the signed manifest of all evidence. Called again until every object is hashed.

Settings: `response.handlers.step`, `response.handlers.evidence`; ``SIGNING_KEY``, ARN of the asymmetric key in KMS;
``DEADLINE_MARGIN_S``, what is left of the function's time when it stops (60).
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions.archive import Archive
from response.aws.signing import SigningKey
from response.handlers.evidence import store_of
from response.handlers.options import answered
from response.handlers.step import step_of

REQUIRED = ("BUCKET", "PARAMETER", "SIGNING_KEY")
MARGIN_S = 60.0


def archive(event: Any, context: Any) -> Dict[str, Any]:
    """Close the evidence; return `response.core.result.ActionResult.to_json`. Raises `response.errors.StillRunning`."""
    left_s = context.get_remaining_time_in_millis() / 1000 if context is not None else float("inf")
    return do(event, os.environ, left_s)


def do(event: Any, environment: Mapping[str, str], left_s: float = float("inf")) -> Dict[str, Any]:
    """Do what `archive` does, with these settings and so many seconds."""
    step = step_of(event, environment, REQUIRED)
    here, variables = step.areas.here, step.variables
    key = variables.text("SIGNING_KEY")
    # An ARN says its region: arn:aws:kms:<region>:<account>:key/<id>.
    region = key.split(":")[3] if key.startswith("arn:") else here.region
    margin = variables.number("DEADLINE_MARGIN_S")
    who = str(here.ask("sts", "GetCallerIdentity")["Arn"])
    work = Archive(
        store_of(step), SigningKey(here._replace(region=region), key), who,
        seconds=left_s - (MARGIN_S if margin is None else margin),
    )  # fmt: skip
    return answered(work.archive(step.target, step.incident, dry_run=step.is_dry_run()))
