"""Security Hub CSPM's list of findings: GetFindings, at most 100 a page, 3 calls a second.

A date needs both ends, and the end may not move between pages: AWS refuses the one, and invalidates the token after the
other. https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindings.html. Needs ``securityhub:GetFindings``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import ServiceOff
from collectors.records import page
from collectors.records.joined_lists import chunks, joined
from collectors.records.page import Choice, Page, Window, iso, page_of
from collectors.records.record import Origin
from collectors.sources.hub_products import names_of
from collectors.sources.securityhub.source import finding

SERVICE = "securityhub"
PAGE = 100
#: Values of one attribute in a filter.
MOST_VALUES = 20


class Lister:
    """The findings of one hub, in its home region those of linked regions as well: see `page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice, names: Sequence[str] = ()) -> None:
        """``names``: of products, at most `MOST_VALUES`; all if there are none."""
        self._caller = caller
        self._origin = Origin(account_id, region)
        self._choice = choice
        self._names = names

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`."""
        filters: Dict[str, List[Dict[str, Any]]] = {
            "UpdatedAt": [{"Start": iso(window.start_ms), "End": iso(window.end_ms)}]
        }
        if self._names:
            filters["ProductName"] = [{"Value": name, "Comparison": "EQUALS"} for name in self._names]
        elif self._choice.left_out:
            # Those that find no room here come, and are left out by `collectors.polling.wanted`.
            left_out = names_of(self._choice.left_out)[:MOST_VALUES]
            filters["ProductName"] = [{"Value": name, "Comparison": "NOT_EQUALS"} for name in left_out]
        if self._choice.only_active or not self._choice.archived:
            filters["RecordState"] = [{"Value": "ACTIVE", "Comparison": "EQUALS"}]
        answer, as_of_ms = self._caller.wire(
            SERVICE,
            self._origin.region,
            "GetFindings",
            Filters=filters,
            SortCriteria=[{"Field": "UpdatedAt", "SortOrder": "asc"}],
            MaxResults=PAGE,
            **({"NextToken": token} if token else {}),
        )
        return page_of(answer, as_of_ms, finding, self._origin)


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> page.Lister:
    """Return what lists the findings of a region: as many lists as the names of chosen products need."""
    parts = chunks(names_of(choice.products), MOST_VALUES)
    return joined([Lister(caller, region, account_id, choice, part) for part in parts])


def is_on(caller: Caller, region: str) -> bool:
    """Return whether this Security Hub is on. Needs ``securityhub:DescribeHub``; raises `CallProblem`."""
    try:
        caller.wire(SERVICE, region, "DescribeHub")
    except ServiceOff:
        return False
    return True
