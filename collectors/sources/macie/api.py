"""Macie's list of findings: ids by ListFindings, at most 25 a page, then GetFindings, at most 50 ids a call.

https://docs.aws.amazon.com/macie/latest/APIReference/findings.html: times of a criterion are epoch milliseconds. Needs
``macie2:ListFindings`` and ``macie2:GetFindings``.
"""

from __future__ import annotations

from typing import Any, Dict, List

from aws_bridge.accounts.caller import Caller
from collectors.errors import InvalidRecord
from collectors.records.finding import Finding, objects, text
from collectors.records.page import Choice, Page, Window
from collectors.records.record import Origin
from collectors.sources.macie.source import finding

SERVICE = "macie2"
PAGE = 25


class Lister:
    """The findings of one account and region: see `collectors.records.page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice) -> None:
        self._caller = caller
        self._origin = Origin(account_id, region)
        self._choice = choice

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`."""
        criterion: Dict[str, Any] = {"updatedAt": {"gte": window.start_ms, "lte": window.end_ms}}
        if not self._choice.archived:
            criterion["archived"] = {"eq": ["false"]}
        region = self._origin.region
        listed, as_of_ms = self._caller.wire(
            SERVICE,
            region,
            "ListFindings",
            findingCriteria={"criterion": criterion},
            sortCriteria={"attributeName": "updatedAt", "orderBy": "ASC"},
            maxResults=PAGE,
            **({"nextToken": token} if token else {}),
        )
        ids = [id for id in listed.get("findingIds") or [] if isinstance(id, str)]
        found: Dict[str, Finding] = {}
        bad: List[str] = []
        if ids:
            got, _ = self._caller.wire(SERVICE, region, "GetFindings", findingIds=ids)
            for fields in objects(got.get("findings")):
                try:
                    found[text(fields.get("id"))] = finding(fields, self._origin)
                except InvalidRecord as exc:
                    bad.append(str(exc))
        return Page([found[id] for id in ids if id in found], text(listed.get("nextToken")), as_of_ms, tuple(bad))


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> Lister:
    """Return what lists the findings of a region."""
    return Lister(caller, region, account_id, choice)
