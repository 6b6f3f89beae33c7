"""Anomalies of signing in, from EventBridge. There is no page of AWS that says what is in ``detail``: the event is
written whole, its id and time are the identity, and it has no severity.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from collectors.records.finding import Described, Finding, make, severity_of_label, short_first, text, time_of
from collectors.records.record import Origin
from collectors.sources.signin.findings import FINDINGS


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the anomaly of an event of EventBridge. Raises `InvalidRecord`."""
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
