"""Amazon Macie among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="macie",
    title="Amazon Macie",
    sourcetype="aws:siem_bridge:macie:finding",
    event_source="aws.macie",
    detail_types=("Macie Finding",),
)
