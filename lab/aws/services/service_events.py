"""The events that the security services send to EventBridge when a finding appears or changes.

Delivery is at once. AWS's is durable for GuardDuty and Security Hub and best effort for the others: `LOSE` says how
many of an account's next events of a product are lost.
https://docs.aws.amazon.com/eventbridge/latest/ref/event-delivery-level.html
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from lab.aws import event_buses
from lab.aws.services.store import (
    ACCESS_ANALYZER,
    GUARDDUTY,
    INSPECTOR,
    MACIE,
    SECURITY_HUB,
    SECURITY_HUB_V2,
    STORE,
    Place,
    Version,
)
from lab.story.clock import american

Finding = Dict[str, Any]


class Message(NamedTuple):
    """What is particular to an event."""

    source: str
    detail_type: str
    detail: Dict[str, Any]
    resources: List[str]


#: (product, account) -> so many of its next events are lost.
LOSE: Dict[Tuple[str, str], int] = {}


def guardduty(place: Place, finding: Finding) -> Message:
    """https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_findings_eventbridge.html."""
    return Message("aws.guardduty", "GuardDuty Finding", finding, [])


def security_hub(place: Place, finding: Finding) -> Message:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-cwe-event-formats.html."""
    arn = f"{finding['ProductArn']}/{finding['Id']}"
    return Message("aws.securityhub", "Security Hub Findings - Imported", {"findings": [finding]}, [arn])


def security_hub_v2(place: Place, finding: Finding) -> Message:
    """https://docs.aws.amazon.com/securityhub/latest/userguide/security-hub-v2-eventbridge-event-formats.html."""
    return Message("aws.securityhub", "Findings Imported V2", {"findings": [finding]}, [])


def inspector(place: Place, finding: Finding) -> Message:
    """Times are American texts here.

    https://docs.aws.amazon.com/inspector/latest/user/eventbridge-integration.html
    """
    times = {name: american(int(finding[name])) for name in ("firstObservedAt", "lastObservedAt", "updatedAt")}
    return Message("aws.inspector2", "Inspector2 Finding", {**finding, **times}, [finding["findingArn"]])


def macie(place: Place, finding: Finding) -> Message:
    """https://docs.aws.amazon.com/macie/latest/user/findings-publish-event-schemas.html."""
    return Message("aws.macie", "Macie Finding", finding, [])


def access_analyzer(place: Place, finding: Finding) -> Message:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html."""
    details = finding.get("findingDetails") or [{}]
    same = ("id", "status", "resourceType", "resource", "createdAt", "analyzedAt", "updatedAt")
    detail = {
        "version": "1.0",
        **{name: finding[name] for name in same if name in finding},
        "accountId": finding["resourceOwnerAccount"],
        "region": place.region,
        "isDeleted": False,
        **details[0].get("externalAccessDetails", {}),
    }
    arn = STORE.enabled.get(place)
    return Message("aws.access-analyzer", "Access Analyzer Finding", detail, [arn] if arn else [])


#: Product -> how it tells of a finding. Shield tells EventBridge nothing.
MESSAGES: Dict[str, Callable[[Place, Finding], Message]] = {
    GUARDDUTY: guardduty,
    SECURITY_HUB: security_hub,
    SECURITY_HUB_V2: security_hub_v2,
    INSPECTOR: inspector,
    MACIE: macie,
    ACCESS_ANALYZER: access_analyzer,
}


def send(version: Version) -> None:
    """Let every account and region that sees the finding have the event, as its own."""
    if version.place.product not in MESSAGES:
        return
    message = MESSAGES[version.place.product](version.place, version.finding)
    for account, region in sorted(STORE.accounts_that_see(version.place)):
        lose = LOSE.get((version.place.product, account), 0)
        if lose:
            LOSE[version.place.product, account] = lose - 1
            continue
        source, detail_type, detail, resources = message
        event_buses.deliver(
            event_buses.service_event(source, detail_type, account, region, detail, resources), account, region
        )
