"""A WAF log record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is the record as AWS wrote it, names and values unchanged, with a few fields in front of it that have the
same names for every log of this product. AWS's names:
https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html, the common names: Elastic Common Schema,
https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html

=========================  =======================================================================================
common field               comes from
=========================  =======================================================================================
@timestamp                 timestamp, milliseconds since 1970
event.dataset              ``aws.waf``
event.id                   httpRequest.requestId
event.action               action
event.outcome              ``success`` for ALLOW; ``failure`` for BLOCK, CAPTCHA and CHALLENGE
event.oversized            names of fields whose text is too long to be indexed
source.address             httpRequest.clientIp
source.ip, scope, ...      the same, when it is an address, with what is known about it
source.geo, source.as      without an address database: httpRequest.country and clientAsn
url.domain                 header ``host`` without its port, else httpRequest.host
url.path, url.query        httpRequest.uri, httpRequest.args
http.request.method        httpRequest.httpMethod
http.request.referrer      header ``referer``
http.response.status_code  responseCodeSent
http.version               httpRequest.httpVersion without ``HTTP/``
user_agent.original        header ``user-agent``
network.protocol           ``http``
network.type               ``ipv4`` or ``ipv6``, from clientIp
network.forwarded_ip       the first address of the header ``x-forwarded-for``: what the client or a proxy says
rule.id                    the rule that decided, in a rule group the group's own; none for the default action
rule.name                  terminatingRuleId, the same rule or the web ACL's name for its group
waf.verdict                ``blocked``, ``challenged``, ``counted`` or ``passed``: see `collectors.waf.detection`
waf.counted_rules          the rules that matched and only counted
cloud.provider             ``aws``
cloud.region, .account.id  webaclId, where it is an ARN
unmapped                   what would make an engine refuse the document, under its own name: see `collectors.shape`
=========================  =======================================================================================

A source that is missing leaves its common field out. Required is ``timestamp``; everything else is optional.

Names of headers and cookies are chosen by whoever sends the request. So they never become field names: ``headers``
stays the list of names and values it is, both searchable. Of a header that is sent twice the first is copied.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Mapping, NamedTuple, Tuple

from collectors.datasets import DATASETS
from collectors.errors import InvalidRecord
from collectors.event_time import EventTime, from_epoch_ms
from collectors.exact_json import encode
from collectors.json_codec import Codec
from collectors.json_record import JsonLog, quoted
from collectors.records import Context
from collectors.shape import VALUE, Shape
from collectors.waf.detection import detection

DATASET = "aws.waf"

_DETAILS = {
    "conditionType": VALUE,
    "sensitivityLevel": VALUE,
    "location": VALUE,
    "matchedData": VALUE,
    "matchedFieldName": VALUE,
}
_MATCHING_RULE = {"ruleId": VALUE, "action": VALUE, "overriddenAction": VALUE, "ruleMatchDetails": _DETAILS}
_TOKEN_RESPONSE = {"responseCode": VALUE, "solveTimestamp": VALUE, "failureReason": VALUE}
_HEADER = {"name": VALUE, "value": VALUE}
#: AWS's fields in the index template; a test compares the two.
MAPPED: Mapping[str, Any] = {
    "webaclId": VALUE,
    "terminatingRuleId": VALUE,
    "terminatingRuleType": VALUE,
    "action": VALUE,
    "terminatingRuleMatchDetails": _DETAILS,
    "httpSourceName": VALUE,
    "httpSourceId": VALUE,
    "ruleGroupList": {
        "ruleGroupId": VALUE,
        "terminatingRule": _MATCHING_RULE,
        "nonTerminatingMatchingRules": _MATCHING_RULE,
        "excludedRules": {"ruleId": VALUE, "exclusionType": VALUE},
    },
    "rateBasedRuleList": {
        "rateBasedRuleId": VALUE,
        "rateBasedRuleName": VALUE,
        "limitKey": VALUE,
        "limitValue": VALUE,
        "customValues": {"key": VALUE, "name": VALUE, "value": VALUE},
    },
    "nonTerminatingMatchingRules": _MATCHING_RULE,
    "requestHeadersInserted": _HEADER,
    "responseCodeSent": VALUE,
    "httpRequest": {
        "clientIp": VALUE,
        "country": VALUE,
        "headers": _HEADER,
        "uri": VALUE,
        "args": VALUE,
        "httpVersion": VALUE,
        "httpMethod": VALUE,
        "requestId": VALUE,
        "fragment": VALUE,
        "scheme": VALUE,
        "host": VALUE,
    },
    "labels": {"name": VALUE},
    "captchaResponse": _TOKEN_RESPONSE,
    "challengeResponse": _TOKEN_RESPONSE,
    "ja3Fingerprint": VALUE,
    "ja4Fingerprint": VALUE,
    "oversizeFields": VALUE,
    "requestBodySize": VALUE,
    "requestBodySizeInspectedByWAF": VALUE,
    "clientAsn": VALUE,
    "cfDistributionTenantId": VALUE,
}
#: Names that this module gives; a record's own value under one of them moves to ``unmapped``.
COMMON = (
    "@timestamp",
    "event",
    "source",
    "url",
    "http",
    "user_agent",
    "network",
    "rule",
    "waf",
    "cloud",
    "unmapped",
)
#: Characters of method and version of a request; an outsider chooses them.
LONGEST_REMEMBERED = 32
_OUTCOMES = {"ALLOW": "success", "BLOCK": "failure", "CAPTCHA": "failure", "CHALLENGE": "failure"}


def describe(fields: Dict[str, Any], context: Context) -> Tuple[EventTime, str]:
    """Return the time of a decoded record and the common fields of the table above, as `json_record.JsonLog` says.

    Raises `InvalidRecord` for a record without a usable timestamp. What is no text where AWS writes text says nothing
    to the common fields.
    """
    get, codec = fields.get, context.codec
    written = get("timestamp")
    time = from_epoch_ms(written) if type(written) is int else None
    if time is None:
        raise InvalidRecord(
            f"the record's timestamp is {str(written)[:60]!r} instead of milliseconds like 1795000000000"
        )
    request = get("httpRequest")
    if type(request) is not dict:
        request = {}
    of_request = request.get
    headers = _first_values(of_request("headers"))

    source, ip_version = "", 0
    address = of_request("clientIp")
    if type(address) is str and address:
        facts = context.addresses[address]
        ip_version = facts.version
        members = f'"{address}",{facts.members}' if facts.is_ip else quoted(address, codec)
        if len(facts.fields) == 1:  # nothing is known but that it is an address
            country, system = of_request("country"), get("clientAsn")
            members += _known_to_aws(country if type(country) is str else "", system if type(system) is int else 0)
        source = f',"source":{{"address":{members}}}'

    status, method, version = get("responseCodeSent"), of_request("httpMethod"), of_request("httpVersion")
    often = (
        detection(fields),
        status if type(status) is int else 0,
        ip_version,
        get("action"),
        get("terminatingRuleId"),
        get("webaclId"),
        method,
        version,
    )
    try:
        # An outsider may choose method and version: remembering long ones would be his memory.
        is_short = len(method) + len(version) <= LONGEST_REMEMBERED
        repeated = _repeated(often) if is_short else _repeated.__wrapped__(often)
    except TypeError:  # missing, or a list or object where AWS writes text: it cannot be remembered
        repeated = _repeated.__wrapped__(often)

    host = headers.get("host")
    domain = _domain(host if type(host) is str else of_request("host"))
    identity = _member("id", of_request("requestId"), codec)
    url = (
        _member("path", of_request("uri"), codec)
        + _member("query", of_request("args"), codec)
        + _member("domain", domain, codec)
    )
    asked = repeated.method + _member("referrer", headers.get("referer"), codec)
    agent = _member("original", headers.get("user-agent"), codec)
    http = (f',"request":{{{asked[1:]}}}' if asked else "") + repeated.answer
    return time, (
        f'{{"@timestamp":"{time.stamp}","event":{{{repeated.event}{identity}}}{source}'
        f"{_object('url', url)}{_object('http', http)}{_object('user_agent', agent)}{repeated.rest}"
        f',"network":{{{repeated.network}{_forwarded(headers.get("x-forwarded-for"), context)}}}'
    )


LOG = JsonLog(DATASETS["waf"].index_prefix, Shape(MAPPED, COMMON), describe)


def _first_values(headers: Any) -> Mapping[str, Any]:
    """Return the value of each header by its name in small letters, the first one where a name is repeated."""
    if type(headers) is not list:
        return {}
    try:
        return {header["name"].lower(): header["value"] for header in reversed(headers)}
    except (TypeError, KeyError, AttributeError):  # not a list of names and values
        usual = [header for header in headers if type(header) is dict and type(header.get("name")) is str]
        return {header["name"].lower(): header.get("value") for header in reversed(usual)}


def _member(name: str, text: Any, codec: Codec) -> str:
    """Return a member of a JSON object with a comma before it; nothing for what is no text."""
    if type(text) is not str or not text:
        return ""
    try:
        return f',"{name}":{codec.dumps(text).decode()}'
    except (ValueError, TypeError):
        return f',"{name}":{quoted(text, codec)}'


def _object(name: str, members: str) -> str:
    """Return an object of ``members``, each with a comma before it, as a member with a comma before it."""
    return f',"{name}":{{{members[1:]}}}' if members else ""


def _domain(host: Any) -> Any:
    if type(host) is str and ":" in host and host[:1] != "[":  # an IPv6 address stays as it is
        return host.partition(":")[0]
    return host


def _forwarded(header: Any, context: Context) -> str:
    if type(header) is not str:
        return ""
    first = header.partition(",")[0].strip()
    return f',"forwarded_ip":"{first}"' if context.addresses[first].is_ip else ""


@lru_cache(maxsize=16_384)
def _known_to_aws(country: str, system: int) -> str:
    """Return what WAF itself knows about a client, as `AddressFacts.members`; ``-`` is an unknown country."""
    known: Dict[str, Any] = {}
    if len(country) == 2:
        known["geo"] = {"country_iso_code": country}
    if 0 < system < 2**32:
        known["as"] = {"number": system}
    return "," + encode(known)[1:-1] if known else ""


class _Repeated(NamedTuple):
    """Members that are the same in many records, as JSON without their object's braces."""

    event: str
    #: Of ``http.request``, with a comma before it.
    method: str
    #: The other members of ``http``, with a comma before each.
    answer: str
    #: ``rule``, ``waf`` and ``cloud``, with a comma before each.
    rest: str
    network: str


