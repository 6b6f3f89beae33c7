"""Security Hub CSPM: findings as ASFF.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from lab.aws.services import times
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
from lab.aws.services.paths import leaves, sort_key, values
from lab.aws.services.store import SECURITY_HUB, SECURITY_HUB_V2, STORE, Aggregator, Place

INVALID["securityhub"] = ("InvalidInputException", "Invalid parameter: {}")
MOST_FINDINGS = 100
MOST_ATTRIBUTES, MOST_VALUES = 10, 20
MOST_BYTES = 240 * 1024
#: Fields of a filter or a sort order that are not named like the member of the finding they are about.
PATHS = {
    "Type": "Types",
    "SeverityLabel": "Severity.Label",
    "SeverityNormalized": "Severity.Normalized",
    "SeverityProduct": "Severity.Product",
    "RecommendationText": "Remediation.Recommendation.Text",
    "ResourceType": "Resources.Type",
    "ResourceId": "Resources.Id",
    "ResourcePartition": "Resources.Partition",
    "ResourceRegion": "Resources.Region",
    "ResourceTags": "Resources.Tags",
    "ComplianceStatus": "Compliance.Status",
    "ComplianceSecurityControlId": "Compliance.SecurityControlId",
    "ComplianceAssociatedStandardsId": "Compliance.AssociatedStandards.StandardsId",
    "WorkflowStatus": "Workflow.Status",
    "NoteText": "Note.Text",
    "NoteUpdatedAt": "Note.UpdatedAt",
    "NoteUpdatedBy": "Note.UpdatedBy",
    "NetworkDirection": "Network.Direction",
    "NetworkProtocol": "Network.Protocol",
    "NetworkSourceIpV4": "Network.SourceIpV4",
    "NetworkSourcePort": "Network.SourcePort",
    "NetworkDestinationIpV4": "Network.DestinationIpV4",
    "NetworkDestinationPort": "Network.DestinationPort",
    "FindingProviderFieldsSeverityLabel": "FindingProviderFields.Severity.Label",
    "FindingProviderFieldsSeverityOriginal": "FindingProviderFields.Severity.Original",
    "FindingProviderFieldsTypes": "FindingProviderFields.Types",
    "VulnerabilitiesExploitAvailable": "Vulnerabilities.ExploitAvailable",
    "VulnerabilitiesFixAvailable": "Vulnerabilities.FixAvailable",
}
#: Those that are.
PLAIN = {
    *("ProductArn", "AwsAccountId", "AwsAccountName", "Id", "GeneratorId", "Region", "FirstObservedAt"),
    *("LastObservedAt", "CreatedAt", "UpdatedAt", "Confidence", "Criticality", "Title", "Description", "SourceUrl"),
    *("ProductFields", "ProductName", "CompanyName", "UserDefinedFields", "VerificationState", "WorkflowState"),
    *("RecordState", "Sample"),
}
_DATES = ("FirstObservedAt", "LastObservedAt", "CreatedAt", "UpdatedAt", "NoteUpdatedAt")
_NUMBERS: Tuple[str, ...] = ("Confidence", "Criticality", "SeverityNormalized", "SeverityProduct", "NetworkSourcePort")
_NUMBERS += ("NetworkDestinationPort",)
_MAPS = ("ProductFields", "UserDefinedFields", "ResourceTags")
_ADDRESSES = ("NetworkSourceIpV4", "NetworkDestinationIpV4")
#: What BatchUpdateFindings sets; ``UpdatedAt`` is not among it.
SETS = ("Confidence", "Criticality", "Types", "UserDefinedFields", "VerificationState", "RelatedFindings")


@answers("securityhub", "GetFindings")
def get_findings(request: Request) -> Dict[str, Any]:
    """At most 100; in a home region with what linked regions have, for an administrator with what members have.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html
    """
    place = _hub(request)
    try:
        found = _matching(place, request.given.get("Filters", {}))
        for order in reversed(request.given.get("SortCriteria", [])):
            path = _path(order["Field"])
            found.sort(key=lambda each: sort_key(each, path), reverse=order.get("SortOrder") == "desc")
    except WrongFilter as wrong:
        raise invalid(request, str(wrong)) from None
    page, token = PAGES.page(request, found, MOST_FINDINGS)
    return {"Findings": page, **token}


def _matching(place: Place, given: Dict[str, Any]) -> List[Dict[str, Any]]:
    if len(given) > MOST_ATTRIBUTES:
        raise WrongFilter(f"Filters has more than {MOST_ATTRIBUTES} attributes")
    for name, filters in given.items():
        if len(filters) > MOST_VALUES:
            raise WrongFilter(f"{name} has more than {MOST_VALUES} values")
        _fits({}, name, filters)  # so that a wrong filter is refused where there is no finding, too
    return [
        finding
        for _, _, finding in STORE.visible(place)
        if all(_fits(finding, name, filters) for name, filters in given.items())
    ]


@answers("securityhub", "BatchImportFindings")
def batch_import_findings(request: Request) -> Dict[str, Any]:
    """Only findings of the caller's account, of 240 KB at most, newer than what is there.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchImportFindings.html
    """
    place = _hub(request)
    failed = []
    for finding in request.given["Findings"]:
        reason = ""
        if finding["AwsAccountId"] != request.account:
            reason = "Account ID of the finding does not match the account of the caller"
        elif len(json.dumps(finding).encode()) > MOST_BYTES:
            reason = "Finding is larger than 240 KB"
        if reason:
            failed.append({"Id": finding["Id"], "ErrorCode": "InvalidInput", "ErrorMessage": reason})
            continue
        there = STORE.find(place, key_of(finding))
        if there is None or times.parse(there[1]["UpdatedAt"]) < times.parse(finding["UpdatedAt"]):
            kept = {
                "Region": request.region,
                "RecordState": "ACTIVE",
                "Workflow": {"Status": "NEW"},
                **(there[1] if there else {}),
                **finding,
            }
            STORE.put(place, key_of(finding), kept)
    count = len(request.given["Findings"]) - len(failed)
    return {"FailedCount": len(failed), "SuccessCount": count, "FailedFindings": failed}


@answers("securityhub", "BatchUpdateFindings")
def batch_update_findings(request: Request) -> Dict[str, Any]:
    """What somebody decided about findings. ``UpdatedAt`` does not move; AWS may take minutes, this takes none.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_BatchUpdateFindings.html
    """
    place = _hub(request)
    asked = request.given["FindingIdentifiers"]
    if len(asked) > MOST_FINDINGS:
        raise invalid(request, f"FindingIdentifiers has more than {MOST_FINDINGS} items")
    processed, unprocessed = [], []
    for identifier in asked:
        found = STORE.find(place, key_of(identifier))
        if found is None:
            text = "Finding Not Found"
            unprocessed.append({"FindingIdentifier": identifier, "ErrorCode": "FindingNotFound", "ErrorMessage": text})
            continue
        changed = STORE.get(found[0], key_of(identifier))
        changed.update({name: request.given[name] for name in SETS if name in request.given})
        if "Note" in request.given:
            changed["Note"] = {**request.given["Note"], "UpdatedAt": times.now()}
        for name in ("Severity", "Workflow"):
            if name in request.given:
                changed[name] = {**changed.get(name, {}), **request.given[name]}
        STORE.put(found[0], key_of(identifier), changed)
        processed.append(identifier)
    return {"ProcessedFindings": processed, "UnprocessedFindings": unprocessed}


@answers("securityhub", "EnableSecurityHub")
def enable_security_hub(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_EnableSecurityHub.html."""
    if Place(SECURITY_HUB, request.account, request.region) in STORE.enabled:
        raise Refused("ResourceConflictException", f"Account {request.account} is already subscribed to Security Hub")
    enable(request.account, request.region)
    return {}


