"""Prowler among the findings."""

from __future__ import annotations

from collectors.sources.findings import Findings

#: It tells EventBridge nothing: it comes as files (`collectors.polling.finding_files`), or by way of Security Hub.
FINDINGS = Findings(
    name="prowler",
    title="Prowler",
    sourcetype="aws:siem_bridge:prowler:ocsf",
    event_source="",
    detail_types=(),
)
