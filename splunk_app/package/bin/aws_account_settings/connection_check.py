"""One try to get into AWS as an account's settings say, by the very road that inputs take, each call once.

The words of an error are those an input's health events have: they name the call, and what somebody has to allow.
"""

from __future__ import annotations

import ssl
import time
from typing import Callable, Dict, List, NamedTuple, Sequence

from aws_account_settings.accounts import AccountSettings, members_of
from aws_bridge.accounts.account import PARTITIONS, Account
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.regions import every_region
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import CallProblem
from es_bridge.errors import ConfigError

#: Somebody waits before a page, and splunkd ends a check of an input after 30 seconds.
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 4.0, 8.0
LIMIT_S = 16.0
#: Members of an organisation that are tried until one lets us in: a new one may not have the role yet.
MOST_MEMBERS = 5


class Entered(NamedTuple):
    """An account that lets us in."""

    caller: Caller
    #: 12 digits.
    account_id: str


class Callers:
    """Makes callers for one check. After `LIMIT_S` there are no more: the check ends with an error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end_s = clock() + LIMIT_S

    def caller(self, account: Account) -> Caller:
        """Return a caller whose calls end soon. Raises `ConfigError` when the time is over."""
        self.check_time(account)
        session = AwsSession(account, connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S)
        return Caller(session, wait_s=lambda failed: 0.0, attempts={})

    def check_time(self, account: Account) -> None:
        """Raise `ConfigError` when the time is over."""
        if self._clock() > self._end_s:
            raise ConfigError(
                f"AWS account {account.name!r}: AWS answers, but so slowly that the check did not end within "
                f"{LIMIT_S:g} seconds. Try again; if it stays, look at proxy, endpoints and the way out of this network"
            )


def enter(settings: AccountSettings, callers: Callers) -> Entered:
    """Return the account, or the first member of its organisation that can be entered.

    Raises `CallProblem` with what the first one answered, `ConfigError` where nothing can be entered at all.
    """
    account = settings.account
    own = callers.caller(account)
    itself = _entered(own)
    if not settings.organisation_role:
        return itself
    problems: List[CallProblem] = []
    found = members_of(settings, own).accounts
    # The account that lists the others seldom has the role, and if it has, that says nothing of them.
    others = [member for id, member in found.items() if id != itself.account_id] or list(found.values())
    for member in others[:MOST_MEMBERS]:
        try:
            return _entered(callers.caller(member))
        except CallProblem as exc:
            problems.append(exc)
    if problems:
        raise problems[0]
    raise ConfigError(
        f"AWS account {account.name!r}: its organisation has no active account. Name some as organisation_accounts, or "
        "use the credentials of the organisation's management account or a delegated administrator"
    )


def try_account(settings: AccountSettings) -> None:
    """Return when AWS lets us in, and the regions named are there. Raises `CallProblem`, `ConfigError`."""
    _check_ca_file(settings.account)
    callers = Callers()
    entered = enter(settings, callers)
    if settings.account.sts_region:
        check_regions(entered.caller, "sts_region", [settings.account.sts_region])


def _check_ca_file(account: Account) -> None:
    if account.ca_file:
        try:
            ssl.create_default_context(cafile=account.ca_file)
        except (OSError, ValueError) as exc:
            raise ConfigError(
                f"AWS account {account.name!r}: the CA file {account.ca_file} cannot be used: {exc}. Give the path of "
                "a PEM file on this machine that Splunk's user may read"
            ) from None


def check_regions(caller: Caller, setting: str, regions: Sequence[str]) -> None:
    """Raise `ConfigError` for regions that are not in the account's partition.

    A region that is newer than botocore is asked for in the account itself; without the permission it is not known.
    """
    account = caller.session.account
    unknown = [name for name in regions if name not in caller.session.partition_regions(account.partition)]
    if not unknown:
        return
    elsewhere: Dict[str, str] = {
        name: partition
        for partition in PARTITIONS
        for name in unknown
        if name in caller.session.partition_regions(partition)
    }
    if elsewhere:
        said = ", ".join(f"{name} is of the partition {partition}" for name, partition in elsewhere.items())
        raise ConfigError(
            f"{setting}: {said}, the account {account.name!r} of {account.partition}. Take it off, or choose an "
            "account of that partition"
        )
    try:
        newer = every_region(caller)
    except CallProblem:
        newer = []
    missing = [name for name in unknown if name not in newer]
    if missing:
        raise ConfigError(
            f"{setting}: there is no region {', '.join(missing)} in the partition {account.partition}. Correct it; if "
            "it is newer than this app, allow account:ListRegions, so that the account can be asked"
        )


def _entered(caller: Caller) -> Entered:
    answer = caller.call("sts", caller.session.account.home_region, "GetCallerIdentity")
    return Entered(caller, str(answer["Account"]))
