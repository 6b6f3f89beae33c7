"""Findings of Security Hub in OCSF, from its API (the calls that end in V2) or from EventBridge.

Cursor: ``finding_info.modified_time_dt``. Identity: ``metadata.uid``. A version: the time of the change, and what
BatchUpdateFindingsV2 changes without it: status, severity, comment.
https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindingsV2.html

What is written is the bare finding.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Tuple

from collectors.records.finding import (
    Described,
    Finding,
    inside,
    make,
    objects,
    short_first,
    text,
    time_of,
)
from collectors.records.record import Origin
from collectors.sources import compliance as compliance_ids
from collectors.sources.hub_products import short_name
from collectors.sources.ocsf import severity_of_id
from collectors.sources.securityhub_v2.findings import FINDINGS

MAY_CHANGE = ("status_id", "severity_id", "comment")
_PASS = 1


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding, found in ``origin``. Raises `InvalidRecord`."""
    info, compliance = fields.get("finding_info"), fields.get("compliance")
    product = text(inside(fields, "metadata", "product", "name"))
    known = Described(
        dataset=FINDINGS.name,
        finding_key=text(inside(fields, "metadata", "uid")),
        updated=time_of(
            inside(info, "modified_time_dt"), inside(info, "modified_time"), fields.get("time_dt"), fields.get("time")
        ),
        may_change=[fields.get(name) for name in MAY_CHANGE],
        origin=Origin(
            text(inside(fields, "cloud", "account", "uid")) or origin.account,
            text(inside(fields, "cloud", "region")) or origin.region,
        ),
        severity=severity_of_id(fields.get("severity_id")),
        rule=text(inside(compliance, "control")) or text(inside(info, "types", 0)) or text(inside(info, "title")),
        resource=text(inside(fields, "resources", 0, "uid")),
        sample=text(inside(info, "title")).startswith("[SAMPLE]"),
        passed=inside(compliance, "status_id") == _PASS,
        product=product,
        standards=_standards(compliance) if short_name(product) == "securityhub" else (),
    )
    return make(known, fields, short_first({**fields, **compliance_ids.of_ocsf(fields)}))


def _standards(compliance: Any) -> Tuple[str, ...]:
    found = inside(compliance, "standards")
    return tuple(filter(None, map(text, found))) if isinstance(found, list) else ()


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the findings of an event of EventBridge. Raises `InvalidRecord`."""
    asked = Origin(text(event.get("account")), text(event.get("region")))
    for fields in objects(inside(event, "detail", "findings")):
        yield finding(fields, asked)
