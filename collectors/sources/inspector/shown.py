"""Whose findings a list of Inspector shows: the delegated administrator's has its members' of the same region.

https://docs.aws.amazon.com/inspector/latest/user/managing-multiple-accounts.html. Needs
``inspector2:GetDelegatedAdminAccount`` and ``inspector2:ListMembers``.
"""

from __future__ import annotations

from typing import FrozenSet

from aws_bridge.errors import CallRejected
from collectors.records.finding import inside
from collectors.records.page import Choice
from collectors.records.record import Origin
from collectors.records.shown import Asking, enabled, pages
from collectors.sources.inspector.api import SERVICE, Lister


def shown(asking: Asking) -> FrozenSet[Origin]:
    """See `collectors.records.shown`."""
    account, region = asking.place
    Lister(asking.caller, region, account, Choice()).check_is_on()
    try:
        answer = asking.caller.wire(SERVICE, region, "GetDelegatedAdminAccount").body
    except CallRejected as exc:
        if exc.code != "ResourceNotFoundException":
            raise
        return frozenset()
    if inside(answer, "delegatedAdmin", "accountId") != account:
        return frozenset()
    members = pages(asking, SERVICE, region, "ListMembers", "members", onlyAssociated=True, maxResults=50)
    return frozenset(Origin(id, region) for id in enabled(members, "accountId", "relationshipStatus"))
