"""Whose findings a list of Macie shows: an administrator's has its members' of the same region.

https://docs.aws.amazon.com/macie/latest/user/macie-accounts.html. Needs ``macie2:GetAdministratorAccount`` and
``macie2:ListMembers``.
"""

from __future__ import annotations

from typing import FrozenSet

from collectors.records.finding import inside
from collectors.records.record import Origin
from collectors.records.shown import Asking, enabled, pages
from collectors.sources.macie.api import SERVICE


def shown(asking: Asking) -> FrozenSet[Origin]:
    """See `collectors.records.shown`."""
    account, region = asking.place
    answer = asking.caller.wire(SERVICE, region, "GetAdministratorAccount").body
    if inside(answer, "administrator", "accountId") not in (None, "", account):
        return frozenset()  # a member administers nobody
    members = pages(asking, SERVICE, region, "ListMembers", "members", onlyAssociated="true", maxResults=25)
    return frozenset(Origin(id, region) for id in enabled(members, "accountId", "relationshipStatus"))
