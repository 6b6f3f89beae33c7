"""The events that the security services send to EventBridge when a finding appears or changes.

Delivery is at once. AWS's is durable for GuardDuty and Security Hub and best effort for the others: `LOSE` says how
many of an account's next events of a product are lost.
https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, Tuple

from lab.aws import event_buses
from lab.aws.services.store import (
    ACCESS_ANALYZER,
    GUARDDUTY,
    INSPECTOR,
    MACIE,
    SECURITY_HUB,
    SECURITY_HUB_V2,
    STORE,
    Version,
)

#: (product, account) -> so many of its next events are lost.
LOSE: Dict[Tuple[str, str], int] = {}


def guardduty(version: Version) -> None:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html."""
    if version.place.product == GUARDDUTY:
        _send(version, "aws.guardduty", "GuardDuty Finding", version.finding)


def security_hub(version: Version) -> None:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html."""
    if version.place.product == SECURITY_HUB:
        arn = f"{version.finding['ProductArn']}/{version.finding['Id']}"
        _send(version, "aws.securityhub", "Security Hub Findings - Imported", {"findings": [version.finding]}, arn)


def security_hub_v2(version: Version) -> None:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/security-hub-v2-eventbridge-event-formats.html."""
    if version.place.product == SECURITY_HUB_V2:
        _send(version, "aws.securityhub", "Findings Imported V2", {"findings": [version.finding]}, version.id)


def inspector(version: Version) -> None:
    """Times are American texts here.

    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    """
    if version.place.product == INSPECTOR:
        detail = dict(version.finding)
        for name in ("firstObservedAt", "lastObservedAt", "updatedAt"):
            if name in detail:
                detail[name] = american(detail[name])
        _send(version, "aws.inspector2", "Inspector2 Finding", detail, version.id)


def macie(version: Version) -> None:
    """https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html."""
    if version.place.product == MACIE:
        _send(version, "aws.macie", "Macie Finding", version.finding)


def access_analyzer(version: Version) -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html."""
    if version.place.product != ACCESS_ANALYZER:
        return
    finding = version.finding
    external: Dict[str, Any] = next((each["externalAccessDetails"] for each in finding.get("findingDetails", [])), {})
    detail = {
        "version": "1.0",
        "id": finding["id"],
        "status": finding["status"],
        "resourceType": finding["resourceType"],
        "resource": finding.get("resource", ""),
        "createdAt": finding["createdAt"],
        "analyzedAt": finding["analyzedAt"],
        "updatedAt": finding["updatedAt"],
        "accountId": finding["resourceOwnerAccount"],
        "region": version.place.region,
        "isDeleted": False,
        **external,
    }
    arn = STORE.enabled.get(version.place, "")
    _send(version, "aws.access-analyzer", "Access Analyzer Finding", detail, arn)


def american(seconds: float) -> str:
    """Return a time as Inspector's events have it: ``Mar 20, 2023, 6:08:05 PM``, in UTC."""
    when = datetime.fromtimestamp(seconds, timezone.utc)
    return f"{when:%b} {when.day}, {when.year}, {when.hour % 12 or 12}:{when:%M:%S} {'AM' if when.hour < 12 else 'PM'}"


def _send(version: Version, source: str, detail_type: str, detail: Dict[str, Any], resource: str = "") -> None:
    """Let every account and region that sees the finding have the event, as its own."""
    for account, region in sorted(STORE.accounts_that_see(version.place)):
        lose = LOSE.get((version.place.product, account), 0)
        if lose:
            LOSE[version.place.product, account] = lose - 1
            continue
        event = event_buses.service_event(source, detail_type, account, region, detail, [resource] if resource else [])
        event_buses.deliver(event, account, region)
