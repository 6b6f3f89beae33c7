"""Findings of Prowler in OCSF, as its files hold them.

Identity: ``finding_info.uid`` and the resource, because one uid has been seen twice in a scan
(https://github.com/prowler-cloud/prowler/issues/9913). A version: the scan's time, the result, if it is muted.

``time`` is in seconds, where OCSF has milliseconds; ``time_dt`` is the scanner's own local time without a zone, so that
it is the last resort.
"""

from __future__ import annotations

from typing import Any, Mapping

from collectors.records.finding import Described, Finding, inside, make, short_first, text, time_of
from collectors.records.record import Origin
from collectors.sources import compliance
from collectors.sources.ocsf import severity_of_id
from collectors.sources.prowler.findings import FINDINGS

MAY_CHANGE = ("status_code", "status", "severity_id")


def finding(fields: Mapping[str, Any], origin: Origin) -> Finding:
    """Return a finding, of a file of ``origin``. Raises `InvalidRecord`."""
    info, uid = fields.get("finding_info"), text(inside(fields, "finding_info", "uid"))
    resource = text(inside(fields, "resources", 0, "uid"))
    known = Described(
        dataset=FINDINGS.name,
        finding_key=uid and f"{uid}|{resource}",
        updated=time_of(fields.get("time"), inside(info, "created_time"), fields.get("time_dt")),
        may_change=[fields.get(name) for name in MAY_CHANGE],
        origin=Origin(
            text(inside(fields, "cloud", "account", "uid")) or origin.account,
            text(inside(fields, "cloud", "region")) or text(inside(fields, "resources", 0, "region")) or origin.region,
        ),
        severity=severity_of_id(fields.get("severity_id")),
        rule=text(inside(fields, "metadata", "event_code")) or text(inside(info, "title")),
        resource=resource,
        passed=fields.get("status_code") == "PASS",
    )
    return make(known, fields, short_first({**fields, **compliance.of_ocsf(fields)}))
