"""Security Hub (the one with OCSF findings, whose calls end in V2).

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_Operations.html
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Sequence

from lab.aws.services.contract import INVALID, Refused, Request, answers, invalid
from lab.aws.services.filters import (
    WrongFilter,
    addresses_fit,
    booleans_fit,
    dates_fit,
    maps_fit,
    numbers_fit,
    texts_fit,
)
from lab.aws.services.pages import PAGES
from lab.aws.services.paths import sort_key, values
from lab.aws.services.securityhub import aggregate
from lab.aws.services.store import SECURITY_HUB_V2, STORE, Place

INVALID["securityhubV2"] = ("ValidationException", "Invalid parameter: {}")
MOST_FINDINGS, MOST_COMPOSITES, MOST_FILTERS = 100, 10, 20
_KINDS: Dict[str, Callable[[Sequence[Any], Sequence[Dict[str, Any]]], bool]] = {
    "StringFilters": lambda found, filters: texts_fit(found, filters, words=True),
    "DateFilters": dates_fit,
    "BooleanFilters": booleans_fit,
    "NumberFilters": numbers_fit,
    "MapFilters": maps_fit,
    "IpFilters": addresses_fit,
}
#: OCSF's words for its numbers. https://schema.ocsf.io/1.6.0/classes/detection_finding
SEVERITIES = {0: "Unknown", 1: "Informational", 2: "Low", 3: "Medium", 4: "High", 5: "Critical", 6: "Fatal"}
STATUSES = {0: "Unknown", 1: "New", 2: "In Progress", 3: "Suppressed", 4: "Resolved", 5: "Archived"}
_ENUMERATIONS = {
    "StringFilters": "OcsfStringField",
    "DateFilters": "OcsfDateField",
    "BooleanFilters": "OcsfBooleanField",
    "NumberFilters": "OcsfNumberField",
    "MapFilters": "OcsfMapField",
    "IpFilters": "OcsfIpField",
}


@answers("securityhub", "GetFindingsV2")
def get_findings_v2(request: Request) -> Dict[str, Any]:
    """At most 100. Filters: at most 10 composite ones, each with at most 20 of a kind.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingsV2.html
    """
    found = matching(request, request.given.get("Filters", {}), request.given.get("Scopes", {}))
    for order in reversed(request.given.get("SortCriteria", [])):
        path = order["Field"]
        found.sort(key=lambda each: sort_key(each, path), reverse=order.get("SortOrder") == "desc")
    page, token = PAGES.page(request, found, MOST_FINDINGS)
    return {"Findings": page, **token}


def matching(request: Request, filters: Dict[str, Any], scopes: Dict[str, Any]) -> List[Dict[str, Any]]:
    """Return the findings that a request may see and its filters choose."""
    place = _hub(request)
    if scopes and not STORE.members(SECURITY_HUB_V2, place.region, place.account):
        raise Refused("AccessDeniedException", "Only the delegated administrator account can use Scopes")
    composites = filters.get("CompositeFilters", [])
    if len(composites) > MOST_COMPOSITES:
        raise invalid(request, f"CompositeFilters has more than {MOST_COMPOSITES} items")
    every = all if filters.get("CompositeOperator", "AND") == "AND" else any
    try:
        for composite in composites:
            _check(composite)
            _fits({}, composite)
        return [
            finding
            for _, _, finding in STORE.visible(place)
            if not composites or every(_fits(finding, composite) for composite in composites)
        ]
    except WrongFilter as wrong:
        raise invalid(request, str(wrong)) from None


@answers("securityhub", "BatchUpdateFindingsV2")
def batch_update_findings_v2(request: Request) -> Dict[str, Any]:
    """Comment, severity and status; ``finding_info.modified_time_dt`` does not move.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindingsV2.html
    """
    place = _hub(request)
    if "FindingIdentifiers" in request.given:
        raise invalid(request, "this stand-in takes MetadataUids only")
    uids = request.given.get("MetadataUids", [])
    processed, unprocessed = [], []
    for uid in uids:
        found = STORE.find(place, uid)
        if found is None:
            text = "The finding was not found"
            unprocessed.append({"MetadataUid": uid, "ErrorCode": "ResourceNotFoundException", "ErrorMessage": text})
            continue
        changed = STORE.get(found[0], uid)
        if "Comment" in request.given:
            changed["comment"] = request.given["Comment"]
        for name, member, words in (("SeverityId", "severity", SEVERITIES), ("StatusId", "status", STATUSES)):
            if name in request.given:
                number = request.given[name]
                changed.update({f"{member}_id": number, member: words.get(number, "Other")})
        STORE.put(found[0], uid, changed)
        processed.append({"MetadataUid": uid})
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


@answers("securityhub", "EnableSecurityHubV2")
def enable_security_hub_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHubV2.html."""
    return {"HubV2Arn": enable(request.account, request.region)}


