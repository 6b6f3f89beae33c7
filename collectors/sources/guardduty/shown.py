"""Whose findings a list of GuardDuty shows: an administrator's has its members' of the same region.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_accounts.html. Needs ``guardduty:ListMembers``.
"""

from __future__ import annotations

from typing import FrozenSet

from collectors.records.page import Choice
from collectors.records.record import Origin
from collectors.records.shown import Asking, enabled, pages
from collectors.sources.guardduty.api import SERVICE, Lister


def shown(asking: Asking) -> FrozenSet[Origin]:
    """See `collectors.records.shown`."""
    place = asking.place
    detector = Lister(asking.caller, place.region, place.account, Choice()).detector()
    members = pages(
        asking,
        SERVICE,
        place.region,
        "ListMembers",
        "members",
        DetectorId=detector,
        OnlyAssociated="true",
        MaxResults=50,
    )
    return frozenset(Origin(id, place.region) for id in enabled(members, "accountId", "relationshipStatus"))
