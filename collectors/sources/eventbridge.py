"""What an event of EventBridge holds: the findings in it, by the rows of the sources."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

from collectors.records.finding import Finding, text
from collectors.sources.registry import FINDINGS, source_of

#: What is written whole.
_OTHER = "event"
_BY_TYPE: Dict[str, str] = {
    f"{row.event_source}/{detail_type}": row.name for row in FINDINGS.values() for detail_type in row.detail_types
}


def dataset_of(event: Mapping[str, Any]) -> str:
    """Return the name of the source that reads an event."""
    return _BY_TYPE.get(f"{text(event.get('source'))}/{text(event.get('detail-type'))}", _OTHER)


def findings_of(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the findings of an event. Raises `collectors.errors.InvalidRecord`."""
    found: Iterator[Finding] = source_of(dataset_of(event)).of_event(event)
    return found
