"""A record of the attack, as every log's module hands it on."""

from __future__ import annotations

from typing import Any, Dict, NamedTuple

Record = Dict[str, Any]


class LabelledRecord(NamedTuple):
    """A record of the attack, and the step it belongs to (kept outside the record)."""

    time_s: int
    step: str
    record: Record
