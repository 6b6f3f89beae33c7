"""Accounts: what an organization calls them, where in it they are, whose they are; and what one calls itself.

Needs ``organizations:ListAccounts``, ``ListParents``, ``DescribeOrganizationalUnit``, ``ListTagsForResource`` in the
management account or one that administration is delegated to; ``iam:ListAccountAliases`` anywhere.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional

from aws_bridge.accounts.area import EC2 as ORGANIZATIONS
from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from collectors.assets.asset import Asset, Where, iso, tags_of

KIND, REGION = "account", "global"
#: Between the names of units in a path.
_BELOW = "/"


def organization(area: Area) -> Iterator[Asset]:
    """Yield the accounts of the organization, suspended ones as well.

    Where units or tags are denied the accounts come without them, and what was denied is raised at the end.
    """
    paths: Dict[str, str] = {}
    denied: Optional[CallProblem] = None
    # A page may be empty and not be the last: `Area.each` goes by the token alone.
    for found in list(area.each("organizations", "ListAccounts", "Accounts", ORGANIZATIONS)):
        id = found["Id"]
        fields: Dict[str, Any] = {
            "name": found.get("Name"),
            "email": found.get("Email"),
            # State is newer than Status, and says more: it replaces it.
            "account_state": found.get("State") or found.get("Status"),
            "created": iso(found.get("JoinedTimestamp")),
        }
        tags: Dict[str, str] = {}
        if denied is None:
            try:
                fields["ou"] = _path_above(area, id, paths)
                tags = tags_of(
                    list(area.each("organizations", "ListTagsForResource", "Tags", ORGANIZATIONS, ResourceId=id))
                )
            except CallProblem as exc:
                denied = exc
        yield Asset(KIND, id, Where(id, REGION), fields, found.get("Arn", ""), tags)
    if denied is not None:
        raise denied


def own(area: Area) -> Iterator[Asset]:
    """Yield the account itself, by its alias: what there is where no organization may be asked."""
    aliases = area.ask("iam", "ListAccountAliases").get("AccountAliases") or [""]
    yield Asset(KIND, area.account, Where(area.account, REGION), {"name": aliases[0]})


def _path_above(area: Area, id: str, paths: Dict[str, str]) -> str:
    """Return the names of the units above an account or unit, the root first. ``paths``: unit -> its path."""
    parents = area.ask("organizations", "ListParents", ChildId=id).get("Parents") or ()
    for (
        parent
    ) in parents:  # exactly one: https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListParents.html
        unit = parent["Id"]
        if unit not in paths:
            paths[unit] = "Root" if parent.get("Type") == "ROOT" else _path_of(area, unit, paths)
        return paths[unit]
    return ""


def _path_of(area: Area, unit: str, paths: Dict[str, str]) -> str:
    described = area.ask("organizations", "DescribeOrganizationalUnit", OrganizationalUnitId=unit)
    name = str(described["OrganizationalUnit"].get("Name", unit))
    return f"{_path_above(area, unit, paths)}{_BELOW}{name}"
