"""GuardDuty's list of findings: ids by ListFindings, at most 50 a page, then GetFindings, at most 50 ids a call.

https://docs.aws.amazon.com/guardduty/latest/APIReference/API_ListFindings.html. ``updatedAt`` in a criterion is epoch
milliseconds. Needs ``guardduty:ListDetectors``, ``guardduty:ListFindings``, ``guardduty:GetFindings``.
"""

from __future__ import annotations

from typing import Any, Dict, List

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import ServiceOff
from collectors.errors import InvalidRecord
from collectors.records.finding import Finding, objects, text
from collectors.records.page import Choice, Page, Window
from collectors.records.record import Origin
from collectors.sources.guardduty.findings import FINDINGS
from collectors.sources.guardduty.source import finding

SERVICE = "guardduty"
PAGE = 50


class Lister:
    """The findings of one detector: see `collectors.records.page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice) -> None:
        self._caller = caller
        self._origin = Origin(account_id, region)
        self._choice = choice
        self._detector = ""

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`."""
        criterion: Dict[str, Any] = {
            "updatedAt": {"GreaterThanOrEqual": window.start_ms, "LessThanOrEqual": window.end_ms}
        }
        if self._choice.least_severity > 0:
            criterion["severity"] = {"GreaterThanOrEqual": int(self._choice.least_severity)}
        if not self._choice.archived:
            criterion["service.archived"] = {"Equals": ["false"]}
        listed, as_of_ms = self._call(
            "ListFindings",
            FindingCriteria={"Criterion": criterion},
            SortCriteria={"AttributeName": "updatedAt", "OrderBy": "ASC"},
            MaxResults=PAGE,
            **({"NextToken": token} if token else {}),
        )
        ids = [id for id in listed.get("findingIds") or [] if isinstance(id, str)]
        found: Dict[str, Finding] = {}
        bad: List[str] = []
        for start in range(0, len(ids), PAGE):
            got, _ = self._call("GetFindings", FindingIds=ids[start : start + PAGE])
            for fields in objects(got.get("findings")):
                try:
                    found[text(fields.get("id"))] = finding(fields, self._origin)
                except InvalidRecord as exc:
                    bad.append(str(exc))
        return Page([found[id] for id in ids if id in found], text(listed.get("nextToken")), as_of_ms, tuple(bad))

    def _call(self, operation: str, **parameters: Any) -> Any:
        return self._caller.wire(SERVICE, self._origin.region, operation, DetectorId=self.detector(), **parameters)

    def detector(self) -> str:
        """Return the region's detector: there is one at most. Raises `ServiceOff` where there is none."""
        self._detector = self._detector or self._find_detector()
        return self._detector

    def _find_detector(self) -> str:
        answer, _ = self._caller.wire(SERVICE, self._origin.region, "ListDetectors")
        for id in answer.get("detectorIds") or []:
            return str(id)
        raise ServiceOff(
            f"{FINDINGS.title} is not switched on in account {self._caller.account!r}, region {self._origin.region}: "
            "it has no detector there. Switch it on, or take the region off the input's list",
            call="guardduty:ListDetectors",
        )


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> Lister:
    """Return what lists the findings of a region."""
    return Lister(caller, region, account_id, choice)
