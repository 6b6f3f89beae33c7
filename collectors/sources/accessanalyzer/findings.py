"""IAM Access Analyzer among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="accessanalyzer",
    title="IAM Access Analyzer",
    sourcetype="aws:siem_bridge:accessanalyzer:finding",
    event_source="aws.access-analyzer",
    detail_types=(
        "Access Analyzer Finding",
        "Unused Access Finding for IAM entities",
        "Internal Access Finding",
    ),
)
