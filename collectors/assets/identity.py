"""IAM users with their keys and second factor, and roles with whom they trust.

Needs ``iam:ListUsers``, ``ListAccessKeys``, ``GetAccessKeyLastUsed``, ``ListMFADevices``, ``GetLoginProfile``,
``ListUserTags``, ``ListRoles``, ``ListRoleTags``.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List
from urllib.parse import unquote

from aws_bridge.accounts.area import IAM, Area
from aws_bridge.errors import CallRejected
from collectors.assets.asset import Asset, Where, iso, tags_of, texts

REGION = "global"


def users(area: Area) -> Iterator[Asset]:
    """Yield users. ``keys``: id, state, creation and last use of each; the secret is known to nobody."""
    for found in area.each("iam", "ListUsers", "Users", IAM):
        name = found["UserName"]
        keys, oldest = _keys(area, name)
        fields = {
            "name": name,
            "created": iso(found.get("CreateDate")),
            "password": _has_password(area, name),
            "password_last_used": iso(found.get("PasswordLastUsed")),
            "mfa": any(True for _ in area.each("iam", "ListMFADevices", "MFADevices", IAM, UserName=name)),
            "keys": keys,
            "oldest_active_key": oldest,
        }
        tags = tags_of(list(area.each("iam", "ListUserTags", "Tags", IAM, UserName=name)))
        yield Asset("iam_user", name, Where(area.account, REGION), fields, found.get("Arn", ""), tags)


def roles(area: Area) -> Iterator[Asset]:
    """Yield roles. ``trusts``: principals of the trust policy, services and providers among them."""
    for found in area.each("iam", "ListRoles", "Roles", IAM):
        name = found["RoleName"]
        trusts = principals(found.get("AssumeRolePolicyDocument"))
        fields = {
            "name": name,
            "created": iso(found.get("CreateDate")),
            "trusts": trusts,
            "public": "*" in trusts,
        }
        tags = tags_of(list(area.each("iam", "ListRoleTags", "Tags", IAM, RoleName=name)))
        yield Asset("iam_role", name, Where(area.account, REGION), fields, found.get("Arn", ""), tags)


def _keys(area: Area, user: str) -> Any:
    shown: List[str] = []
    active: List[str] = []
    for key in area.each("iam", "ListAccessKeys", "AccessKeyMetadata", IAM, UserName=user):
        id, state, created = key["AccessKeyId"], str(key.get("Status", "")), iso(key.get("CreateDate"))
        used = area.ask("iam", "GetAccessKeyLastUsed", AccessKeyId=id).get("AccessKeyLastUsed") or {}
        shown.append(f"{id} {state} created {created} used {iso(used.get('LastUsedDate')) or 'never'}")
        if state == "Active":
            active.append(created)
    return sorted(shown), min(active, default="")


def _has_password(area: Area, user: str) -> bool:
    try:
        return bool(area.ask("iam", "GetLoginProfile", UserName=user).get("LoginProfile"))
    except CallRejected as exc:
        if "NoSuchEntity" in str(exc):
            return False
        raise


def principals(document: Any) -> List[str]:
    """Return whom a trust policy allows something, everybody is ``*``; nobody for what is no policy."""
    if isinstance(document, str):
        try:
            document = json.loads(unquote(document))
        except ValueError:
            return []
    statements = document.get("Statement") if isinstance(document, dict) else None
    found: List[str] = []
    for statement in [statements] if isinstance(statements, dict) else statements or ():
        principal: Any = statement.get("Principal") if isinstance(statement, dict) else None
        if isinstance(statement, dict) and statement.get("Effect") == "Allow":
            groups: Dict[str, Any] = principal if isinstance(principal, dict) else {"": principal}
            for value in groups.values():
                found += value if isinstance(value, list) else [value]
    return texts(found)
