"""The accounts and regions that a function of the response reaches, by a role it assumes there.

Settings: ``ROLE_NAME`` and ``EXTERNAL_ID`` of that role, which its own account has, too. Without a name it acts in its
own account, with its own permissions. Who asks is kept from one call of a function to the next, as Lambda keeps the
process: making clients takes longer than asking.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Dict, Mapping, Tuple

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.functions.variables import Variables
from es_bridge.backoff import Backoff

#: Waits between attempts of a call: a function has little time.
BACKOFF = Backoff(0.2, 2.0)
#: Whose credentials a process has, and where AWS is for it.
_WHO = ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL")
_CALLERS: Dict[Tuple[str, ...], Caller] = {}
_OWN: Dict[Tuple[str, ...], str] = {}


@dataclass(frozen=True)
class Areas:
    """Where the function is, and how it gets elsewhere."""

    here: Area
    variables: Variables

    def of(self, account: str, region: str) -> Area:
        """Return an account and region, through its role where one is named."""
        name = self.variables.text("ROLE_NAME")
        if not name:
            return Area(self.here.caller, account, region)
        role = (account, name, self.variables.text("EXTERNAL_ID"))
        member = self.here.caller.session.account.member(account, *role)
        return Area(_caller(member, *role), account, region)


def areas_of(environment: Mapping[str, str], variables: Variables) -> Areas:
    """Return the areas of a function with these variables. Raises `aws_bridge.errors.AwsError`."""
    region = environment.get("AWS_REGION", "")
    caller = _caller(Account("home"))
    who = tuple(os.environ.get(name, "") for name in _WHO)
    if who not in _OWN:
        _OWN[who] = str(caller.call("sts", region, "GetCallerIdentity")["Account"])
    return Areas(Area(caller, _OWN[who], region), variables)


def _caller(account: Account, *role: str) -> Caller:
    key = (*(os.environ.get(name, "") for name in _WHO), *role)
    if key not in _CALLERS:
        _CALLERS[key] = Caller(AwsSession(account), wait_s=BACKOFF.wait_s)
    return _CALLERS[key]
