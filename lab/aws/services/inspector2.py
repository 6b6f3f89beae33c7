"""Inspector's findings.

https://docs.aws.amazon.com/inspector/v2/APIReference/Welcome.html
"""

from __future__ import annotations

from typing import Any, Dict, List

from lab.aws.services.contract import INVALID, Refused, Request, answers, invalid
from lab.aws.services.pages import PAGES
from lab.aws.services.paths import sort_key, values
from lab.aws.services.store import INSPECTOR, STORE, Place

INVALID["inspector2"] = ("ValidationException", "{}")
#: Of its shape FindingList: so a page of 100 that was asked for comes with 25.
MOST_FINDINGS = 25
#: Fields of a filter -> where the finding has them.
PATHS = {
    "findingArn": "findingArn",
    "awsAccountId": "awsAccountId",
    "findingType": "type",
    "severity": "severity",
    "findingStatus": "status",
    "title": "title",
    "inspectorScore": "inspectorScore",
    "resourceType": "resources.type",
    "resourceId": "resources.id",
    "vulnerabilityId": "packageVulnerabilityDetails.vulnerabilityId",
    "fixAvailable": "fixAvailable",
    "exploitAvailable": "exploitAvailable",
    "firstObservedAt": "firstObservedAt",
    "lastObservedAt": "lastObservedAt",
    "updatedAt": "updatedAt",
}
#: Fields of a sort order; there is none of the update.
SORTS = {
    "AWS_ACCOUNT_ID": "awsAccountId",
    "FINDING_TYPE": "type",
    "SEVERITY": "severity",
    "FIRST_OBSERVED_AT": "firstObservedAt",
    "LAST_OBSERVED_AT": "lastObservedAt",
    "FINDING_STATUS": "status",
    "INSPECTOR_SCORE": "inspectorScore",
}


@answers("inspector2", "ListFindings")
def list_findings(request: Request) -> Dict[str, Any]:
    """Whole findings, times in seconds. Nothing is sorted by its update.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html
    """
    place = _enabled(request)
    criteria = request.given.get("filterCriteria", {})
    for name in criteria:
        if name not in PATHS:
            raise invalid(request, f"this stand-in does not know the filter {name}")
    found = [finding for _, _, finding in STORE.visible(place) if _fits(finding, criteria)]
    order = request.given.get("sortCriteria")
    if order:
        if order["field"] not in SORTS:
            raise invalid(request, f"this stand-in does not sort by {order['field']}")
        path = SORTS[order["field"]]
        found.sort(key=lambda each: sort_key(each, path), reverse=order["sortOrder"] == "DESC")
    page, token = PAGES.page(request, found, MOST_FINDINGS)
    return {"findings": page, **token}


@answers("inspector2", "BatchGetAccountStatus")
def batch_get_account_status(request: Request) -> Dict[str, Any]:
    """Of this account, or of those named that it administers.

    https://docs.aws.amazon.com/inspector/v2/APIReference/API_BatchGetAccountStatus.html
    """
    known = {request.account, *STORE.members(INSPECTOR, request.region, request.account)}
    accounts = request.given.get("accountIds") or [request.account]
    found = []
    for account in accounts:
        if account in known:
            on = Place(INSPECTOR, account, request.region) in STORE.enabled
            state = {
                "status": "ENABLED" if on else "DISABLED",
                "errorCode": "ALREADY_ENABLED",
                "errorMessage": "no error",
            }
            found.append({"accountId": account, "state": state, "resourceState": {"ec2": state, "ecr": state}})
    failed = [
        {"accountId": account, "errorCode": "ACCESS_DENIED", "errorMessage": "The account is no member"}
        for account in accounts
        if account not in known
    ]
    return {"accounts": found, "failedAccounts": failed}


@answers("inspector2", "ListMembers")
def list_members(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListMembers.html."""
    found = [
        {
            "accountId": member,
            "relationshipStatus": "ENABLED",
            "delegatedAdminAccountId": request.account,
            "updatedAt": 1767225600,
        }
        for member in STORE.members(INSPECTOR, request.region, request.account)
    ]
    page, token = PAGES.page(request, found, 50)
    return {"members": page, **token}


@answers("inspector2", "GetDelegatedAdminAccount")
def get_delegated_admin_account(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/inspector/v2/APIReference/API_GetDelegatedAdminAccount.html."""
    who = STORE.administrators.get((INSPECTOR, request.region, request.account))
    if who is None and STORE.members(INSPECTOR, request.region, request.account):
        who = request.account
    if who is None:
        raise Refused("ResourceNotFoundException", "No delegated administrator account is enabled")
    return {"delegatedAdmin": {"accountId": who, "relationshipStatus": "ENABLED"}}


def enable(account: str, region: str) -> str:
    """Let an account have Inspector in a region."""
    return STORE.enabled.setdefault(Place(INSPECTOR, account, region), account)


def _enabled(request: Request) -> Place:
    place = Place(INSPECTOR, request.account, request.region)
    if place not in STORE.enabled:
        raise Refused("AccessDeniedException", "Invoking account does not have access to Inspector2")
    return place


def _fits(finding: Dict[str, Any], criteria: Dict[str, List[Dict[str, Any]]]) -> bool:
    return all(_one_fits(list(values(finding, PATHS[name])), filters) for name, filters in criteria.items())


def _one_fits(found: List[Any], filters: List[Dict[str, Any]]) -> bool:
    excluded = [each["value"] for each in filters if each.get("comparison") == "NOT_EQUALS"]
    if any(value in excluded for value in found):
        return False
    wanted = [each for each in filters if each.get("comparison") != "NOT_EQUALS"]
    return not wanted or any(_is(value, each) for value in found for each in wanted)


def _is(value: Any, each: Dict[str, Any]) -> bool:
    if "comparison" in each:
        return value == each["value"] if each["comparison"] == "EQUALS" else str(value).startswith(each["value"])
    low = each.get("startInclusive", each.get("lowerInclusive", value))
    high = each.get("endInclusive", each.get("upperInclusive", value))
    return low <= value <= high
