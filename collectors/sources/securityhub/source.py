"""Findings of Security Hub CSPM in ASFF, from its API or from EventBridge.

Cursor: ``UpdatedAt``. Identity: ``ProductArn`` and ``Id``. A version: ``UpdatedAt``, and what BatchUpdateFindings
changes without it: workflow, note, severity, record state, fields of the user's own.
https://docs.aws.amazon.com/securityhub/latest/userguide/finding-update-batchupdatefindings.html

What is written is the bare finding; an event of EventBridge that holds several becomes as many events.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Tuple

from collectors.records.finding import (
    Described,
    Finding,
    Severity,
    inside,
    make,
    objects,
    severity_of_label,
    severity_of_number,
    short_first,
    text,
    time_of,
)
from collectors.records.record import Origin
from collectors.sources import compliance
from collectors.sources.hub_products import short_name
from collectors.sources.securityhub.findings import FINDINGS

MAY_CHANGE = ("Workflow", "Note", "Severity", "RecordState", "UserDefinedFields")


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding, found in ``origin``. Raises `InvalidRecord`."""
    product, id = text(fields.get("ProductArn")), text(fields.get("Id"))
    where = Origin(
        text(fields.get("AwsAccountId")) or origin.account,
        text(fields.get("Region")) or text(inside(fields, "Resources", 0, "Region")) or origin.region,
    )
    known = Described(
        dataset=FINDINGS.name,
        finding_key=id and f"{product}|{id}",
        updated=time_of(fields.get("UpdatedAt")),
        may_change=[fields.get(name) for name in MAY_CHANGE],
        origin=where,
        severity=_severity(fields.get("Severity")),
        rule=text(inside(fields, "Compliance", "SecurityControlId")) or text(fields.get("GeneratorId")),
        resource=text(inside(fields, "Resources", 0, "Id")),
        sample=fields.get("Sample") is True or text(fields.get("Title")).startswith("[SAMPLE]"),
        passed=inside(fields, "Compliance", "Status") == "PASSED",
        product=text(fields.get("ProductName"))
        or text(inside(fields, "ProductFields", "aws/securityhub/ProductName"))
        or product.rpartition("/")[2],
        standards=_standards(fields),
    )
    by_prowler = "prowler" in (product.rpartition("/")[2], short_name(known.product)) or id.startswith("prowler-")
    return make(known, fields, short_first({**fields, **compliance.of_asff(fields, by_prowler)}))


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the findings of an event of EventBridge. Raises `InvalidRecord`."""
    asked = Origin(text(event.get("account")), text(event.get("region")))
    for fields in objects(inside(event, "detail", "findings")):
        yield finding(fields, asked)


def _standards(fields: Mapping[str, Any]) -> Tuple[str, ...]:
    """Return those of a control of Security Hub's own: other products name what they like there."""
    if not inside(fields, "Compliance", "SecurityControlId"):
        return ()
    associated = objects(inside(fields, "Compliance", "AssociatedStandards"))
    return tuple(filter(None, (text(each.get("StandardsId")) for each in associated)))


def _severity(severity: Any) -> Severity:
    """Return it by the label; ``Normalized`` (0 to 100) is deprecated, and what old producers give alone."""
    if inside(severity, "Label"):
        return severity_of_label(inside(severity, "Label"))
    normalised = inside(severity, "Normalized")
    return severity_of_number(normalised / 10 if isinstance(normalised, (int, float)) else None)
