"""GuardDuty's findings. Detectors are moto's, but for a second one in a region.

https://docs.aws.amazon.com/guardduty/latest/APIReference/Welcome.html
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List

from lab.aws.services import examples, times
from lab.aws.services.contract import INVALID, Refused, Request, answers
from lab.aws.services.pages import PAGES
from lab.aws.services.paths import sort_key, values
from lab.aws.services.store import GUARDDUTY, STORE, Place

INVALID["guardduty"] = (
    "BadRequestException",
    "The request is rejected because an invalid or out-of-range value is specified as an input parameter. {}",
)
MOST_IDS = 50
#: Attributes that findings can be chosen by, as ListFindings lists them; severity and times are numbers.
ATTRIBUTES = re.compile(
    r"accountId|region|confidence|id|type|severity|updatedAt|resource\.(accessKeyDetails|instanceDetails|resourceType)"
    r"(\.\w+)*|service\.(action|additionalInfo|archived|ebsVolumeScanDetails|resourceRole)(\.\w+)*"
)
MOST_VALUES, MOST_PATTERNS = 50, 5
#: Old name -> its new one.
OLD_NAMES = {
    "eq": "equals",
    "neq": "notEquals",
    "gt": "greaterThan",
    "gte": "greaterThanOrEqual",
    "lt": "lessThan",
    "lte": "lessThanOrEqual",
}
_NUMERIC: Dict[str, Callable[[float, float], bool]] = {
    "greaterThan": lambda value, bound: value > bound,
    "greaterThanOrEqual": lambda value, bound: value >= bound,
    "lessThan": lambda value, bound: value < bound,
    "lessThanOrEqual": lambda value, bound: value <= bound,
}


@answers("guardduty", "ListFindings")
def list_findings(request: Request) -> Dict[str, Any]:
    """Ids only, at most 50; at the end the token is empty.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html
    """
    place = _detector(request)
    criteria = request.given.get("FindingCriteria", {}).get("criterion") or {}
    _check(criteria)
    found = [finding for _, _, finding in STORE.visible(place) if _fits(finding, criteria)]
    found = _sorted(found, request.given.get("SortCriteria"))
    page, token = PAGES.page(request, [finding["id"] for finding in found], MOST_IDS, end="")
    return {"findingIds": page, **token}


@answers("guardduty", "GetFindings")
def get_findings(request: Request) -> Dict[str, Any]:
    """At most 50 of them; an id that is not there is left out.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetFindings.html
    """
    place = _detector(request)
    found = [STORE.find(place, finding_id) for finding_id in request.given["FindingIds"]]
    findings = [each[1] for each in found if each]
    return {"findings": _sorted(findings, request.given.get("SortCriteria"))}


@answers("guardduty", "ArchiveFindings", "UnarchiveFindings")
def archive_findings(request: Request) -> Dict[str, Any]:
    """Only ``service.archived`` changes; that ``updatedAt`` stays is assumed. A member may not archive.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ArchiveFindings.html
    """
    place = _detector(request)
    if (GUARDDUTY, place.region, place.account) in STORE.administrators:
        raise _bad("The request is rejected because the current account cannot archive findings as a member.")
    for finding_id in request.given["FindingIds"]:
        found = STORE.find(place, finding_id)
        if found is None:
            raise _bad("The request is rejected because one or more finding IDs do not exist.")
        changed = STORE.get(found[0], finding_id)
        changed["service"]["archived"] = request.operation == "ArchiveFindings"
        STORE.put(found[0], finding_id, changed)
    return {}


@answers("guardduty", "CreateSampleFindings")
def create_sample_findings(request: Request) -> Dict[str, Any]:
    """Samples of the types asked for, or one of each that this stand-in has; marked in title and additionalInfo.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateSampleFindings.html
    """
    place = _detector(request)
    for kind in request.given.get("FindingTypes") or examples.GUARDDUTY_TYPES:
        finding = examples.guardduty(place, STORE.number(), times.now())
        finding.update(type=kind, title=f"[SAMPLE] {finding['title']}")
        finding["service"]["additionalInfo"] = {"value": '{"sample":true}', "type": "default"}
        STORE.put(place, finding["id"], finding)
    return {}


@answers("guardduty", "ListMembers")
def list_members(request: Request) -> Dict[str, Any]:
    """Whom this account administers in this region.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListMembers.html
    """
    place = _detector(request)
    members = [
        {
            "accountId": member,
            "detectorId": STORE.enabled.get(Place(GUARDDUTY, member, place.region), ""),
            "masterId": place.account,
            "administratorId": place.account,
            "email": f"aws+{member}@example.com",
            "relationshipStatus": "Enabled",
            "updatedAt": "2026-01-01T00:00:00.000Z",
        }
        for member in STORE.members(GUARDDUTY, place.region, place.account)
    ]
    for member in members:
        if not member["detectorId"]:
            del member["detectorId"]
    page, token = PAGES.page(request, members, MOST_IDS, end="")
    return {"members": page, **token}


@answers("guardduty", "GetAdministratorAccount")
def get_administrator_account(request: Request) -> Dict[str, Any]:
    """Who administers this account here; an empty object where nobody does.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_GetAdministratorAccount.html
    """
    place = _detector(request)
    who = STORE.administrators.get((GUARDDUTY, place.region, place.account))
    return {"administrator": {"accountId": who, "relationshipStatus": "Enabled"} if who else {}}


@answers("guardduty", "ListDetectors")
def list_detectors(request: Request) -> Dict[str, Any]:
    """The one detector of this region, or none.

    https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListDetectors.html
    """
    page, token = PAGES.page(request, _detectors(request), MOST_IDS, end="")
    return {"detectorIds": page, **token}


def enable(account: str, region: str, detector_id: str = "") -> str:
    """Let an account have a detector in a region, if need be with this id; return its id."""
    from moto.guardduty.models import guardduty_backends

    backend = guardduty_backends[account][region]
    if not backend.detectors:
        made = backend.create_detector(True, "FIFTEEN_MINUTES", {}, {}, [])
        if detector_id:
            detector = backend.detectors.pop(made)
            detector.id = detector_id
            backend.detectors[detector_id] = detector
    found = next(iter(backend.detectors))
    STORE.enabled[Place(GUARDDUTY, account, region)] = found
    return found


def install() -> None:
    """Refuse a second detector, which moto accepts."""
    from moto.core.exceptions import JsonRESTError
    from moto.guardduty.models import GuardDutyBackend

    create = GuardDutyBackend.create_detector

    def create_detector(self: Any, *args: Any, **kwargs: Any) -> str:
        """https://docs.aws.amazon.com/guardduty/latest/APIReference/API_CreateDetector.html."""
        if self.detectors:
            raise JsonRESTError(
                "BadRequestException",
                "The request is rejected because a detector already exists for the current account.",
            )
        made = create(self, *args, **kwargs)
        STORE.enabled[Place(GUARDDUTY, self.account_id, self.region_name)] = made
        return made

    GuardDutyBackend.create_detector = create_detector


