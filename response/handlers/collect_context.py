"""``collect_context``: what AWS knows of the instance.

Settings: `response.handlers.step`, `response.handlers.evidence`.
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from response.actions.collect_context import ContextCollection
from response.handlers.evidence import store_of
from response.handlers.options import answered
from response.handlers.step import step_of

REQUIRED = ("BUCKET", "PARAMETER")


def collect_context(event: Any, context: Any) -> Dict[str, Any]:
    """Collect; return `response.core.result.ActionResult.to_json`."""
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `collect_context` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    target = step.target
    collection = ContextCollection(step.areas.of(target.account, target.region), store_of(step))
    return answered(collection.collect(target, step.incident, dry_run=step.is_dry_run()))
