"""What the security services find of the story: each version of each finding, as their lists and as EventBridge has it.

GuardDuty, Inspector and Security Hub report the attack's steps; Security Hub also has GuardDuty's and Inspector's
findings, in ASFF and in OCSF. Beside them is what any account has: a port that is probed, a control that fails.
"""

from __future__ import annotations

import uuid
from typing import Any, Dict, List

from lab.story import cast, guardduty, inspector, security_hub
from lab.story.finding import Finding
from lab.story.labelled import LabelledFinding

#: How long Security Hub takes with what others found, and EventBridge with all.
HUB_MS, BUS_MS = 180_000, 2_000


def findings(start_ms: int, end_ms: int) -> List[LabelledFinding]:
    """Return the versions of a story from ``start_ms`` to ``end_ms`` in the order they become visible."""
    own = guardduty.findings(start_ms, end_ms)
    vulnerable = inspector.findings(start_ms, end_ms)
    found = [*own, *vulnerable, *security_hub.controls(start_ms, end_ms)]
    for labelled in (*own, *vulnerable):
        seen_ms = min(labelled.time_ms + HUB_MS, end_ms - 1)
        for product, copy in (("securityhub", security_hub.asff), ("securityhub_v2", security_hub.ocsf)):
            found.append(
                LabelledFinding(seen_ms, labelled.step, product, copy(labelled.product, labelled.finding, seen_ms))
            )
    return sorted(found, key=lambda labelled: labelled.time_ms)


def event(labelled: LabelledFinding) -> Dict[str, Any]:
    """Return the message that EventBridge has of a version."""
    from lab.aws.services.service_events import MESSAGES
    from lab.aws.services.store import Place
    from lab.story.clock import iso

    place = Place(labelled.product, cast.PRODUCTION, cast.REGION)
    source, detail_type, detail, resources = MESSAGES[labelled.product](place, labelled.finding)
    sent_ms = labelled.time_ms + BUS_MS
    return {
        "version": "0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{labelled.product} {labelled.time_ms} {key_of(labelled)}")),
        "detail-type": detail_type,
        "source": source,
        "account": cast.PRODUCTION,
        "time": iso(sent_ms // 1000),
        "region": cast.REGION,
        "resources": resources,
        "detail": detail,
    }


def key_of(labelled: LabelledFinding) -> str:
    """Return which finding this is a version of."""
    finding: Finding = labelled.finding
    if labelled.product == "securityhub_v2":
        return str(finding["metadata"]["uid"])
    return str(finding.get("id") or finding.get("Id") or finding["findingArn"])
