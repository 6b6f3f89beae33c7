"""AWS Shield Advanced among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

#: It tells EventBridge nothing: only its API knows attacks.
FINDINGS = Findings(
    name="shield",
    title="AWS Shield Advanced",
    sourcetype="aws:siem_bridge:shield:attack",
    event_source="",
    detail_types=(),
)
