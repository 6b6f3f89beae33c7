"""Macie's findings.

https://docs.aws.amazon.com/macie/latest/APIReference/welcome.html
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List

from lab.aws.services import times
from lab.aws.services.contract import INVALID, Refused, Request, answers, invalid
from lab.aws.services.pages import PAGES
from lab.aws.services.paths import sort_key, values
from lab.aws.services.store import MACIE, STORE, Place

INVALID["macie2"] = ("ValidationException", "The request failed because it contains an error: {}")
MOST_IDS, MOST_FINDINGS = 25, 50
_BOUNDS: Dict[str, Callable[[float, float], bool]] = {
    "gt": lambda value, bound: value > bound,
    "gte": lambda value, bound: value >= bound,
    "lt": lambda value, bound: value < bound,
    "lte": lambda value, bound: value <= bound,
}
_TIMES = ("createdAt", "updatedAt")


@answers("macie2", "ListFindings")
def list_findings(request: Request) -> Dict[str, Any]:
    """Ids only, at most 25; times of a criterion are milliseconds since 1970.

    https://docs.aws.amazon.com/macie/latest/APIReference/findings.html
    """
    place = _enabled(request)
    if request.given.get("maxResults", 1) not in range(1, MOST_IDS + 1):
        raise invalid(request, f"maxResults must be between 1 and {MOST_IDS}")
    criteria = request.given.get("findingCriteria", {}).get("criterion") or {}
    found = [finding for _, _, finding in STORE.visible(place) if _fits(finding, criteria)]
    order = request.given.get("sortCriteria")
    if order and order.get("attributeName"):
        path = order["attributeName"]
        found.sort(key=lambda each: sort_key(each, path), reverse=order.get("orderBy") == "DESC")
    page, token = PAGES.page(request, [each["id"] for each in found], MOST_IDS)
    return {"findingIds": page, **token}


@answers("macie2", "GetFindings")
def get_findings(request: Request) -> Dict[str, Any]:
    """At most 50, whole.

    https://docs.aws.amazon.com/macie/latest/APIReference/findings-describe.html
    """
    place = _enabled(request)
    if len(request.given["findingIds"]) > MOST_FINDINGS:
        raise invalid(request, f"findingIds must have at most {MOST_FINDINGS} items")
    found = [STORE.find(place, finding_id) for finding_id in request.given["findingIds"]]
    return {"findings": [each[1] for each in found if each]}


@answers("macie2", "GetMacieSession")
def get_macie_session(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/macie/latest/APIReference/macie.html."""
    _enabled(request)
    return {
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
        "findingPublishingFrequency": "FIFTEEN_MINUTES",
        "serviceRole": f"arn:aws:iam::{request.account}:role/aws-service-role/macie.amazonaws.com/AWSMacieRole",
        "status": "ENABLED",
    }


@answers("macie2", "ListMembers")
def list_members(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/macie/latest/APIReference/members.html."""
    _enabled(request)
    found = [
        {
            "accountId": member,
            "administratorAccountId": request.account,
            "masterAccountId": request.account,
            "email": f"aws+{member}@example.com",
            "relationshipStatus": "Enabled",
            "updatedAt": "2026-01-01T00:00:00.000Z",
        }
        for member in STORE.members(MACIE, request.region, request.account)
    ]
    page, token = PAGES.page(request, found, 25)
    return {"members": page, **token}


@answers("macie2", "GetAdministratorAccount")
def get_administrator_account(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/macie/latest/APIReference/administrator.html."""
    _enabled(request)
    who = STORE.administrators.get((MACIE, request.region, request.account))
    return {"administrator": {"accountId": who, "relationshipStatus": "Enabled"}} if who else {}


def enable(account: str, region: str) -> str:
    """Let an account have Macie in a region."""
    return STORE.enabled.setdefault(Place(MACIE, account, region), account)


def _enabled(request: Request) -> Place:
    place = Place(MACIE, request.account, request.region)
    if place not in STORE.enabled:
        raise Refused("AccessDeniedException", "Macie is not enabled")
    return place


def _fits(finding: Dict[str, Any], criteria: Dict[str, Dict[str, Any]]) -> bool:
    return all(
        _holds(name, list(values(finding, attribute)), wanted, attribute)
        for attribute, condition in criteria.items()
        for name, wanted in condition.items()
    )


def _holds(name: str, found: List[Any], wanted: Any, attribute: str) -> bool:
    if name in _BOUNDS:
        numbers = [times.epoch_ms(each) if attribute in _TIMES else each for each in found]
        return any(_BOUNDS[name](number, wanted) for number in numbers)
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in found]
    return any(text in wanted for text in texts) is (name != "neq")