def _detectors(request: Request) -> List[str]:
    from moto.guardduty.models import guardduty_backends

    return list(guardduty_backends[request.account][request.region].detectors)


def _detector(request: Request) -> Place:
    if request.given["DetectorId"] not in _detectors(request):
        raise _bad("The request is rejected because the input detectorId is not owned by the current account.")
    return Place(GUARDDUTY, request.account, request.region)


def _bad(text: str) -> Refused:
    return Refused("BadRequestException", text)


def _check(criteria: Dict[str, Dict[str, Any]]) -> None:
    for attribute, condition in criteria.items():
        if not ATTRIBUTES.fullmatch(attribute):
            raise _bad(f"The request is rejected because the criterion {attribute} is not supported.")
        for name, wanted in condition.items():
            name = OLD_NAMES.get(name, name)
            most = MOST_PATTERNS if name in ("matches", "notMatches") else MOST_VALUES
            if isinstance(wanted, list) and len(wanted) > most:
                raise _bad(f"The request is rejected because {attribute} has more than {most} values.")


def _fits(finding: Dict[str, Any], criteria: Dict[str, Dict[str, Any]]) -> bool:
    return all(
        _holds(OLD_NAMES.get(name, name), list(values(finding, attribute)), wanted, attribute)
        for attribute, condition in criteria.items()
        for name, wanted in condition.items()
    )


def _holds(name: str, found: List[Any], wanted: Any, attribute: str) -> bool:
    if name in _NUMERIC:
        numbers = [times.epoch_ms(each) if attribute == "updatedAt" else each for each in found]
        return any(_NUMERIC[name](number, wanted) for number in numbers)
    texts = [_text(each) for each in found]
    if name in ("equals", "notEquals"):
        return any(text in wanted for text in texts) is (name == "equals")
    patterns = [re.escape(each).replace(r"\*", ".*").replace(r"\?", ".") for each in wanted]
    hit = any(re.fullmatch(pattern, text) for pattern in patterns for text in texts)
    return hit is (name == "matches")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _sorted(findings: List[Dict[str, Any]], order: Any) -> List[Dict[str, Any]]:
    if not order or not order.get("attributeName"):
        return list(findings)
    attribute = order["attributeName"]
    return sorted(findings, key=lambda each: sort_key(each, attribute), reverse=order.get("orderBy") == "DESC")
