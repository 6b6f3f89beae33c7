"""How an input gets into AWS: a stanza of ``aws_siem_bridge_aws_account.conf``, its secrets from storage/passwords."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from splunk_host import APP
from splunk_host.secrets import Stanzas, with_secrets
from splunk_host.splunkd import Splunkd

from aws_bridge.accounts.account import Account, Role
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.organisation import members
from aws_bridge.errors import AwsError
from es_bridge.backoff import Backoff
from es_bridge.errors import ConfigError

ACCOUNT_CONF = "aws_siem_bridge_aws_account"
ACCOUNTS = Stanzas(ACCOUNT_CONF, called="AWS account", page="AWS accounts")
#: Between attempts of one call: for `Caller`.
BETWEEN_ATTEMPTS = Backoff(first_s=0.5, longest_s=30.0)
#: The account that needs no stanza: the role of the machine.
OF_THE_MACHINE = "default"


class AccountSettings(NamedTuple):
    """One account, and whether it stands for an organisation."""

    account: Account
    #: Name of a role that every member account has; empty: this account alone.
    organisation_role: str = ""
    organisation_external_id: str = ""
    #: Members by id; empty for all of the organisation.
    organisation_accounts: Tuple[str, ...] = ()


def read(splunkd: Splunkd, name: str) -> AccountSettings:
    """Return an account by its name. Raises `ConfigError`, `SplunkdError`."""
    name = name or OF_THE_MACHINE
    stanzas = splunkd.stanzas(APP, ACCOUNT_CONF)
    if name not in stanzas:
        if name == OF_THE_MACHINE:
            return AccountSettings(Account(OF_THE_MACHINE))
        known = ", ".join(sorted({OF_THE_MACHINE, *stanzas}))
        raise ConfigError(f"account: there is no AWS account {name!r} in this app; there is {known}")
    given = with_secrets(splunkd, ACCOUNTS, name, stanzas[name])
    try:
        return _settings(name, {key: str(value or "").strip() for key, value in given.items()})
    except AwsError as exc:
        raise ConfigError(str(exc)) from exc


def _settings(name: str, given: Mapping[str, str]) -> AccountSettings:
    roles: List[Role] = []
    for prefix in ("first_", ""):
        if given.get(f"{prefix}role_arn"):
            roles.append(Role(given[f"{prefix}role_arn"], given.get(f"{prefix}external_id", "")))
    account = Account(
        name,
        given.get("access_key_id", ""),
        given.get("secret_access_key", ""),
        tuple(roles),
        given.get("partition") or "aws",
        given.get("sts_region", ""),
        _endpoints(name, given.get("endpoints", "")),
        given.get("proxy", ""),
        given.get("ca_file", ""),
    )
    return AccountSettings(
        account,
        given.get("organisation_role", ""),
        given.get("organisation_external_id", ""),
        tuple(part.strip() for part in given.get("organisation_accounts", "").split(",") if part.strip()),
    )


def _endpoints(name: str, text: str) -> Dict[str, str]:
    found = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        service, equals, url = part.partition("=")
        if not equals or not url.strip().startswith(("https://", "http://")):
            raise ConfigError(f"AWS account {name!r}: endpoints: {part!r} is not <service>=https://<host>")
        found[service.strip()] = url.strip()
    return found


class Members(NamedTuple):
    """The accounts behind one account's settings."""

    accounts: Dict[str, Account]
    #: Names of those that are suspended or being closed.
    skipped: List[str]
    #: Empty where nobody said it.
    organisation_id: str = ""


def members_of(settings: AccountSettings, caller: Caller) -> Members:
    """Return the accounts to read: itself, or the members of its organisation, by a name that a person knows.

    Raises `aws_bridge.errors.CallProblem` when the organisation cannot be listed.
    """
    account, role = settings.account, settings.organisation_role
    if not role:
        return Members({account.name: account}, [])
    external_id = settings.organisation_external_id
    if settings.organisation_accounts:
        ids: List[Any] = list(settings.organisation_accounts)
        return Members({id: account.member(id, id, role, external_id) for id in ids}, [])
    found = members(caller)
    return Members(
        {each.id: account.member(each.id, each.id, role, external_id) for each in found if each.active},
        [f"{each.id} ({each.name}): {each.status}" for each in found if not each.active],
        next((each.organisation_id for each in found), ""),
    )
