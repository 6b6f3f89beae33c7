"""The accounts and regions that a function of the response reaches: its own, and those in which it assumes a role.

Settings: ``ROLE_NAME`` and ``EXTERNAL_ID`` of the role that is assumed in other accounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.functions.variables import Variables
from es_bridge.backoff import Backoff

#: Waits between attempts of a call: a function has little time.
BACKOFF = Backoff(0.2, 2.0)


@dataclass(frozen=True)
class Areas:
    """Where the function is, and how it gets elsewhere."""

    here: Area
    variables: Variables

    def of(self, account: str, region: str) -> Area:
        """Return an account and region, through its role when it is another account than the function's."""
        name = self.variables.text("ROLE_NAME")
        if account == self.here.account or not name:
            return Area(self.here.caller, account, region)
        member = self.here.caller.session.account.member(account, account, name, self.variables.text("EXTERNAL_ID"))
        return Area(Caller(AwsSession(member), wait_s=BACKOFF.wait_s), account, region)


def areas_of(environment: Mapping[str, str], variables: Variables) -> Areas:
    """Return the areas of a function with these variables. Raises `aws_bridge.errors.AwsError`."""
    region = environment.get("AWS_REGION", "")
    caller = Caller(AwsSession(Account("home")), wait_s=BACKOFF.wait_s)
    own = str(caller.call("sts", region, "GetCallerIdentity")["Account"])
    return Areas(Area(caller, own, region), variables)
