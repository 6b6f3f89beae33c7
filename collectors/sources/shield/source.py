"""Attacks that Shield Advanced saw, as its API gives them. Identity: ``AttackId``. A version: when it began or ended,
the kinds of traffic, and what is done against it; not its counters, which grow as long as it lasts.

Times are seconds there; they are written as ISO 8601.
https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/API_AttackDetail.html
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from collectors.records.finding import (
    HIGH,
    Described,
    Finding,
    make,
    objects,
    severity_of_label,
    short_first,
    text,
    time_of,
)
from collectors.records.record import Origin
from collectors.sources.shield.findings import FINDINGS

_TIMES = ("StartTime", "EndTime")


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return an attack, found in ``origin``. Raises `InvalidRecord`."""
    written: Dict[str, Any] = dict(fields)
    for name in _TIMES:
        when = time_of(fields.get(name))
        if when is not None:
            written[name] = when.stamp
    arn = text(fields.get("ResourceArn"))
    where = (arn.split(":") + [""] * 6)[3:5]
    known = Described(
        dataset=FINDINGS.name,
        finding_key=text(fields.get("AttackId")),
        updated=time_of(written.get("EndTime"), written.get("StartTime")),
        may_change=[written.get("EndTime"), _vectors(fields), _mitigations(fields)],
        origin=Origin(where[1] or origin.account, where[0] or origin.region),
        severity=severity_of_label(HIGH),
        rule=next(iter(_vectors(fields)), "DDoS"),
        resource=arn,
    )
    # Its end is a time, and matters.
    return make(known, {**fields, "ended": "EndTime" in fields}, short_first(written))


def _vectors(fields: Mapping[str, Any]) -> List[str]:
    kinds = {
        text(vector.get("VectorType"))
        for part in objects(fields.get("SubResources"))
        for vector in objects(part.get("AttackVectors"))
    }
    return sorted(kinds)


def _mitigations(fields: Mapping[str, Any]) -> List[str]:
    return sorted(text(each.get("MitigationName")) for each in objects(fields.get("Mitigations")))
