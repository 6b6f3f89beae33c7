"""Amazon GuardDuty among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

FINDINGS = Findings(
    name="guardduty",
    title="Amazon GuardDuty",
    sourcetype="aws:cloudwatch:guardduty",
    event_source="aws.guardduty",
    detail_types=("GuardDuty Finding",),
    durable_events=True,
)
