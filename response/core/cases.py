"""What a row asks to act on: an instance, a principal of IAM, addresses, or the alert itself.

A case has a ``key`` that locks and records are named by, and a ``slug`` that incidents and executions are named after.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from response.core.target import Target, target_of
from response.errors import BadTarget

# What can be asked for.
RESPOND, ISOLATE, RELEASE, COLLECT = "respond", "isolate_instance", "release_instance", "collect_evidence"
REVOKE, CONTAIN, RELEASE_PRINCIPAL = "revoke_credentials", "contain_principal", "release_principal"
BLOCK, UNBLOCK, NOTIFY = "block_ip", "unblock_ip", "notify"
ACTIONS = (RESPOND, ISOLATE, RELEASE, COLLECT, REVOKE, CONTAIN, RELEASE_PRINCIPAL, BLOCK, UNBLOCK, NOTIFY)
#: These lock what they act on and count against the limits.
OPENS = (RESPOND, ISOLATE, REVOKE, CONTAIN)
#: These end what another one began.
CLOSES = {RELEASE, RELEASE_PRINCIPAL}
_OF_INSTANCES = (RESPOND, ISOLATE, RELEASE, COLLECT)
_OF_ADDRESSES = (BLOCK, UNBLOCK)
KINDS = ("user", "role", "identity_center_user")
#: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
_ARN = re.compile(r"arn:(aws[a-z-]*):(iam|sts)::(\d{12}):(user|role|assumed-role)/(.+)", re.ASCII)
_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ACCESS_KEY = re.compile(r"(?:AKIA|ASIA)[A-Z0-9]{12,124}", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


class Case(NamedTuple):
    """One thing to act on. ``given`` is what a step of the workflow gets to know of it."""

    key: str
    slug: str
    account: str
    region: str
    given: Tuple[Tuple[str, Any], ...]
    says: str

    def __str__(self) -> str:
        return self.says


def case_of_instance(target: Target) -> Case:
    """Return the case of an instance."""
    given = (("account", target.account), ("region", target.region), ("instance", target.instance))
    return Case(target.key, target.instance, target.account, target.region, given, str(target))


def case_of(action: str, row: Mapping[str, Any], options: Mapping[str, str], home: str) -> Case:
    """Return what an action is to act on by a row. ``home`` is the account of what has no other.

    Raises `BadTarget` when the row names nothing of that sort.
    """
    texts = {name: text_of(row, name) for name in ("instance", "account", "region", "arn", "principal", "access_key")}
    of_instance = texts["instance"] or texts["arn"].startswith("arn:") and ":instance/" in texts["arn"]
    if action in _OF_INSTANCES or (action == REVOKE and of_instance):
        return case_of_instance(target_of(texts["instance"], texts["account"], texts["region"], arn=texts["arn"]))
    if action in _OF_ADDRESSES:
        return _addresses(row, texts["account"] or home, texts["region"])
    if action == NOTIFY:
        known = {name: text for name, text in texts.items() if text}
        key = f"notify|{sorted(known.items())}"
        given = tuple(known.items())
        return Case(key, "notify", texts["account"] or home, texts["region"], given, "the notification")
    return _principal(texts, options, home)


def _principal(texts: Mapping[str, str], options: Mapping[str, str], home: str) -> Case:
    account, kind, name = texts["account"], options.get("kind", ""), texts["principal"]
    named = name or texts["arn"]
    found = _ARN.fullmatch(named)
    if found:
        if account and account != found[3]:
            raise BadTarget(f"the account {account!r} is another than the one in {named}")
        account = found[3]
        parts = found[5].split("/")
        # A session's ARN ends with the session's name, the others may have a path before the name.
        kind, name = ("role", parts[0]) if found[4] == "assumed-role" else (found[4], parts[-1])
    elif named.partition("/")[0] in KINDS and "/" in named:
        kind, _, name = named.partition("/")
    account = account or home
    kind = kind or ("user" if texts["access_key"] else "")
    if texts["access_key"] and not _ACCESS_KEY.fullmatch(texts["access_key"]):
        raise BadTarget(f"{texts['access_key'][:20]!r} is no id of an access key")
    if kind not in KINDS:
        raise BadTarget(
            f"which kind of principal is {name[:80]!r}? Give its ARN, or user/<name>, role/<name>, "
            "identity_center_user/<id>"
        )
    if not (_NAME.fullmatch(name) or (texts["access_key"] and not name)):
        raise BadTarget(f"{name[:80]!r} is no name of a {kind}")
    if not _ACCOUNT.fullmatch(account):
        raise BadTarget(f"{account[:80]!r} is no account: 12 digits are needed")
    principal = {"kind": kind, "name": name, "access_key": texts["access_key"]}
    key = f"{account}|{kind}|{name or texts['access_key']}"
    target = f"{kind}/{name or texts['access_key']}"
    given = (("account", account), ("region", texts["region"]), ("principal", principal), ("target", target))
    return Case(key, f"{kind}-{_short(key)}", account, texts["region"], given, f"{target} (account {account})")


def _addresses(row: Mapping[str, Any], account: str, region: str) -> Case:
    value = row.get("address") or row.get("addresses") or ""
    values: List[Any] = list(value) if isinstance(value, list) else str(value).replace(",", " ").split()
    found = []
    for each in values:
        try:
            found.append(str(ipaddress.ip_network(str(each).strip())))
        except ValueError as exc:
            raise BadTarget(f"{str(each)[:80]!r} is no address and no network") from exc
    if not found:
        raise BadTarget("there is no address: an IPv4 or IPv6 address, or a network, is needed")
    addresses = sorted(set(found))
    key = f"{account}|{region}|{','.join(addresses)}"
    given = (("account", account), ("region", region), ("addresses", addresses), ("target", ", ".join(addresses)))
    return Case(key, f"addresses-{_short(key)}", account, region, given, ", ".join(addresses))


def covers(opened: Mapping[str, Any], action: str, options: Mapping[str, str]) -> bool:
    """Return whether an open incident, by its event, does already what is asked for."""
    was = opened.get("action") or RESPOND
    stays_soft = (opened.get("options") or {}).get("mode") == "soft"
    if action in (RESPOND, ISOLATE) and stays_soft and options.get("mode") != "soft":
        return False
    return action == was or (was, action) == (RESPOND, ISOLATE)


def text_of(row: Mapping[str, Any], name: str) -> str:
    """Return a text of a row, without blanks around it. Raises `BadTarget` for a list, such as of many values."""
    value = row.get(name) or ""
    if not isinstance(value, str):
        raise BadTarget(f"{name} is {str(value)[:80]!r}: one text is needed")
    return value.strip()


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def execution_name(case: Case, action: str, mark: str) -> str:
    """Return a name for the execution of an action that opens no incident; the same for the same hand-over.

    ``mark`` names the hand-over and the row. At most 80 characters of A-Z, a-z, 0-9, - and _:
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    return f"{case.slug}-{action}-{_short(mark)}"


def as_event(case: Case) -> Dict[str, Any]:
    """Return what the workflow's input says of a case."""
    return dict(case.given)
