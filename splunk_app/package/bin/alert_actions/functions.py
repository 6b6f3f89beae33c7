"""Where the response's functions are, and how they are asked: botocore signs Invoke on `start` and `release`.

Needs ``lambda:InvokeFunction`` on the two, and ``sts:AssumeRole`` where the account has a role.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, NamedTuple

from aws_account_settings import accounts
from splunk_host import APP
from splunk_host.splunkd import Splunkd

from alert_actions.actions import NOW, RELEASE, START
from aws_bridge.accounts.account import Account
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import CallProblem, Expired, Throttled, Unavailable
from es_bridge.backoff import Backoff
from es_bridge.errors import BridgeError, ConfigError

CONF, STANZA = "aws_siem_bridge_settings", "response"
#: As the template of the response calls them.
FUNCTIONS = {START: "aws-siem-bridge-response-start", RELEASE: "aws-siem-bridge-response-release"}
#: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, FunctionName
_FUNCTION = re.compile(
    r"(?:arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):\d{12}:function:)?[A-Za-z0-9_-]{1,64}(?::[A-Za-z0-9$_-]{1,128})?",
    re.ASCII,
)
_ASYNCHRONOUS, _SYNCHRONOUS = "Event", "RequestResponse"
#: Longest silence: of an asynchronous call Lambda has only to keep it, of the other it is more than `start` may take,
#: since a call that is given up and made again would run twice.
READ_TIMEOUT_S = {_ASYNCHRONOUS: 20.0, _SYNCHRONOUS: 320.0}
CONNECT_TIMEOUT_S = 5.0
_BETWEEN_ATTEMPTS = Backoff(first_s=0.5, longest_s=4.0)
#: Attempts of a call that may be made again at once. What was waited for is not made again: it may be at work.
_ATTEMPTS: Mapping[str, Mapping[type, int]] = {
    _ASYNCHRONOUS: {Throttled: 3, Unavailable: 2, Expired: 2},
    _SYNCHRONOUS: {Throttled: 3, Expired: 2},
}


class NotTaken(BridgeError):
    """The function did not take the request, or could not be asked."""


class RowAnswer(NamedTuple):
    """What `start` says of one row of a request."""

    row: int
    result: str
    says: str
    incident: str


class Functions(NamedTuple):
    """The functions, as the app is set up."""

    account: Account
    #: Region of the functions that are given by name.
    region: str
    names: Mapping[str, str]

    def hand_over(self, function: str, body: str, answer: str) -> List[RowAnswer]:
        """Invoke; return what each row was answered, nothing for one that is not waited for.

        Raises `NotTaken`, whoever refused it.
        """
        kind = _SYNCHRONOUS if answer == NOW else _ASYNCHRONOUS
        name = self.names[function]
        found = _FUNCTION.fullmatch(name)
        region = (found["region"] if found else None) or self.region
        session = AwsSession(
            self.account, connections=1, connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S[kind]
        )
        caller = Caller(session, wait_s=_BETWEEN_ATTEMPTS.wait_s, attempts=_ATTEMPTS[kind])
        given = {"FunctionName": name, "InvocationType": kind, "Payload": body.encode()}
        try:
            said = caller.call("lambda", region, "Invoke", **given)
        except CallProblem as exc:
            raise NotTaken(f"{name}: {exc}") from exc
        wanted = 200 if kind == _SYNCHRONOUS else 202
        status = said.get("StatusCode")
        if status != wanted:
            raise NotTaken(f"{name} in {region}: Lambda answered {status} where {wanted} was expected")
        text = said["Payload"].read() if kind == _SYNCHRONOUS else b""
        if said.get("FunctionError"):
            raise NotTaken(f"{name} in {region} failed: {_error_of(text)}")
        return _answers(name, text) if kind == _SYNCHRONOUS else []


def read_functions(splunkd: Splunkd, account: str) -> Functions:
    """Return the functions as this app is set up; ``account`` takes the place of the one in the settings.

    Raises `ConfigError`, `SplunkdError`.
    """
    stanza = splunkd.stanzas(APP, CONF).get(STANZA)
    if stanza is None:
        raise ConfigError(
            f"the response is not set up, or the owner of this search may not read it: [{STANZA}] of {CONF}.conf. A "
            "search that responds belongs to an administrator (docs/alert_actions.md)"
        )
    given = {key: str(value or "").strip() for key, value in stanza.items()}
    names = {which: given.get(f"{which}_function") or usual for which, usual in FUNCTIONS.items()}
    for which, name in names.items():
        if not _FUNCTION.fullmatch(name):
            raise ConfigError(f"[{STANZA}] of {CONF}.conf: {which}_function: {name!r} is no function's name or ARN")
    region = given.get("region", "")
    if not region and any(":" not in name for name in names.values()):
        raise ConfigError(
            f"[{STANZA}] of {CONF}.conf: region is missing: the region of the response's functions, such as eu-west-1"
        )
    if region and not accounts.REGION.fullmatch(region):
        raise ConfigError(f"[{STANZA}] of {CONF}.conf: region: {region!r} is no region such as eu-west-1")
    return Functions(accounts.read(splunkd, account or given.get("account", "")).account, region, names)


def _error_of(text: bytes) -> str:
    try:
        found: Dict[str, Any] = json.loads(text)
        return f"{found.get('errorType', 'error')}: {str(found.get('errorMessage', ''))[:500]}"
    except (ValueError, AttributeError):
        return "its answer says no reason"


def _answers(name: str, text: bytes) -> List[RowAnswer]:
    try:
        return [
            RowAnswer(int(each["row"]), str(each["result"]), str(each["says"]), str(each.get("incident") or ""))
            for each in json.loads(text)["rows"]
        ]
    except (ValueError, KeyError, TypeError):
        raise NotTaken(f"{name} answered something that is no list of rows: is it the function start?") from None