@answers("securityhub", "DescribeSecurityHubV2")
def describe_security_hub_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeSecurityHubV2.html."""
    return {
        "HubV2Arn": STORE.enabled[_hub(request, "ResourceNotFoundException")],
        "SubscribedAt": "2026-01-01T00:00:00Z",
    }


@answers("securityhub", "ListAggregatorsV2")
def list_aggregators_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListAggregatorsV2.html."""
    _hub(request, "ResourceNotFoundException")
    found = STORE.aggregators.get((SECURITY_HUB_V2, request.account))
    page, token = PAGES.page(request, [{"AggregatorV2Arn": found.arn}] if found else [], 100)
    return {"AggregatorsV2": page, **token}


@answers("securityhub", "GetAggregatorV2")
def get_aggregator_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetAggregatorV2.html."""
    _hub(request, "ResourceNotFoundException")
    found = STORE.aggregators.get((SECURITY_HUB_V2, request.account))
    if found is None or found.arn != request.given["AggregatorV2Arn"]:
        raise Refused("ResourceNotFoundException", "The aggregator was not found")
    return {
        "AggregatorV2Arn": found.arn,
        "AggregationRegion": found.home,
        "RegionLinkingMode": "SPECIFIED_REGIONS",
        "LinkedRegions": found.linked,
    }


@answers("securityhub", "CreateAggregatorV2")
def create_aggregator_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateAggregatorV2.html."""
    _hub(request, "ResourceNotFoundException")
    if request.given["RegionLinkingMode"] != "SPECIFIED_REGIONS":
        raise invalid(request, "RegionLinkingMode: this stand-in links SPECIFIED_REGIONS only")
    if (SECURITY_HUB_V2, request.account) in STORE.aggregators:
        raise Refused("ConflictException", "An aggregator already exists for this account")
    found = aggregate(SECURITY_HUB_V2, request.account, request.region, request.given.get("LinkedRegions", []))
    return {
        "AggregatorV2Arn": found.arn,
        "AggregationRegion": found.home,
        "RegionLinkingMode": "SPECIFIED_REGIONS",
        "LinkedRegions": found.linked,
    }


def enable(account: str, region: str) -> str:
    """Let an account have Security Hub in a region; return the hub's ARN."""
    place = Place(SECURITY_HUB_V2, account, region)
    arn = f"arn:aws:securityhub:{region}:{account}:hubv2/{STORE.number():08x}-0000-4000-8000-000000000000"
    return STORE.enabled.setdefault(place, arn)


def _hub(request: Request, code: str = "AccessDeniedException") -> Place:
    place = Place(SECURITY_HUB_V2, request.account, request.region)
    if place not in STORE.enabled:
        raise Refused(code, f"Account {request.account} is not subscribed to AWS Security Hub")
    return place


def _check(composite: Dict[str, Any]) -> None:
    from lab.aws.services.wire import service

    for kind, enumeration in _ENUMERATIONS.items():
        filters = composite.get(kind, [])
        if len(filters) > MOST_FILTERS:
            raise WrongFilter(f"{kind} has more than {MOST_FILTERS} items")
        fields = service("securityhub").shape_for(enumeration).metadata["enum"]
        for each in filters:
            if each["FieldName"] not in fields:
                raise WrongFilter(f"FieldName {each['FieldName']} cannot be filtered by")
    for nested in composite.get("NestedCompositeFilters", []):
        _check(nested)


def _fits(finding: Dict[str, Any], composite: Dict[str, Any]) -> bool:
    # A list, so that every filter is looked at, also when the first decides.
    held = [
        fit(list(values(finding, each["FieldName"])), [each["Filter"]])
        for kind, fit in _KINDS.items()
        for each in composite.get(kind, [])
    ]
    held += [_fits(finding, nested) for nested in composite.get("NestedCompositeFilters", [])]
    return any(held) if composite.get("Operator") == "OR" else all(held)
