"""An event of EventBridge of a kind that nobody foresaw: a rule of the user's sends it, so it is written whole."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from collectors.records.finding import Finding, whole_event
from collectors.sources.event.findings import FINDINGS


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the event as it is. Raises `InvalidRecord` without an id or a time."""
    yield whole_event(FINDINGS.name, event)
