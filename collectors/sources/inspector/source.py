"""Findings of Inspector, from its API or from EventBridge. Identity: ``findingArn``. A version: ``updatedAt`` and the
status.

EventBridge writes dates as a text such as ``Mar 20, 2023, 6:08:05 PM``, the API as seconds with a fraction. Both become
ISO 8601 in whole seconds, so that a version is the same by either road.
https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Dict, Iterator, Mapping

from collectors.records.finding import Described, Finding, inside, make, severity_of_label, short_first, text, time_of
from collectors.records.record import Origin
from collectors.sources.inspector.findings import FINDINGS

_DATES = ("firstObservedAt", "lastObservedAt", "updatedAt")
#: With an ordinary or, as Java 20 and later write it, a narrow no-break space before AM and PM.
_TEXT_DATE = "%b %d, %Y, %I:%M:%S %p"


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding, found in ``origin``. Raises `InvalidRecord`."""
    fields = _with_iso_dates(fields)
    known = Described(
        dataset=FINDINGS.name,
        finding_key=text(fields.get("findingArn")),
        updated=time_of(fields.get("updatedAt"), fields.get("lastObservedAt")),
        may_change=fields.get("status"),
        origin=Origin(
            text(fields.get("awsAccountId")) or origin.account,
            text(inside(fields, "resources", 0, "region")) or origin.region,
        ),
        severity=severity_of_label(fields.get("severity")),
        rule=text(inside(fields, "packageVulnerabilityDetails", "vulnerabilityId")) or text(fields.get("type")),
        resource=text(inside(fields, "resources", 0, "id")),
    )
    return make(known, fields, short_first(fields))


def of_event(event: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the finding of an event of EventBridge. Raises `InvalidRecord`."""
    detail = event.get("detail")
    asked = Origin(text(event.get("account")), text(event.get("region")))
    yield finding(detail if isinstance(detail, dict) else {}, asked)


def _with_iso_dates(fields: Mapping[str, Any]) -> Dict[str, Any]:
    changed = dict(fields)
    for name in _DATES:
        value = fields.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            value = time_of(int(value))
            if value is not None:
                changed[name] = value.stamp[:19] + "Z"
            continue
        written = text(fields.get(name)).replace("\u202f", " ")
        try:
            changed[name] = datetime.strptime(written, _TEXT_DATE).strftime("%Y-%m-%dT%H:%M:%SZ")  # noqa: DTZ007
        except ValueError:
            pass  # ISO 8601 already, or nothing we know
    return changed
