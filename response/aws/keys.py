"""Access keys of users, and whether a principal is there.

Needs ``iam:ListAccessKeys``, ``GetAccessKeyLastUsed``, ``GetUser``, ``GetRole``.
"""

from __future__ import annotations

from typing import List

from aws_bridge.accounts.area import IAM, Area
from aws_bridge.errors import CallRejected
from response.core import change as kinds
from response.core.change import Change
from response.core.principal import USER, Principal
from response.errors import BadTarget


def active_keys(area: Area, principal: Principal) -> List[Change]:
    """Return what switches a user's active keys off, or the one that is named. Raises `CallProblem`."""
    found = []
    for each in area.each("iam", "ListAccessKeys", "AccessKeyMetadata", IAM, UserName=principal.name):
        meant = not principal.access_key.startswith("AKIA") or each["AccessKeyId"] == principal.access_key
        if meant and each["Status"] == "Active":
            with_ = (("user", principal.name),)
            found.append(Change(kinds.KEY, each["AccessKeyId"], "Active", "Inactive", with_))
    return found


def user_of_key(area: Area, access_key: str) -> str:
    """Return whose a key is. Raises `BadTarget` for one that is not of this account."""
    try:
        # AWS refuses a key of another account, so the answer is a user of this one.
        found = area.ask("iam", "GetAccessKeyLastUsed", AccessKeyId=access_key).get("UserName")
    except CallRejected as exc:
        raise BadTarget(f"whose the access key {access_key} is AWS does not say: {exc}") from exc
    if not found:
        raise BadTarget(f"the access key {access_key} belongs to no user of account {area.account}")
    return str(found)


def is_gone(area: Area, principal: Principal) -> bool:
    """Whether there is no such user or role."""
    what = "User" if principal.kind == USER else "Role"
    try:
        area.ask("iam", f"Get{what}", **{f"{what}Name": principal.name})
        return False
    except CallRejected as exc:
        if "NoSuchEntity" not in str(exc):
            raise
        return True
