"""Where a step keeps its evidence.

Settings: ``BUCKET`` and ``BUCKET_REGION``; ``LOCK_MODE`` (governance, compliance or none) and ``LOCK_DAYS`` (365).
"""

from __future__ import annotations

from response.aws.evidence import EvidenceStore, folder_of, lock_of
from response.handlers.step import Step


def store_of(step: Step) -> EvidenceStore:
    """Return the evidence of the step's incident. Raises `response.errors.ResponseError` for settings and targets."""
    variables, here, target = step.variables, step.areas.here, step.target
    lock = lock_of(variables.text("LOCK_MODE"), variables.number("LOCK_DAYS"))
    folder = folder_of(target.account, target.region, target.instance, step.incident)
    area = here._replace(region=variables.text("BUCKET_REGION") or here.region)
    return EvidenceStore(area, variables.text("BUCKET"), folder, lock)
