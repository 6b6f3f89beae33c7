"""Inspector's list of findings: ListFindings, whole findings, at most 100 a page.

It can be chosen by the time of the update, in whole seconds, but not sorted by it.
https://docs.aws.amazon.com/inspector/v2/APIReference/API_ListFindings.html. Needs ``inspector2:ListFindings``.
"""

from __future__ import annotations

from typing import List

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import Denied, ServiceOff
from collectors.errors import InvalidRecord
from collectors.records.finding import Finding, inside, objects, text
from collectors.records.page import Choice, Page, Window
from collectors.records.record import Origin
from collectors.sources.inspector.findings import FINDINGS
from collectors.sources.inspector.source import finding

SERVICE = "inspector2"
PAGE = 100


class Lister:
    """The findings of one account and region: see `collectors.records.page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice) -> None:
        self._caller = caller
        self._origin = Origin(account_id, region)

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`."""
        seconds = {"startInclusive": window.start_ms // 1000, "endInclusive": window.end_ms // 1000 + 1}
        try:
            answer, as_of_ms = self._caller.wire(
                SERVICE,
                self._origin.region,
                "ListFindings",
                filterCriteria={"updatedAt": [seconds]},
                maxResults=PAGE,
                **({"nextToken": token} if token else {}),
            )
        except Denied as exc:
            self.check_is_on()
            raise exc
        found: List[Finding] = []
        bad: List[str] = []
        for fields in objects(answer.get("findings")):
            try:
                found.append(finding(fields, self._origin))
            except InvalidRecord as exc:
                bad.append(str(exc))
        return Page(found, text(answer.get("nextToken")), as_of_ms, tuple(bad), ordered=False)

    def check_is_on(self) -> None:
        """Raise `ServiceOff` where Inspector says so of itself: a refusal need not tell "off" from "not allowed".

        Needs ``inspector2:BatchGetAccountStatus``; without it nothing is known, and nothing raised.
        """
        region = self._origin.region
        try:
            answer, _ = self._caller.wire(SERVICE, region, "BatchGetAccountStatus")
        except Denied:
            return
        if inside(answer, "accounts", 0, "state", "status") in ("DISABLED", "DISABLING"):
            raise ServiceOff(
                f"{FINDINGS.title} is not switched on in account {self._caller.account!r}, region {region}. Switch it "
                "on, or take the region off the input's list",
                call="inspector2:BatchGetAccountStatus",
            )


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> Lister:
    """Return what lists the findings of a region."""
    return Lister(caller, region, account_id, choice)
