"""An event of EventBridge of a kind that nobody foresaw: a rule of the user's sends it, so it is written whole."""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from collectors.records.finding import Described, Finding, make, severity_of_label, short_first, text, time_of
from collectors.records.record import Origin
from collectors.sources.event.findings import FINDINGS


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the event as it is. Raises `InvalidRecord` without an id or a time."""
    known = Described(
        dataset=FINDINGS.name,
        finding_key=text(event.get("id")),
        updated=time_of(event.get("time")),
        may_change=None,
        origin=Origin(text(event.get("account")), text(event.get("region"))),
        severity=severity_of_label(None),
        rule=text(event.get("detail-type")),
    )
    yield make(known, event, short_first(event))
