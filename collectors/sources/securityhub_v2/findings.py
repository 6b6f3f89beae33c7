"""AWS Security Hub among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="securityhub_v2",
    title="AWS Security Hub",
    sourcetype="aws:siem_bridge:securityhub:ocsf",
    event_source="aws.securityhub",
    detail_types=("Findings Imported V2",),
    durable_events=True,
)
