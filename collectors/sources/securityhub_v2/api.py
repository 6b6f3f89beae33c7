"""Security Hub's list of findings in OCSF: GetFindingsV2, at most 100 a page.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingsV2.html. Needs ``securityhub:GetFindings``: the
action of a policy has no V2 in its name.
"""

from __future__ import annotations

from typing import Any, Dict, List, Sequence

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallRejected, ServiceOff
from collectors.records import page
from collectors.records.joined_lists import chunks, joined
from collectors.records.page import Choice, Page, Window, iso, page_of
from collectors.records.record import Origin
from collectors.sources.hub_products import names_of
from collectors.sources.securityhub_v2.source import finding

SERVICE = "securityhub"
PAGE = 100
#: Values of one attribute in a filter.
MOST_VALUES = 20
_TIME = "finding_info.modified_time_dt"


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
        dates = {"Start": iso(window.start_ms), "End": iso(window.end_ms)}
        filters: Dict[str, Any] = {"DateFilters": [{"FieldName": _TIME, "Filter": dates}]}
        composite = [{**filters, "Operator": "AND"}]
        if self._names:
            composite.append({"StringFilters": _products(self._names, "EQUALS"), "Operator": "OR"})
        elif self._choice.left_out:
            # Those that find no room here come, and are left out by `collectors.polling.wanted`.
            left_out = names_of(self._choice.left_out)[:MOST_VALUES]
            composite.append({"StringFilters": _products(left_out, "NOT_EQUALS"), "Operator": "AND"})
        answer, as_of_ms = self._caller.wire(
            SERVICE,
            self._origin.region,
            "GetFindingsV2",
            Filters={"CompositeFilters": composite, "CompositeOperator": "AND"},
            SortCriteria=[{"Field": _TIME, "SortOrder": "asc"}],
            MaxResults=PAGE,
            **({"NextToken": token} if token else {}),
        )
        return page_of(answer, as_of_ms, finding, self._origin)


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> page.Lister:
    """Return what lists the findings of a region: as many lists as the names of chosen products need."""
    parts = chunks(names_of(choice.products), MOST_VALUES)
    return joined([Lister(caller, region, account_id, choice, part) for part in parts])


def _products(names: Sequence[str], comparison: str) -> List[Dict[str, Any]]:
    return [
        {"FieldName": "metadata.product.name", "Filter": {"Value": name, "Comparison": comparison}} for name in names
    ]


def is_on(caller: Caller, region: str) -> bool:
    """Return whether this Security Hub is on. Needs ``securityhub:DescribeSecurityHubV2``; raises `CallProblem`."""
    try:
        caller.wire(SERVICE, region, "DescribeSecurityHubV2")
    except ServiceOff:
        return False
    except CallRejected as exc:
        if exc.code != "ResourceNotFoundException":
            raise
        return False
    return True
