"""The role in an instance profile. Needs ``iam:GetInstanceProfile``."""

from __future__ import annotations

from aws_bridge.accounts.area import Area


def role_of(area: Area, profile: str) -> str:
    """Return the ARN of the role in a profile, nothing without one. ``profile``: its ARN. Raises `CallProblem`."""
    if not profile:
        return ""
    found = area.ask("iam", "GetInstanceProfile", InstanceProfileName=profile.rpartition("/")[2])["InstanceProfile"]
    return next((str(each["Arn"]) for each in found.get("Roles") or ()), "")
