"""The accounts of an organisation, as its management account or a delegated administrator sees them."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Set

from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallProblem, CallRejected


class Member(NamedTuple):
    """One account of the organisation."""

    id: str
    name: str
    #: ``ACTIVE``, ``SUSPENDED``, ``PENDING_CLOSURE``: only the first can be entered.
    status: str
    #: ``o-...``, of the account's ARN.
    organisation_id: str = ""

    @property
    def active(self) -> bool:
        """Whether a role in it can be assumed."""
        return self.status == "ACTIVE"


def organisation_of(caller: Caller) -> str:
    """Return the id of the organisation that an account is in, empty if in none; each account may ask for its own.

    Needs ``organizations:DescribeOrganization``; raises `CallProblem`.
    https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
    """
    try:
        answer = caller.call("organizations", caller.session.account.home_region, "DescribeOrganization")
    except CallProblem as exc:
        if exc.code == "AWSOrganizationsNotInUseException":
            return ""
        raise
    return str(answer["Organization"]["Id"])


def members(caller: Caller) -> List[Member]:
    """Return all accounts, in the order of their ids. Needs ``organizations:ListAccounts``; raises `CallProblem`.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html: a page may be empty and still
    not be the last.
    """
    found: List[Member] = []
    token: Dict[str, str] = {}
    seen: Set[str] = set()
    while True:
        answer = caller.call("organizations", caller.session.account.home_region, "ListAccounts", **token)
        for each in answer.get("Accounts", []):
            # State is newer than Status, and says more: it replaces it.
            status = each.get("State") or each.get("Status") or ""
            # arn:aws:organizations::<manager>:account/o-.../<account>
            organisation_id = (each.get("Arn", "").split("/") + ["", ""])[1]
            found.append(Member(each["Id"], each.get("Name", ""), status, organisation_id))
        following = answer.get("NextToken")
        if not following:
            return sorted(found)
        if following in seen:
            raise CallRejected(
                "organizations:ListAccounts gives the same page again and again", call="organizations:ListAccounts"
            )
        seen.add(following)
        token = {"NextToken": following}
