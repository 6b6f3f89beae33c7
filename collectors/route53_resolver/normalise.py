"""A Resolver query log record as the document that is stored and searched. Pure: no network, no file, no clock.

The document is the record as AWS wrote it, names and values unchanged, with a few fields in front of it that have the
same names for every log of this product. AWS's names:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resolver-query-logs-format.html, the common names: Elastic
Common Schema, https://www.elastic.co/guide/en/ecs/current/ecs-field-reference.html

=======================  =========================================================================================
common field             comes from
=======================  =========================================================================================
@timestamp               query_timestamp, in UTC with milliseconds
event.dataset            ``aws.route53_resolver``
event.action             firewall_rule_action, only where a rule of DNS Firewall matched
event.outcome            ``success`` when rcode is NOERROR and no rule blocked the query, else ``failure``
event.oversized          names of fields whose text is too long to be indexed
source.address           srcaddr
source.ip, scope, ...    the same, when it is an address, with what is known about it
source.port              srcport, a string in AWS's record
dns.question.name        query_name without the dot at its end; the root itself is ``.``
dns.question.type        query_type
dns.question.class       query_class
dns.response_code        rcode
dns.resolved_ip          the addresses among the answers
dns.resolved.geo, .as    countries and autonomous systems of these addresses, each once
network.protocol         ``dns``
network.transport        ``udp`` or ``tcp``, from transport; DNS over HTTPS runs over TCP
network.type             ``ipv4`` or ``ipv6``, from srcaddr
rule.id                  firewall_rule_group_id: the log does not name the rule itself
cloud.provider           ``aws``
cloud.region             region
cloud.account.id         account_id
cloud.instance.id        srcids.instance
unmapped                 what would make an engine refuse the document, under its own name: see `collectors.shape`
=======================  =========================================================================================

A source that is missing leaves its common field out. Required is ``query_timestamp``; everything else is optional.
"""

from __future__ import annotations

import json
from functools import lru_cache, partial
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from collectors.datasets import DATASETS
from collectors.errors import InvalidRecord
from collectors.event_time import EventTime, from_iso
from collectors.exact_json import encode
from collectors.json_record import JsonLog, json_document, quoted
from collectors.records import Context
from collectors.shape import ANYTHING, VALUE, Shape

DATASET = "aws.route53_resolver"

#: AWS's fields in the index template; a test compares the two.
MAPPED: Mapping[str, Any] = {
    "version": VALUE,
    "account_id": VALUE,
    "region": VALUE,
    "vpc_id": VALUE,
    "query_name": VALUE,
    "query_type": VALUE,
    "query_class": VALUE,
    "rcode": VALUE,
    "answers": {"Rdata": VALUE, "Type": VALUE, "Class": VALUE},
    "srcaddr": VALUE,
    "srcport": VALUE,
    "transport": VALUE,
    "srcids": {"instance": VALUE, "resolver_endpoint": VALUE, "resolver_network_interface": VALUE},
    "firewall_rule_action": VALUE,
    "firewall_rule_group_id": VALUE,
    "firewall_domain_list_id": VALUE,
    "additional_properties": ANYTHING,
}
#: Names that this module gives; a record's own value under one of them moves to ``unmapped``.
COMMON = ("@timestamp", "event", "source", "dns", "network", "rule", "cloud", "unmapped")

#: ``2026-11-21T04:53:00.123456789+09:00``; what is longer is no time, and is not remembered.
LONGEST_TIME = 35
ADDRESS_TYPES = ("A", "AAAA")
_TRANSPORT = {"UDP": "udp", "TCP": "tcp", "DOH": "tcp", "DOH-FIPS": "tcp"}


def describe(fields: Dict[str, Any], context: Context) -> Tuple[EventTime, str]:
    """Return the time of a decoded record and the common fields of the table above, as `json_record.JsonLog` says.

    Raises `InvalidRecord` for a record without a usable query_timestamp. What is no text where AWS writes text says
    nothing to the common fields.
    """
    get = fields.get
    written = get("query_timestamp")
    time = from_iso(written) if type(written) is str and len(written) <= LONGEST_TIME else None
    if time is None:
        raise InvalidRecord(
            f"the record's query_timestamp is {str(written)[:60]!r} instead of a time like 2026-11-21T04:53:00Z"
        )
    source, ip_version = "", 0
    address = get("srcaddr")
    if type(address) is str and address:
        facts = context.addresses[address]
        ip_version = facts.version
        members = f'"{address}",{facts.members}' if facts.is_ip else quoted(address, context.codec)
        port = get("srcport")
        if type(port) is str and len(port) <= 5 and port.isdecimal():
            members += f',"port":{int(port)}'
        source = f',"source":{{"address":{members}}}'
    often = (
        ip_version,
        get("rcode"),
        get("firewall_rule_action"),
        get("firewall_rule_group_id"),
        get("query_type"),
        get("query_class"),
        get("transport"),
        get("region"),
        get("account_id"),
    )
    try:
        repeated = _repeated(often)
    except TypeError:  # a list or object, which cannot be remembered
        repeated = _repeated.__wrapped__(often)
    question = repeated.question
    name = get("query_name")
    if type(name) is str and name:
        name = quoted(name[:-1] if name[-1] == "." and len(name) > 1 else name, context.codec)
        question = f',"name":{name}{question}'
    dns = (f',"question":{{{question[1:]}}}' if question else "") + repeated.response_code
    answers = get("answers")
    if answers and type(answers) is list:
        dns += _resolved(answers, context)
    sources = get("srcids")
    instance = sources.get("instance") if type(sources) is dict else None
    if type(instance) is str and instance:
        instance = f',"instance":{{"id":{quoted(instance, context.codec)}}}'
    else:
        instance = ""
    dns = f',"dns":{{{dns[1:]}}}' if dns else ""
    return (
        time,
        f'{{"@timestamp":"{time.stamp}",{repeated.event}{source}{dns},{repeated.network_rule_cloud}{instance}}}',
    )


