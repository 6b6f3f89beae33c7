"""A record of the attack, as every log's module hands it on."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

Record = Dict[str, Any]


class LabelledRecord(NamedTuple):
    """A record of the attack, and the step it belongs to (kept outside the record)."""

    time_s: int
    step: str
    record: Record


class LabelledFinding(NamedTuple):
    """One version of a finding, as the wire has it, when it becomes visible, with the name of its step."""

    time_ms: int
    #: Empty for what is not about the attack.
    step: str
    #: Whose list shows it: ``guardduty``, ``inspector2``, ``securityhub`` (ASFF) or ``securityhub_v2`` (OCSF).
    product: str
    finding: Record
