"""Other events among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="event",
    title="another event of EventBridge",
    sourcetype="aws:siem_bridge:event",
    event_source="",
    detail_types=(),
)
