"""Amazon Inspector among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="inspector",
    title="Amazon Inspector",
    sourcetype="aws:inspector:v2:findings",
    event_source="aws.inspector2",
    detail_types=("Inspector2 Finding",),
)
