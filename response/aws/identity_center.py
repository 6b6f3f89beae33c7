"""What a user of Identity Center is assigned, directly and by its groups.

Called in the account and region where Identity Center is (the organisation's or a delegated administrator's). Needs
``sso:ListInstances``, ``ListAccountAssignmentsForPrincipal``, ``identitystore:GetUserId``, ``DescribeUser``,
``ListGroupMembershipsForMember``.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple

from aws_bridge.accounts.area import EC2, Area
from aws_bridge.errors import CallRejected
from response.core import change as kinds
from response.core.change import THERE, Change
from response.errors import BadTarget

#: https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_DescribeUser.html
_USER_ID = re.compile(r"([0-9a-f]{10}-|)[A-Fa-f0-9]{8}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{4}-[A-Fa-f0-9]{12}")


class CenterUser(NamedTuple):
    """One user of the identity store."""

    instance: str
    store: str
    id: str


def center_user(area: Area, name: str) -> CenterUser:
    """Return the user of a name or id. Raises `BadTarget`, `aws_bridge.errors.CallProblem`."""
    instances = list(area.each("sso-admin", "ListInstances", "Instances", EC2))
    if not instances:
        raise BadTarget(f"Identity Center is not in account {area.account}, region {area.region}: give its place")
    instance, store = instances[0]["InstanceArn"], instances[0]["IdentityStoreId"]
    try:
        if _USER_ID.fullmatch(name):
            found = area.ask("identitystore", "DescribeUser", IdentityStoreId=store, UserId=name)["UserId"]
        else:
            by_name = {"UniqueAttribute": {"AttributePath": "userName", "AttributeValue": name}}
            given = {"IdentityStoreId": store, "AlternateIdentifier": by_name}
            found = area.ask("identitystore", "GetUserId", **given)["UserId"]
    except CallRejected as exc:
        if "ResourceNotFoundException" not in str(exc):
            raise
        raise BadTarget(f"Identity Center has no user {name[:80]!r}") from exc
    return CenterUser(str(instance), str(store), str(found))


def rights(area: Area, user: CenterUser) -> List[Change]:
    """Return what takes away a user's assignments, and its groups that have some. Raises `CallProblem`."""
    found: List[Change] = []
    given = {"InstanceArn": user.instance, "PrincipalId": user.id, "PrincipalType": "USER"}
    name = "ListAccountAssignmentsForPrincipal"
    for each in area.each("sso-admin", name, "AccountAssignments", EC2, **given):
        # Those by a group are listed as well, with the group's id.
        if each.get("PrincipalType", "USER") != "USER":
            continue
        account, permission_set = each["AccountId"], each["PermissionSetArn"]
        with_ = (
            ("instance", user.instance), ("account", account), ("permission_set", permission_set), ("user", user.id),
        )  # fmt: skip
        found.append(Change(kinds.ASSIGNMENT, f"{account}/{permission_set.rsplit('/', 1)[-1]}", THERE, "", with_))
    member: Dict[str, Any] = {"IdentityStoreId": user.store, "MemberId": {"UserId": user.id}}
    for each in area.each("identitystore", "ListGroupMembershipsForMember", "GroupMemberships", EC2, **member):
        of = (("store", user.store), ("group", each["GroupId"]), ("user", user.id))
        found.append(Change(kinds.MEMBERSHIP, each["GroupId"], THERE, "", of))
    return found
