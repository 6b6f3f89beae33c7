"""Whose findings a list of Security Hub (OCSF) shows: the delegated administrator's has the whole organisation's, an
aggregation region's those of linked regions.

https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetFindingsV2.html: whoever is not the delegated
administrator is refused ``Scopes``, and sees his own findings only. That is how it is found out: there is no list of
members. Needs ``securityhub:GetFindings``, ``securityhub:ListAggregatorsV2``, ``securityhub:GetAggregatorV2``, and
``organizations:DescribeOrganization`` where the accounts are not those that AWS lists of one organisation.
"""

from __future__ import annotations

from typing import FrozenSet, List

from aws_bridge.errors import Denied
from collectors.records.finding import text
from collectors.records.record import Origin
from collectors.records.shown import Asking, linked, pages
from collectors.sources.securityhub_v2.api import SERVICE

BY_ORGANISATION = True


def shown(asking: Asking) -> FrozenSet[Origin]:
    """See `collectors.records.shown`."""
    account, home = asking.place
    regions = [home, *_linked_regions(asking)]
    accounts = [account, *asking.accounts] if _is_administrator(asking) else [account]
    return frozenset(Origin(one, region) for one in accounts for region in regions) - {asking.place}


def _is_administrator(asking: Asking) -> bool:
    if not asking.organisation_id or len(asking.accounts) < 2:
        return False
    scopes = {"AwsOrganizations": [{"OrganizationId": asking.organisation_id}]}
    try:
        asking.caller.wire(SERVICE, asking.place.region, "GetFindingsV2", Scopes=scopes, MaxResults=1)
    except Denied:
        return False
    return True


def _linked_regions(asking: Asking) -> List[str]:
    home = asking.place.region
    for each in pages(asking, SERVICE, home, "ListAggregatorsV2", "AggregatorsV2"):
        arn = text(each.get("AggregatorV2Arn"))
        answer = asking.caller.wire(SERVICE, home, "GetAggregatorV2", AggregatorV2Arn=arn).body
        if answer.get("AggregationRegion") == home:
            return linked(
                text(answer.get("RegionLinkingMode")), answer.get("LinkedRegions") or [], home, asking.regions
            )
    return []
