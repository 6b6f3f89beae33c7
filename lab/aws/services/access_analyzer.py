"""IAM Access Analyzer's findings: of an analyzer of one type, in one region.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import fnmatch
from typing import Any, Dict

from lab.aws.services.contract import INVALID, Refused, Request, answers
from lab.aws.services.pages import PAGES
from lab.aws.services.paths import sort_key
from lab.aws.services.store import ACCESS_ANALYZER, STORE, Place

INVALID["accessanalyzer"] = ("ValidationException", "{}")
MOST_FINDINGS = 100
#: What a list says of a finding; the rest is GetFindingV2's.
SUMMARY = (
    *("analyzedAt", "createdAt", "error", "id", "resource", "resourceType", "resourceOwnerAccount", "status"),
    *("updatedAt", "findingType"),
)


@answers("accessanalyzer", "ListAnalyzers")
def list_analyzers(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListAnalyzers.html."""
    arn = STORE.enabled.get(Place(ACCESS_ANALYZER, request.account, request.region))
    found = []
    if arn and request.given.get("type", "ACCOUNT") == "ACCOUNT":
        found.append(
            {
                "arn": arn,
                "name": arn.rpartition("/")[2],
                "type": "ACCOUNT",
                "createdAt": "2026-01-01T00:00:00Z",
                "status": "ACTIVE",
            }
        )
    page, token = PAGES.page(request, found, 100)
    return {"analyzers": page, **token}


@answers("accessanalyzer", "ListFindingsV2")
def list_findings_v2(request: Request) -> Dict[str, Any]:
    """Summaries. A filter has no range of times.

    https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindingsV2.html
    """
    place = _analyzer(request)
    chosen = request.given.get("filter", {})
    found = [
        {name: finding[name] for name in SUMMARY if name in finding}
        for _, _, finding in STORE.visible(place)
        if all(_fits(finding.get(name), criterion) for name, criterion in chosen.items())
    ]
    order = request.given.get("sort")
    if order and order.get("attributeName"):
        name = order["attributeName"]
        found.sort(key=lambda each: sort_key(each, name), reverse=order.get("orderBy") == "DESC")
    page, token = PAGES.page(request, found, MOST_FINDINGS)
    return {"findings": page, **token}


@answers("accessanalyzer", "GetFindingV2")
def get_finding_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_GetFindingV2.html."""
    found = STORE.find(_analyzer(request), request.given["id"])
    if found is None:
        raise Refused("ResourceNotFoundException", f"Finding {request.given['id']} does not exist")
    return {"findingDetails": [], **found[1]}


def enable(account: str, region: str) -> str:
    """Let an account have an analyzer of external access in a region; return its ARN."""
    place = Place(ACCESS_ANALYZER, account, region)
    return STORE.enabled.setdefault(place, f"arn:aws:access-analyzer:{region}:{account}:analyzer/external")


def _analyzer(request: Request) -> Place:
    place = Place(ACCESS_ANALYZER, request.account, request.region)
    if STORE.enabled.get(place) != request.given["analyzerArn"]:
        raise Refused("ResourceNotFoundException", f"Analyzer {request.given['analyzerArn']} does not exist")
    return place


def _fits(value: Any, criterion: Dict[str, Any]) -> bool:
    if "exists" in criterion and (value is not None) is not criterion["exists"]:
        return False
    text = str(value)
    if "eq" in criterion and text not in criterion["eq"]:
        return False
    if "contains" in criterion and not any(fnmatch.fnmatchcase(text, f"*{each}*") for each in criterion["contains"]):
        return False
    return text not in criterion.get("neq", [])
