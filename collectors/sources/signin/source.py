"""Anomalies of signing in, from EventBridge. There is no page of AWS that says what is in ``detail``: the event is
written whole, its id and time are the identity, and it has no severity.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from collectors.records.finding import Finding, whole_event
from collectors.sources.signin.findings import FINDINGS


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the anomaly of an event of EventBridge. Raises `InvalidRecord`."""
    yield whole_event(FINDINGS.name, event)
