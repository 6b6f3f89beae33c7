"""Findings of Macie, from its API or from EventBridge. Identity: account, region and ``id``. A version: ``updatedAt``,
count, and whether it is archived.

https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping

from collectors.records.finding import Described, Finding, inside, make, severity_of_label, short_first, text, time_of
from collectors.records.record import Origin
from collectors.sources.macie.findings import FINDINGS


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding, found in ``origin``. Raises `InvalidRecord`."""
    id = text(fields.get("id"))
    where = Origin(text(fields.get("accountId")) or origin.account, text(fields.get("region")) or origin.region)
    known = Described(
        dataset=FINDINGS.name,
        finding_key=id and f"{where.account}:{where.region}:{id}",
        updated=time_of(fields.get("updatedAt"), fields.get("createdAt")),
        may_change=[fields.get("archived") is True, fields.get("count")],
        origin=where,
        severity=severity_of_label(inside(fields, "severity", "description")),
        rule=text(fields.get("type")),
        resource=text(inside(fields, "resourcesAffected", "s3Bucket", "arn")),
        sample=fields.get("sample") is True,
    )
    return make(known, fields, short_first(fields))


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the finding of an event of EventBridge. Raises `InvalidRecord`."""
    detail = event.get("detail")
    asked = Origin(text(event.get("account")), text(event.get("region")))
    yield finding(detail if isinstance(detail, dict) else {}, asked)