@lru_cache(maxsize=16_384)
def _repeated(often: Tuple[Any, ...]) -> _Repeated:
    found, status, ip_version, *values = often
    action, rule_name, acl, method, version = [value if type(value) is str else "" for value in values]
    arn = acl.split(":")
    of_acl = {"region": arn[3], "account": {"id": arn[4]}} if len(arn) > 5 and arn[4] else {}
    rest = {
        "rule": {"id": found.terminating_rule, "name": rule_name} if found.terminating_rule else {},
        "waf": _without_empty({"verdict": found.verdict, "counted_rules": list(found.counted_rules)}),
        "cloud": {"provider": "aws", **of_acl},
    }
    answer = _without_empty(
        {
            "response": {"status_code": status} if status else {},
            "version": version[5:] if version.startswith("HTTP/") else version,
        }
    )
    event = _without_empty({"dataset": DATASET, "action": action, "outcome": _OUTCOMES.get(action)})
    return _Repeated(
        encode(event)[1:-1],
        f',"method":{encode(method)}' if method else "",
        "," + encode(answer)[1:-1] if answer else "",
        "," + encode(_without_empty(rest))[1:-1],
        encode(_without_empty({"protocol": "http", "type": f"ipv{ip_version}" if ip_version else ""}))[1:-1],
    )


def _without_empty(members: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in members.items() if value}
