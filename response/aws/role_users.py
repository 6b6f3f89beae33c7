"""Who else uses a role: what a denial on it would stop, as far as it can be listed.

Needs ``iam:GetRole``, ``ListInstanceProfilesForRole``, ``ec2:DescribeIamInstanceProfileAssociations``,
``DescribeRegions``, ``lambda:ListFunctions``.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Tuple
from urllib.parse import unquote

from aws_bridge.accounts.area import EC2, IAM, MARKER, Area
from aws_bridge.errors import CallProblem, CallRejected
from response.core.denials import trusted_by
from response.errors import BadTarget

#: Services whose use of a role is listed below.
_LISTED = ("ec2.amazonaws.com", "lambda.amazonaws.com")


class RoleUsers(NamedTuple):
    """The users of a role beside the one that is meant."""

    #: In words; whoever may assume the role and cannot be listed is among them.
    users: Tuple[str, ...]
    #: What could not be looked at.
    unknown: Tuple[str, ...]


def role_of_profile(area: Area, profile: str) -> str:
    """Return the name of the role in an instance profile (ARN), or nothing. Needs ``iam:GetInstanceProfile``."""
    name = profile.rsplit("/", 1)[-1]
    roles = area.ask("iam", "GetInstanceProfile", InstanceProfileName=name)["InstanceProfile"]["Roles"]
    return str(roles[0]["RoleName"]) if roles else ""


def enabled_regions(area: Area) -> List[str]:
    """Return the regions that are switched on in the account."""
    return sorted(each["RegionName"] for each in area.ask("ec2", "DescribeRegions")["Regions"])


def users_of(area: Area, role: str, but: str = "", regions: Optional[Sequence[str]] = None) -> RoleUsers:
    """Return who uses a role, ``but`` one instance. ``regions``: where to look, all that are on if none.

    Raises `BadTarget` where there is no such role, `CallProblem` when the role or the regions cannot be read.
    """
    try:
        found = area.ask("iam", "GetRole", RoleName=role)["Role"]
    except CallRejected as exc:
        if "NoSuchEntity" not in str(exc):
            raise
        raise BadTarget(f"there is no role {role} in account {area.account}") from exc
    document = found["AssumeRolePolicyDocument"]
    trusted = trusted_by(json.loads(unquote(document)) if isinstance(document, str) else document)
    users = [f"{each} may assume it, which cannot be listed" for each in trusted if each not in _LISTED]
    unknown: List[str] = []
    profiles = [
        each["Arn"] for each in area.each("iam", "ListInstanceProfilesForRole", "InstanceProfiles", IAM, RoleName=role)
    ]
    for region in enabled_regions(area) if regions is None else regions:
        there = area._replace(region=region)
        for what, listed in (("instances", _instances(there, profiles, but)), ("functions", _functions(there, found))):
            try:
                users += listed
            except CallProblem as exc:
                unknown.append(f"{what} in {region} could not be listed: {exc}")
    return RoleUsers(tuple(users), tuple(unknown))


def _instances(area: Area, profiles: List[str], but: str) -> Iterable[str]:
    if not profiles:
        return
    states = [{"Name": "state", "Values": ["associated", "associating"]}]
    name = "DescribeIamInstanceProfileAssociations"
    for each in area.each("ec2", name, "IamInstanceProfileAssociations", EC2, Filters=states):
        if each["IamInstanceProfile"]["Arn"] in profiles and each["InstanceId"] != but:
            yield f"the instance {each['InstanceId']} in {area.region}"


def _functions(area: Area, role: Dict[str, Any]) -> Iterable[str]:
    for each in area.each("lambda", "ListFunctions", "Functions", MARKER):
        if each.get("Role") == role["Arn"]:
            yield f"the function {each['FunctionName']} in {area.region}"
