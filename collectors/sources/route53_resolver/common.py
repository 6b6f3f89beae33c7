"""The common fields of a Resolver query as JSON text, whichever way its record was read. `normalise` has the table."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Tuple

from collectors.records.addresses import parts_of
from collectors.records.cache import bounded_cache
from collectors.records.event_time import EventTime
from collectors.records.exact_json import encode
from collectors.records.json_record import quoted
from collectors.records.record import Context
from collectors.sources.route53_resolver.log import LOG

DATASET = LOG.event_dataset

#: AWS's fields that say the same in many records, in the order `repeated_of` takes their values.
REPEATED = (
    "rcode",
    "firewall_rule_action",
    "firewall_rule_group_id",
    "query_type",
    "query_class",
    "transport",
    "region",
    "account_id",
)
ADDRESS_TYPES = ("A", "AAAA")
_TRANSPORT = {"UDP": "udp", "TCP": "tcp", "DOH": "tcp", "DOH-FIPS": "tcp"}


class Repeated(NamedTuple):
    """Members that are the same in many records, as JSON without their object's braces."""

    event: str
    #: Type and class of the question, and the response code, with a comma before each.
    question: str
    response_code: str
    #: Without the closing brace of ``cloud``.
    network_rule_cloud: str


def common_fields(time: EventTime, same: Repeated, source: str, name: str, found: str, instance: str) -> str:
    """Return the common fields as a JSON object without the closing brace.

    ``source`` is of `source_of`, ``found`` of `resolved`, ``name`` of `name.question_of`, ``instance`` a JSON string.
    Each of the four may be empty.
    """
    question = name + same.question if name else same.question[1:]
    dns = (f',"question":{{{question}}}' if question else "") + same.response_code + found
    if dns:
        dns = f',"dns":{{{dns[1:]}}}'
    if instance:
        instance = f',"instance":{{"id":{instance}}}'
    return f'{{"@timestamp":"{time.stamp}",{same.event}{source}{dns},{same.network_rule_cloud}{instance}}}'


def source_of(address: Any, port: Any, context: Context) -> Tuple[str, int]:
    """Return the member ``source`` with a comma before it, empty without an address, and the version of its IP."""
    if type(address) is not str or not address:
        return "", 0
    facts = context.addresses[address]
    members = f'"{address}",{facts.members}' if facts.is_ip else quoted(address)
    if type(port) is str and len(port) <= 5 and port.isdecimal():
        members += f',"port":{int(port)}'
    return f',"source":{{"address":{members}}}', facts.version


@bounded_cache(most=4096, longest=1024, size=lambda key: len(repr(key)))
def repeated_of(key: Tuple[Tuple[Any, ...], int]) -> Repeated:
    """Return what follows from the values of `REPEATED` and the version of the source's IP, 0 if it is none."""
    values, ip_version = key
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
    return Repeated(
        encode({"event": _without_empty({"dataset": DATASET, "action": action, "outcome": outcome})})[1:-1],
        "," + encode(question)[1:-1] if question else "",
        f',"response_code":{encode(rcode)}' if rcode else "",
        encode(_without_empty(rest))[1:-2],
    )


def _without_empty(members: Mapping[str, Any]) -> Dict[str, Any]:
    return {key: value for key, value in members.items() if value}


def resolved(answered: Iterable[Any], context: Context) -> str:
    """Return the members of ``dns`` about what was answered where addresses stand, with a comma before each."""
    addresses = context.addresses
    found = []
    known = []
    for data in answered:
        try:
            facts = addresses[data]
        except TypeError:  # no text
            continue
        if facts.is_ip:
            found.append(data)
            if facts.known:
                known.append(facts.known)
    if not found:
        return ""
    texts = '","'.join(found)
    if not known:
        return f',"resolved_ip":["{texts}"]'
    return f',"resolved_ip":["{texts}"],"resolved":{{{known[0] if len(known) == 1 else _together(tuple(known))}}}'


@lru_cache(maxsize=4096)  # the answers to one name are mostly of the same few networks
def _together(known: Tuple[str, ...]) -> str:
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


@lru_cache(maxsize=4096)
def _parts(known: str) -> Tuple[str, str, str]:
    """Return country, AS number and owner as JSON, empty for what is missing."""
    values = parts_of(json.loads("{" + known + "}"))
    country, number, owner = ["" if value is None else encode(value) for value in values]
    return country, number, owner


def _several(key: str, values: Mapping[str, None]) -> str:
    texts = [text for text in values if text]
    if len(texts) > 1:
        return f",{key}[{','.join(texts)}]"
    return f",{key}{texts[0]}" if texts else ""
