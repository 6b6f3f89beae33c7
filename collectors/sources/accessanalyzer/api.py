"""Access Analyzer's findings: ListFindingsV2 of each analyzer, then GetFindingV2 of those that are wanted.

There is no choosing by time: the whole list is read, and the details of what was updated within the window.
https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_ListFindingsV2.html. Needs
``access-analyzer:ListAnalyzers``, ``access-analyzer:ListFindings``, ``access-analyzer:GetFinding``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import ServiceOff
from collectors.errors import InvalidRecord
from collectors.records.finding import Finding, inside, objects, text, time_of
from collectors.records.page import Choice, Page, Window
from collectors.records.record import Origin
from collectors.sources.accessanalyzer.findings import FINDINGS
from collectors.sources.accessanalyzer.source import finding

SERVICE = "accessanalyzer"
PAGE = 100
_SEPARATOR = "|"


class Lister:
    """The findings of all analyzers of one account and region: see `collectors.records.page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice) -> None:
        self._caller = caller
        self._origin = Origin(account_id, region)

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`. A token is the number of an analyzer and AWS's own."""
        number, _, inner = token.partition(_SEPARATOR)
        analyzers = self.analyzers()
        index = int(number or 0)
        if index >= len(analyzers):  # one of them is gone since
            return Page([], "", 0, ordered=False)
        given = {"analyzerArn": analyzers[index], "maxResults": PAGE, **({"nextToken": inner} if inner else {})}
        listed, as_of_ms = self._caller.wire(SERVICE, self._origin.region, "ListFindingsV2", **given)
        found: List[Finding] = []
        bad: List[str] = []
        for summary in objects(listed.get("findings")):
            updated = time_of(summary.get("updatedAt"))
            if updated is None or not window.start_ms <= updated.epoch_ms <= window.end_ms:
                continue
            try:
                found.append(finding(self._details(analyzers[index], summary), self._origin))
            except InvalidRecord as exc:
                bad.append(str(exc))
        following = text(listed.get("nextToken"))
        if following:
            following = f"{index}{_SEPARATOR}{following}"
        elif index + 1 < len(analyzers):
            following = f"{index + 1}{_SEPARATOR}"
        return Page(found, following, as_of_ms, tuple(bad), ordered=False)

    def analyzers(self) -> List[str]:
        """Return the ARNs of the analyzers. Raises `ServiceOff` where there is none."""
        answer, _ = self._caller.wire(SERVICE, self._origin.region, "ListAnalyzers")
        found = sorted(text(each.get("arn")) for each in objects(answer.get("analyzers")))
        if not found:
            raise ServiceOff(
                f"{FINDINGS.title} is not switched on in account {self._caller.account!r}, region "
                f"{self._origin.region}: it has no analyzer there. Make one, or take the region off the input's list",
                call="access-analyzer:ListAnalyzers",
            )
        return found

    def _details(self, analyzer: str, summary: Mapping[str, Any]) -> Dict[str, Any]:
        """Return a finding as its event has it: details of access from outside beside the rest."""
        given = {"analyzerArn": analyzer, "id": text(summary.get("id"))}
        details, _ = self._caller.wire(SERVICE, self._origin.region, "GetFindingV2", **given)
        outside = inside(details, "findingDetails", 0, "externalAccessDetails")
        return {
            **details,
            **(outside if isinstance(outside, dict) else {}),
            "analyzerArn": analyzer,
            "accountId": text(details.get("resourceOwnerAccount")),
        }


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> Lister:
    """Return what lists the findings of a region."""
    return Lister(caller, region, account_id, choice)
