"""How an input gets into AWS: a stanza of ``aws_siem_bridge_aws_account.conf``, its secrets from storage/passwords."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple
from urllib.parse import quote, urlsplit, urlunsplit

from splunk_host import APP
from splunk_host.secrets import SECRET_IS_ELSEWHERE, Stanzas, with_secrets
from splunk_host.splunkd import Splunkd

from aws_bridge.accounts.account import Account, Role
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.organisation import members
from aws_bridge.errors import AwsError
from es_bridge.backoff import Backoff
from es_bridge.errors import ConfigError

ACCOUNT_CONF = "aws_siem_bridge_aws_account"
ACCOUNTS = Stanzas(ACCOUNT_CONF, called="AWS account", entered="on the app's AWS accounts page")
#: Encrypted fields: their value is in storage/passwords.
SECRET_KEYS = ("secret_access_key", "proxy_password")
#: Whose credentials come first: values of ``sign_in``.
MACHINE, ACCESS_KEY = "machine", "access_key"
#: How regions are called; which there are, `connection_check` asks.
REGION = re.compile(r"[a-z]{2,5}(-[a-z]{2,10}){1,3}-\d{1,2}")
#: Between attempts of one call: for `Caller`.
BETWEEN_ATTEMPTS = Backoff(first_s=0.5, longest_s=30.0)
#: The account that needs no stanza: the role of the machine. A stanza of this name would be in every other one.
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
    if name == OF_THE_MACHINE:
        return AccountSettings(Account(OF_THE_MACHINE))
    stanzas = splunkd.stanzas(APP, ACCOUNT_CONF)
    if name not in stanzas:
        known = ", ".join(sorted({OF_THE_MACHINE, *stanzas}))
        raise ConfigError(
            f"account: there is no AWS account {name!r} in this app; there is {known}. Choose one of them, or add it "
            "on the tab AWS accounts of the app's configuration page, on this instance"
        )
    for key in SECRET_KEYS:
        if stanzas[name].get(key) not in (None, "", SECRET_IS_ELSEWHERE):
            raise ConfigError(
                f"AWS account {name!r}: {key} is in clear text in {ACCOUNT_CONF}.conf, where it is not read any more. "
                "Open the tab AWS accounts of the app's configuration page once: it moves it into Splunk's store of "
                "passwords"
            )
    return settings_of(name, with_secrets(splunkd, ACCOUNTS, name, used_keys(stanzas[name])))


def used_keys(stanza: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a stanza without the access key that it does not sign in with."""
    signs_in = str(stanza.get("sign_in") or "").strip()
    if (signs_in or ACCESS_KEY) == ACCESS_KEY:
        return dict(stanza)
    return {key: value for key, value in stanza.items() if key not in ("access_key_id", "secret_access_key")}


def settings_of(name: str, stanza: Mapping[str, Any]) -> AccountSettings:
    """Return what a stanza with its secrets in place says. Raises `ConfigError`."""
    given = {key: str(value or "").strip() for key, value in used_keys(stanza).items()}
    signs_in = given.get("sign_in", "")
    if signs_in not in ("", MACHINE, ACCESS_KEY):
        raise ConfigError(f"AWS account {name!r}: sign_in = {signs_in} is neither {MACHINE} nor {ACCESS_KEY}")
    if signs_in == ACCESS_KEY and not given.get("access_key_id"):
        raise ConfigError(f"AWS account {name!r}: signing in with an access key needs access_key_id")
    if given.get("first_role_arn") and not given.get("role_arn"):
        raise ConfigError(f"AWS account {name!r}: first_role_arn is assumed before role_arn, which is missing")
    ids = tuple(part.strip() for part in given.get("organisation_accounts", "").split(",") if part.strip())
    if ids and not given.get("organisation_role"):
        raise ConfigError(f"AWS account {name!r}: organisation_accounts are entered by organisation_role: name it")
    if given.get("sts_region") and not REGION.fullmatch(given["sts_region"]):
        raise ConfigError(f"AWS account {name!r}: sts_region: {given['sts_region']!r} is no region such as eu-west-1")
    wrong = [id for id in ids if not (len(id) == 12 and id.isascii() and id.isdigit())]
    if wrong:
        raise ConfigError(
            f"AWS account {name!r}: organisation_accounts: {', '.join(wrong)}: an account's id has 12 digits"
        )
    try:
        found = AccountSettings(
            _account(name, given), given.get("organisation_role", ""), given.get("organisation_external_id", ""), ids
        )
        if found.organisation_role:
            found.account.member("1" * 12, name, found.organisation_role, found.organisation_external_id)
    except AwsError as exc:
        text = str(exc)
        raise ConfigError(text if repr(name) in text else f"AWS account {name!r}: {text}") from exc
    return found


def _account(name: str, given: Mapping[str, str]) -> Account:
    roles: List[Role] = []
    for prefix in ("first_", ""):
        if given.get(f"{prefix}role_arn"):
            roles.append(Role(given[f"{prefix}role_arn"], given.get(f"{prefix}external_id", "")))
    return Account(
        name,
        given.get("access_key_id", ""),
        given.get("secret_access_key", ""),
        tuple(roles),
        given.get("partition") or "aws",
        given.get("sts_region", ""),
        _endpoints(name, given.get("endpoints", "")),
        _proxy(name, given),
        given.get("ca_file", ""),
    )


def _proxy(name: str, given: Mapping[str, str]) -> str:
    """Return the proxy's URL with user and password in it, as botocore wants them."""
    text, user, password = (given.get(key, "") for key in ("proxy", "proxy_username", "proxy_password"))
    if not text:
        if user or password:
            raise ConfigError(f"AWS account {name!r}: proxy_username and proxy_password are for a proxy: give its URL")
        return ""
    try:
        url = urlsplit(text)
        url.port  # noqa: B018 - a wrong one raises
    except ValueError:
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname or url.query or url.path not in ("", "/"):
        raise ConfigError(f"AWS account {name!r}: proxy is no URL such as http://proxy.example:3128")
    if "@" in url.netloc:
        raise ConfigError(
            f"AWS account {name!r}: proxy holds a user name; those go into proxy_username and proxy_password"
        )
    if password and not user:
        raise ConfigError(f"AWS account {name!r}: proxy_password needs proxy_username")
    if not user:
        return text
    secret = f":{quote(password, safe='')}" if password else ""
    return urlunsplit((url.scheme, f"{quote(user, safe='')}{secret}@{url.netloc}", url.path, "", ""))


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