@answers("securityhub", "DescribeHub")
def describe_hub(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeHub.html."""
    arn = STORE.enabled[_hub(request)]
    return {
        "HubArn": arn,
        "SubscribedAt": "2026-01-01T00:00:00.000Z",
        "AutoEnableControls": True,
        "ControlFindingGenerator": "SECURITY_CONTROL",
    }


#: The standards that are on wherever Security Hub CSPM is: name and version in their ARNs.
STANDARDS = (
    ("AWS Foundational Security Best Practices v1.0.0", "aws-foundational-security-best-practices/v/1.0.0"),
    ("CIS AWS Foundations Benchmark v3.0.0", "cis-aws-foundations-benchmark/v/3.0.0"),
    ("PCI DSS v4.0.1", "pci-dss/v/4.0.1"),
)


@answers("securityhub", "GetEnabledStandards")
def get_enabled_standards(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetEnabledStandards.html."""
    _hub(request)
    found = [
        {
            "StandardsSubscriptionArn": f"arn:aws:securityhub:{request.region}:{request.account}:subscription/{name}",
            "StandardsArn": f"arn:aws:securityhub:{request.region}::standards/{name}",
            "StandardsInput": {},
            "StandardsStatus": "READY",
        }
        for _, name in STANDARDS
    ]
    wanted = request.given.get("StandardsSubscriptionArns")
    if wanted:
        found = [each for each in found if each["StandardsSubscriptionArn"] in wanted]
    page, token = PAGES.page(request, found, MOST_FINDINGS)
    return {"StandardsSubscriptions": page, **token}


@answers("securityhub", "DescribeStandards")
def describe_standards(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_DescribeStandards.html."""
    _hub(request)
    found = [
        {
            "StandardsArn": f"arn:aws:securityhub:{request.region}::standards/{name}",
            "Name": title,
            "Description": f"The {title} standard.",
            "EnabledByDefault": number < 1,
            "StandardsManagedBy": {"Company": "AWS", "Product": "Security Hub"},
        }
        for number, (title, name) in enumerate(STANDARDS)
    ]
    page, token = PAGES.page(request, found, MOST_FINDINGS)
    return {"Standards": page, **token}


@answers("securityhub", "ListMembers")
def list_members(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListMembers.html."""
    _hub(request)
    found = [
        {
            "AccountId": member,
            "Email": f"aws+{member}@example.com",
            "MasterId": request.account,
            "AdministratorId": request.account,
            "MemberStatus": "Enabled",
            "InvitedAt": "2026-01-01T00:00:00.000Z",
            "UpdatedAt": "2026-01-01T00:00:00.000Z",
        }
        for member in STORE.members(SECURITY_HUB, request.region, request.account)
    ]
    page, token = PAGES.page(request, found, 50)
    return {"Members": page, **token}


@answers("securityhub", "GetAdministratorAccount")
def get_administrator_account(request: Request) -> Dict[str, Any]:
    """Nothing where nobody administers this account.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetAdministratorAccount.html
    """
    _hub(request)
    who = STORE.administrators.get((SECURITY_HUB, request.region, request.account))
    return {"Administrator": {"AccountId": who, "MemberStatus": "Enabled"}} if who else {}


@answers("securityhub", "ListFindingAggregators")
def list_finding_aggregators(request: Request) -> Dict[str, Any]:
    """The account's aggregator, seen from any region.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_ListFindingAggregators.html
    """
    _hub(request)
    found = STORE.aggregators.get((SECURITY_HUB, request.account))
    page, token = PAGES.page(request, [{"FindingAggregatorArn": found.arn}] if found else [], 100)
    return {"FindingAggregators": page, **token}


@answers("securityhub", "GetFindingAggregator")
def get_finding_aggregator(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingAggregator.html."""
    _hub(request)
    found = STORE.aggregators.get((SECURITY_HUB, request.account))
    if found is None or found.arn != request.given["FindingAggregatorArn"]:
        raise Refused("ResourceNotFoundException", "The finding aggregator was not found")
    return _aggregator(found)


@answers("securityhub", "CreateFindingAggregator")
def create_finding_aggregator(request: Request) -> Dict[str, Any]:
    """The region it is called in becomes the home.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CreateFindingAggregator.html
    """
    _hub(request)
    if request.given["RegionLinkingMode"] != "SPECIFIED_REGIONS":
        raise invalid(request, "RegionLinkingMode: this stand-in links SPECIFIED_REGIONS only")
    if (SECURITY_HUB, request.account) in STORE.aggregators:
        raise invalid(request, "A finding aggregator already exists for this account")
    return _aggregator(aggregate(SECURITY_HUB, request.account, request.region, request.given.get("Regions", [])))


def _aggregator(found: Aggregator) -> Dict[str, Any]:
    return {
        "FindingAggregatorArn": found.arn,
        "FindingAggregationRegion": found.home,
        "RegionLinkingMode": "SPECIFIED_REGIONS",
        "Regions": found.linked,
    }


def aggregate(product: str, account: str, home: str, linked: List[str]) -> Aggregator:
    """Let an account's home region show its linked regions', in one of the two products."""
    kind = "aggregatorv2" if product == SECURITY_HUB_V2 else "finding-aggregator"
    arn = f"arn:aws:securityhub:{home}:{account}:{kind}/{STORE.number():08x}-0000-4000-8000-000000000000"
    found = Aggregator(arn, home, list(linked))
    STORE.aggregators[product, account] = found
    return found


def enable(account: str, region: str) -> str:
    """Let an account have Security Hub CSPM in a region; return the hub's ARN."""
    place = Place(SECURITY_HUB, account, region)
    return STORE.enabled.setdefault(place, f"arn:aws:securityhub:{region}:{account}:hub/default")


def key_of(finding: Dict[str, Any]) -> str:
    """Return what one finding is known by: product and id together."""
    return f"{finding['ProductArn']}\n{finding['Id']}"


def _hub(request: Request) -> Place:
    place = Place(SECURITY_HUB, request.account, request.region)
    if place not in STORE.enabled:
        raise Refused("InvalidAccessException", f"Account {request.account} is not subscribed to AWS Security Hub")
    return place


def _path(field: str) -> str:
    if field in PLAIN:
        return field
    if field in PATHS:
        return PATHS[field]
    if field == "Keyword":
        return ""
    raise WrongFilter(f"this stand-in does not know the field {field}")


def _fits(finding: Dict[str, Any], name: str, filters: List[Dict[str, Any]]) -> bool:
    if name == "Keyword":
        texts = [str(each).lower() for each in leaves(finding)]
        return any(each["Value"].lower() in text for each in filters for text in texts)
    found = list(values(finding, _path(name)))
    if name in _DATES:
        return dates_fit(found, filters)
    if name in _NUMBERS:
        return numbers_fit(found, filters)
    if name in _MAPS:
        return maps_fit(found, filters)
    if name in _ADDRESSES:
        return addresses_fit(found, filters)
    if name == "Sample":
        return booleans_fit(found or [False], filters)
    return texts_fit(found, filters)
