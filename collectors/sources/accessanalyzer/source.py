"""Findings of Access Analyzer, from its API or from EventBridge. Identity: the analyzer's ARN and ``id``. A version:
``updatedAt``, the status, and that it was deleted with its analyzer, which comes without another status.

AWS gives no severity: access for everybody is high, from another account medium, what nobody uses is low.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from collectors.records.finding import (
    HIGH,
    LOW,
    MEDIUM,
    Described,
    Finding,
    Severity,
    make,
    severity_of_label,
    short_first,
    text,
    time_of,
)
from collectors.records.record import Origin
from collectors.sources.accessanalyzer.findings import FINDINGS


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding, found in ``origin``. Raises `InvalidRecord`."""
    known = Described(
        dataset=FINDINGS.name,
        finding_key=text(fields.get("id")) and f"{text(fields.get('analyzerArn'))}|{text(fields.get('id'))}",
        updated=time_of(fields.get("updatedAt"), fields.get("analyzedAt")),
        may_change=[fields.get("status"), fields.get("isDeleted") is True],
        origin=Origin(text(fields.get("accountId")) or origin.account, text(fields.get("region")) or origin.region),
        severity=_severity(fields),
        rule=text(fields.get("findingType")) or text(fields.get("resourceType")),
        resource=text(fields.get("resource")),
    )
    return make(known, fields, short_first(fields))


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the finding of an event of EventBridge. Raises `InvalidRecord`."""
    detail = event.get("detail")
    asked = Origin(text(event.get("account")), text(event.get("region")))
    fields = dict(detail) if isinstance(detail, dict) else {}
    resources = event.get("resources")
    if isinstance(resources, list) and resources:
        fields.setdefault("analyzerArn", resources[0])
    yield finding(fields, asked)


def _severity(fields: Mapping[str, Any]) -> Severity:
    if fields.get("isPublic") is True:
        return severity_of_label(HIGH)
    return severity_of_label(LOW if text(fields.get("findingType")).startswith("Unused") else MEDIUM)
