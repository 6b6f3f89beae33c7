"""Says in GuardDuty or Security Hub that a finding is dealt with, and reads it back.

Needs, of GuardDuty, ``guardduty:ListDetectors``, ``GetFindings``, ``ArchiveFindings``; of Security Hub
``securityhub:GetFindings`` and ``BatchUpdateFindings``; of the newer one ``GetFindingsV2``, ``BatchUpdateFindingsV2``.
"""

from __future__ import annotations

from typing import Any, Dict

from aws_bridge.accounts.area import Area
from response.core.findings import GUARDDUTY, SECURITY_HUB, STATES, Finding, note_of
from response.errors import BadTarget

ARCHIVED, OPEN = "ARCHIVED", "OPEN"


class FindingStates:
    """Findings of one account and region: those of an administrator, of its members too."""

    def __init__(self, area: Area) -> None:
        self._area = area
        self._detector = ""

    def read(self, finding: Finding) -> str:
        """Return ``ARCHIVED`` or ``OPEN`` of GuardDuty, the workflow's or OCSF's state of the others.

        Raises `BadTarget` where there is no such finding, `aws_bridge.errors.CallProblem`.
        """
        if finding.product == GUARDDUTY:
            given = {"DetectorId": self._detector_id(), "FindingIds": [finding.id]}
            found = self._area.ask("guardduty", "GetFindings", **given)["Findings"]
            if found:
                return ARCHIVED if (found[0].get("Service") or {}).get("Archived") else OPEN
        elif finding.product == SECURITY_HUB:
            filters = {
                name: [{"Value": value, "Comparison": "EQUALS"}]
                for name, value in (("Id", finding.id), ("ProductArn", finding.product_arn))
            }
            found = self._area.ask("securityhub", "GetFindings", Filters=filters)["Findings"]
            if found:
                return str((found[0].get("Workflow") or {}).get("Status") or "NEW")
        else:
            by_uid = {"FieldName": "metadata.uid", "Filter": {"Value": finding.id, "Comparison": "EQUALS"}}
            filters_: Dict[str, Any] = {"CompositeFilters": [{"StringFilters": [by_uid]}]}
            found = self._area.ask("securityhub", "GetFindingsV2", Filters=filters_)["Findings"]
            if found:
                numbers = {number: name for name, number in STATES.items()}
                return numbers.get(int(found[0].get("status_id") or 0), str(found[0].get("status") or "NEW"))
        raise BadTarget(f"there is no finding {finding.id[:120]} of {finding.product} in this account and region")

    def set(self, finding: Finding, incident: str, state: str) -> str:
        """Set a finding's state, with a note of the incident; return why it was not taken, or nothing.

        GuardDuty has no note and no state but archived. Raises `aws_bridge.errors.CallProblem`.
        """
        text, by = note_of(incident, state)
        if finding.product == GUARDDUTY:
            self._area.ask("guardduty", "ArchiveFindings", DetectorId=self._detector_id(), FindingIds=[finding.id])
            return ""
        if finding.product == SECURITY_HUB:
            answer = self._area.ask(
                "securityhub", "BatchUpdateFindings", Workflow={"Status": state},
                FindingIdentifiers=[{"Id": finding.id, "ProductArn": finding.product_arn}],
                Note={"Text": text, "UpdatedBy": by},
            )  # fmt: skip
        else:
            answer = self._area.ask(
                "securityhub", "BatchUpdateFindingsV2", MetadataUids=[finding.id], StatusId=STATES[state], Comment=text
            )
        unprocessed = answer.get("UnprocessedFindings") or ()
        return "; ".join(f"{each.get('ErrorCode')}: {each.get('ErrorMessage')}" for each in unprocessed)

    def _detector_id(self) -> str:
        if not self._detector:
            found = self._area.ask("guardduty", "ListDetectors").get("DetectorIds") or ()
            if not found:
                raise BadTarget(f"GuardDuty is not on in account {self._area.account}, region {self._area.region}")
            self._detector = str(found[0])
        return self._detector