LOG = JsonLog(DATASETS["route53_resolver"].index_prefix, Shape(MAPPED, COMMON), describe)


#: Line, id, number and context -> the document, as `collectors.json_record.json_document` says.
document = partial(json_document, LOG)


class _Repeated(NamedTuple):
    """Members that are the same in many records, as JSON without their object's braces."""

    event: str
    #: Type and class of the question, and the response code, with a comma before each.
    question: str
    response_code: str
    #: Without the closing brace of ``cloud``.
    network_rule_cloud: str


@lru_cache(maxsize=16_384)
def _repeated(often: Tuple[Any, ...]) -> _Repeated:
    ip_version, *values = often
    rcode, action, rule_group, query_type, query_class, transport, region, account = [
        value if type(value) is str else "" for value in values
    ]
    outcome = rcode and ("success" if rcode == "NOERROR" and action != "BLOCK" else "failure")
    network = {
        "protocol": "dns",
        "transport": transport and (_TRANSPORT.get(transport.upper()) or transport.lower()),
        "type": f"ipv{ip_version}" if ip_version else None,
    }
    rest = {
        "network": _without_empty(network),
        "rule": _without_empty({"id": rule_group}),
        "cloud": _without_empty({"provider": "aws", "region": region, "account": account and {"id": account}}),
    }
    question = _without_empty({"type": query_type, "class": query_class})
    return _Repeated(
        encode({"event": _without_empty({"dataset": DATASET, "action": action, "outcome": outcome})})[1:-1],
        "," + encode(question)[1:-1] if question else "",
        f',"response_code":{encode(rcode)}' if rcode else "",
        encode(_without_empty(rest))[1:-2],
    )


def _without_empty(members: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in members.items() if value}


def _resolved(answers: List[Any], context: Context) -> str:
    """Return the addresses among the answers, and what is known about them, with a comma before each member."""
    addresses = context.addresses
    resolved = []
    known = []
    for answer in answers:
        try:
            if answer["Type"] not in ADDRESS_TYPES:
                continue
            data = answer["Rdata"]
            facts = addresses[data]
        except (TypeError, KeyError):  # not as AWS writes it
            continue
        if facts.is_ip:
            resolved.append(data)
            if facts.known:
                known.append(facts.known)
    if not resolved:
        return ""
    texts = '","'.join(resolved)
    if not known:
        return f',"resolved_ip":["{texts}"]'
    return f',"resolved_ip":["{texts}"],"resolved":{{{known[0] if len(known) == 1 else _together(known)}}}'


def _together(known: List[str]) -> str:
    """Return country and AS of several addresses, given as `AddressFacts.known`, in one: each value once."""
    countries: Dict[str, None] = {}
    numbers: Dict[str, None] = {}
    owners: Dict[str, None] = {}
    for text in known:
        country, number, owner = _parts(text)
        countries[country] = numbers[number] = owners[owner] = None
    geo = _several('"country_iso_code":', countries)
    owner = _several('"name":', owners)
    system = _several('"number":', numbers) + (f',"organization":{{{owner[1:]}}}' if owner else "")
    members = (f',"geo":{{{geo[1:]}}}' if geo else "") + (f',"as":{{{system[1:]}}}' if system else "")
    return members[1:]


@lru_cache(maxsize=16_384)
def _parts(known: str) -> Tuple[str, str, str]:
    """Return country, AS number and owner as JSON, empty for what is missing."""
    found = json.loads("{" + known + "}")
    system = found.get("as", {})
    values = (
        found.get("geo", {}).get("country_iso_code"),
        system.get("number"),
        system.get("organization", {}).get("name"),
    )
    country, number, owner = ["" if value is None else encode(value) for value in values]
    return country, number, owner


def _several(key: str, values: Mapping[str, None]) -> str:
    texts = [text for text in values if text]
    if len(texts) > 1:
        return f",{key}[{','.join(texts)}]"
    return f",{key}{texts[0]}" if texts else ""
