"""An instance profile whose role may do nothing: found or made, and looked at.

Needs ``iam:GetInstanceProfile``, ``CreateRole``, ``CreateInstanceProfile``, ``AddRoleToInstanceProfile``,
``ListRolePolicies``, ``ListAttachedRolePolicies``, and ``iam:PassRole`` on the role.
"""

from __future__ import annotations

import json

from aws_bridge.accounts.area import IAM, Area
from aws_bridge.errors import CallProblem, CallRejected

#: Name of the profile and of its role.
NAME = "aws-siem-bridge-no-permissions"
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
_MADE_FOR = "Of instances whose credentials were revoked. Made by aws-siem-bridge; it may do nothing."
_THERE = ("EntityAlreadyExists", "LimitExceeded")


class NotEmpty(CallProblem):
    """Somebody gave the role rights."""


def is_empty_profile(arn: str) -> bool:
    """Whether an ARN is of the profile that gives no rights."""
    return arn.rsplit("/", 1)[-1] == NAME


def ensure_empty_profile(area: Area) -> str:
    """Return the ARN of the profile, which is made where there is none. Raises `NotEmpty`, `CallProblem`."""
    try:
        found = area.ask("iam", "GetInstanceProfile", InstanceProfileName=NAME)["InstanceProfile"]
    except CallRejected as exc:
        if "NoSuchEntity" not in str(exc):
            raise
        found = {}
    if not found.get("Roles"):
        _set(area, "CreateRole", RoleName=NAME, AssumeRolePolicyDocument=json.dumps(_TRUST), Description=_MADE_FOR)
        _set(area, "CreateInstanceProfile", InstanceProfileName=NAME)
        _set(area, "AddRoleToInstanceProfile", InstanceProfileName=NAME, RoleName=NAME)
        found = area.ask("iam", "GetInstanceProfile", InstanceProfileName=NAME)["InstanceProfile"]
    inline = list(area.each("iam", "ListRolePolicies", "PolicyNames", IAM, RoleName=NAME))
    attached = list(area.each("iam", "ListAttachedRolePolicies", "AttachedPolicies", IAM, RoleName=NAME))
    if inline or attached:
        raise NotEmpty(f"the role {NAME} has policies, and must have none: somebody gave it rights. Take them away")
    return str(found["Arn"])


def _set(area: Area, operation: str, **given: str) -> None:
    try:
        area.ask("iam", operation, **given)
    except CallRejected as exc:
        # Another response made it, or the answer to the first attempt was lost.
        if not any(code in str(exc) for code in _THERE):
            raise
