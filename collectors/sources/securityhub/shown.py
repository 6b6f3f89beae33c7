"""Whose findings a list of Security Hub CSPM shows: an administrator's has its members', an aggregation region's those
of linked regions, and for an administrator its members' of each.

https://docs.aws.amazon.com/securityhub/latest/userguide/finding-aggregation.html: a linked region has what was found
there, also of members, if the account administers them in that region. Needs ``securityhub:ListMembers``,
``securityhub:ListFindingAggregators``, ``securityhub:GetFindingAggregator``.
"""

from __future__ import annotations

from typing import FrozenSet, List, Set

from aws_bridge.errors import CallProblem
from collectors.records.finding import text
from collectors.records.record import Origin
from collectors.records.shown import Asking, enabled, linked, pages
from collectors.sources.securityhub.api import SERVICE


def shown(asking: Asking) -> FrozenSet[Origin]:
    """See `collectors.records.shown`."""
    account, home = asking.place
    found: Set[Origin] = set()
    for region in [home, *_linked_regions(asking)]:
        if region != home:
            found.add(Origin(account, region))
        try:
            members = pages(asking, SERVICE, region, "ListMembers", "Members", OnlyAssociated=True, MaxResults=50)
            found.update(Origin(id, region) for id in enabled(members, "AccountId", "MemberStatus"))
        except CallProblem:
            if region == home:
                raise
            # Off or denied there: nobody's findings of that region are taken for shown here.
            found.discard(Origin(account, region))
    return frozenset(found)


def _linked_regions(asking: Asking) -> List[str]:
    home = asking.place.region
    for each in pages(asking, SERVICE, home, "ListFindingAggregators", "FindingAggregators"):
        arn = text(each.get("FindingAggregatorArn"))
        answer = asking.caller.wire(SERVICE, home, "GetFindingAggregator", FindingAggregatorArn=arn).body
        if answer.get("FindingAggregationRegion") == home:
            return linked(text(answer.get("RegionLinkingMode")), answer.get("Regions") or [], home, asking.regions)
    return []
