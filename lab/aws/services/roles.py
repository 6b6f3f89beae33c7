"""Which roles can be assumed by whom: all by everybody, in an account that has said nothing of it.

https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
"""

from __future__ import annotations

from typing import Dict, List, NamedTuple


class Trust(NamedTuple):
    """A role's trust policy: accounts that may assume it, and with which external id; empty asks for none."""

    accounts: List[str]
    external_id: str


#: Account -> name of a role -> whom it trusts. Other roles of an account that is here are not there.
TRUSTS: Dict[str, Dict[str, Trust]] = {}


def untrusted(caller: str, form: Dict[str, str]) -> str:
    """Return the ARN of the role that does not trust the caller of AssumeRole; empty when it does."""
    arn = form["RoleArn"]
    account, role = arn.split(":")[4], arn.rpartition("/")[2]
    if account not in TRUSTS:
        return ""
    trust = TRUSTS[account].get(role, Trust([], ""))
    trusts = caller in trust.accounts and trust.external_id in ("", form.get("ExternalId", ""))
    return "" if trusts else arn
