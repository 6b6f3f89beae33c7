"""AWS Sign-In among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="signin",
    title="AWS Sign-In",
    sourcetype="aws:siem_bridge:signin:anomaly",
    event_source="aws.signin",
    detail_types=("Sign-in Anomaly Alert",),
    durable_events=True,
)
