"""AWS Security Hub CSPM among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="securityhub",
    title="AWS Security Hub CSPM",
    sourcetype="aws:securityhub:finding",
    event_source="aws.securityhub",
    detail_types=(
        "Security Hub Findings - Imported",
        "Security Hub Findings - Custom Action",
    ),
    durable_events=True,
)
