"""Shield Advanced's attacks, which only its API tells of. The subscription is the whole account's, in us-east-1.

https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/Welcome.html
"""

from __future__ import annotations

from typing import Any, Dict

from lab.aws.services.contract import INVALID, Request, answers
from lab.aws.services.pages import PAGES
from lab.aws.services.store import SHIELD, STORE, Place

INVALID["shield"] = ("InvalidParameterException", "Value does not fit: {}")
MOST_ATTACKS = 20


@answers("shield", "GetSubscriptionState")
def get_subscription_state(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/API_GetSubscriptionState.html."""
    return {"SubscriptionState": "ACTIVE" if _place(request) in STORE.enabled else "INACTIVE"}


@answers("shield", "ListAttacks")
def list_attacks(request: Request) -> Dict[str, Any]:
    """By when they started or ended; without a subscription there are none.

    https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/API_ListAttacks.html
    """
    resources = request.given.get("ResourceArns")
    found = []
    for _, _, attack in STORE.visible(_place(request)):
        in_time = all(_within(attack.get(name), request.given.get(name)) for name in ("StartTime", "EndTime"))
        if in_time and (not resources or attack["ResourceArn"] in resources):
            vectors = [each["AttackVectors"] for each in attack.get("SubResources", [])]
            summary = {
                name: attack[name] for name in ("AttackId", "ResourceArn", "StartTime", "EndTime") if name in attack
            }
            summary["AttackVectors"] = [{"VectorType": one["VectorType"]} for each in vectors for one in each]
            found.append(summary)
    page, token = PAGES.page(request, found, MOST_ATTACKS)
    return {"AttackSummaries": page, **token}


@answers("shield", "DescribeAttack")
def describe_attack(request: Request) -> Dict[str, Any]:
    """Whole; of an id that is not there nothing.

    https://docs.aws.amazon.com/waf/latest/DDOSAPIReference/API_DescribeAttack.html
    """
    found = STORE.find(_place(request), request.given["AttackId"])
    return {"Attack": found[1]} if found else {}


def enable(account: str, region: str) -> str:
    """Let an account have a subscription; return its ARN."""
    if region != "us-east-1":
        raise ValueError("Shield is in us-east-1 alone")
    return STORE.enabled.setdefault(Place(SHIELD, account, region), f"arn:aws:shield::{account}:subscription")


def _place(request: Request) -> Place:
    return Place(SHIELD, request.account, "us-east-1")


def _within(value: Any, window: Any) -> bool:
    if not window:
        return True
    return value is not None and window.get("FromInclusive", value) <= value < window.get("ToExclusive", value + 1)
