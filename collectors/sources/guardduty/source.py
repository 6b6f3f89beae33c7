"""GuardDuty's findings, from its API or from EventBridge.

Cursor: ``updatedAt``. Identity: account, region and id; the id stays while the count grows. A version: ``updatedAt``,
and ``service.archived``, which changes without it. What is written is the EventBridge event, whose ``detail`` is the
finding: the shape that the sourcetype of the Splunk Add-on for AWS has; a polled finding gets the same envelope.

The API of the wire and EventBridge write names in camelCase; only the SDKs do not.
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Mapping

from collectors.records.finding import Described, Finding, inside, make, severity_of_number, short_first, text, time_of
from collectors.records.record import Origin
from collectors.sources.guardduty.findings import FINDINGS

_ATTACK_SEQUENCE = "AttackSequence:"
#: What a sample's title begins with: https://docs.aws.amazon.com/guardduty/latest/ug/sample_findings.html
_SAMPLE = "[SAMPLE]"


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding as the API gave it, asked for in ``origin``. Raises `InvalidRecord`."""
    where = _where(fields, origin)
    envelope = {
        "version": "0",
        "detail-type": FINDINGS.detail_types[0],
        "source": FINDINGS.event_source,
        "account": where.account,
        "time": text(fields.get("updatedAt")),
        "region": where.region,
        "resources": [],
    }
    return _finding(fields, where, envelope)


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the finding of an event of EventBridge. Raises `InvalidRecord`."""
    detail = event.get("detail")
    fields = detail if isinstance(detail, dict) else {}
    where = _where(fields, Origin(text(event.get("account")), text(event.get("region"))))
    yield _finding(fields, where, {name: value for name, value in event.items() if name != "detail"})


def _where(fields: Mapping[str, Any], asked: Origin) -> Origin:
    return Origin(text(fields.get("accountId")) or asked.account, text(fields.get("region")) or asked.region)


def _finding(fields: Mapping[str, Any], where: Origin, envelope: Mapping[str, Any]) -> Finding:
    id, kind = text(fields.get("id")), text(fields.get("type"))
    own: Dict[str, Any] = {"attack_sequence": True} if kind.startswith(_ATTACK_SEQUENCE) else {}
    known = Described(
        dataset=FINDINGS.name,
        finding_key=id and f"{where.account}:{where.region}:{id}",
        updated=time_of(fields.get("updatedAt")),
        may_change=bool(inside(fields, "service", "archived")),
        origin=where,
        severity=severity_of_number(fields.get("severity")),
        rule=kind,
        resource=_resource(fields),
        sample=_is_sample(fields),
        own=own,
    )
    return make(known, fields, {**envelope, "detail": short_first(fields)})


def _is_sample(fields: Mapping[str, Any]) -> bool:
    more = inside(fields, "service", "additionalInfo")
    flag = inside(more, "sample")
    if flag is None and isinstance(inside(more, "value"), str):  # a text of JSON
        flag = '"sample":true' in more["value"].replace(" ", "") or None
    return flag in (True, "true") or text(fields.get("title")).startswith(_SAMPLE)


def _resource(fields: Mapping[str, Any]) -> str:
    resource = fields.get("resource")
    for path in (
        ("instanceDetails", "instanceId"),
        ("accessKeyDetails", "userName"),
        ("s3BucketDetails", 0, "arn"),
        ("eksClusterDetails", "arn"),
        ("ecsClusterDetails", "arn"),
        ("lambdaDetails", "functionArn"),
        ("rdsDbInstanceDetails", "dbInstanceArn"),
    ):
        found = text(inside(resource, *path))
        if found:
            return found
    return text(inside(resource, "resourceType"))
