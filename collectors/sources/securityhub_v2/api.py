"""Security Hub's list of findings in OCSF: GetFindingsV2, at most 100 a page.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingsV2.html. Needs ``securityhub:GetFindings``: the
action of a policy has no V2 in its name.
"""

from __future__ import annotations

from typing import Any, Dict, List

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallRejected, ServiceOff
from collectors.records.page import Choice, Page, Window, iso, page_of
from collectors.records.record import Origin
from collectors.sources.securityhub_v2.source import finding

SERVICE = "securityhub"
PAGE = 100
#: Values of one attribute in a filter.
MOST_VALUES = 20
_TIME = "finding_info.modified_time_dt"


class Lister:
    """The findings of one hub, in its home region those of linked regions as well: see `page.Lister`."""

    def __init__(self, caller: Caller, region: str, account_id: str, choice: Choice) -> None:
        self._caller = caller
        self._origin = Origin(account_id, region)
        self._choice = choice

    def page(self, window: Window, token: str) -> Page:
        """See `Lister.page`."""
        dates = {"Start": iso(window.start_ms), "End": iso(window.end_ms)}
        filters: Dict[str, Any] = {"DateFilters": [{"FieldName": _TIME, "Filter": dates}]}
        names: List[Dict[str, Any]] = [
            {"FieldName": "metadata.product.name", "Filter": {"Value": name, "Comparison": "EQUALS"}}
            for name in self._choice.products[:MOST_VALUES]
        ]
        composite = [{**filters, "Operator": "AND"}]
        if names:
            composite.append({"StringFilters": names, "Operator": "OR"})
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


def lister(caller: Caller, region: str, account_id: str, choice: Choice) -> Lister:
    """Return what lists the findings of a region."""
    return Lister(caller, region, account_id, choice)


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
