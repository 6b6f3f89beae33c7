"""What was asked for and by whom: the common fields of a document that ``httpRequest`` says, around the decision's.

The text is put together from members, each with a comma before it: making a dictionary and encoding it takes twice as
long.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from collectors.exact_json import encode
from collectors.json_record import quoted
from collectors.records import Context
from collectors.waf.decision import Decision

#: Characters of method and version of a request that are remembered; an outsider chooses them.
LONGEST_REMEMBERED = 32
#: The headers that common fields are made of, in small letters.
WANTED = ("host", "user-agent", "referer", "x-forwarded-for")
#: Headers of a request, and characters of their names, whose order is remembered.
LONGEST_NAMES = 2048


def common_fields(stamp: str, made: Decision, fields: Mapping[str, Any], context: Context) -> str:
    """Return the common fields of a decoded record as a JSON object without the closing brace."""
    request = fields.get("httpRequest")
    if type(request) is not dict:
        request = {}
    get = request.get
    host, agent, referrer, forwarded = _wanted(get("headers"))

    source, ip_version = "", 0
    address = get("clientIp")
    if type(address) is str and address:
        facts = context.addresses[address]
        ip_version = facts.version
        members = f'"{address}",{facts.members}' if facts.is_ip else quoted(address)
        if len(facts.fields) == 1:  # nothing is known but that it is an address
            country, system = get("country"), fields.get("clientAsn")
            members += _known_to_aws(country if type(country) is str else "", system if type(system) is int else 0)
        source = f',"source":{{"address":{members}}}'

    method, version, network = _usual(get("httpMethod"), get("httpVersion"), ip_version)
    domain = _domain(host if type(host) is str else get("host"))
    url = _member("path", get("uri")) + _member("query", get("args")) + _member("domain", domain)
    asked = method + _member("referrer", referrer)
    http = (f',"request":{{{asked[1:]}}}' if asked else "") + made.response + version
    return (
        f'{{"@timestamp":"{stamp}","event":{{{made.event}{_member("id", get("requestId"))}}}{source}'
        f"{_object('url', url)}{_object('http', http)}{_object('user_agent', _member('original', agent))}{made.rest}"
        f',"network":{{{network}{_forwarded(forwarded, context)}}}'
    )


def _wanted(headers: Any) -> List[Any]:
    """Return the values of the `WANTED` headers, None for one that is missing; the first one where one is repeated."""
    if type(headers) is not list:
        return [None] * len(WANTED)
    try:
        names = tuple([header["name"] for header in headers])
        is_short = len(names) + len("".join(names)) <= LONGEST_NAMES
        places = _places(names) if is_short else _places.__wrapped__(names)
        return [None if place < 0 else headers[place]["value"] for place in places]
    except (TypeError, KeyError, AttributeError):  # not a list of names and values
        usual = [each for each in headers if type(each) is dict and type(each.get("name")) is str]
        places = _places.__wrapped__([each["name"] for each in usual])
        return [None if place < 0 else usual[place].get("value") for place in places]


@lru_cache(maxsize=1024)  # a browser sends its headers in one order
def _places(names: Sequence[str]) -> List[int]:
    """Return where the `WANTED` headers are first, less than 0 for one that is missing."""
    lower = [name.lower() for name in names]
    return [lower.index(name) if name in lower else -1 for name in WANTED]


def _member(name: str, text: Any) -> str:
    """Return a member of a JSON object with a comma before it; nothing for what is no text."""
    return f',"{name}":{quoted(text)}' if text and type(text) is str else ""


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


def _usual(method: Any, version: Any, ip_version: int) -> Tuple[str, str, str]:
    """Return the request's method and version as members of ``http.request`` and ``http``, and those of ``network``."""
    method = method if type(method) is str else ""
    version = version if type(version) is str else ""
    if len(method) + len(version) > LONGEST_REMEMBERED:
        return _encoded.__wrapped__(method, version, ip_version)
    return _encoded(method, version, ip_version)


@lru_cache(maxsize=4096)
def _encoded(method: str, version: str, ip_version: int) -> Tuple[str, str, str]:
    number = version[5:] if version.startswith("HTTP/") else version
    return (
        f',"method":{encode(method)}' if method else "",
        f',"version":{encode(number)}' if number else "",
        '"protocol":"http"' + (f',"type":"ipv{ip_version}"' if ip_version else ""),
    )


@lru_cache(maxsize=4096)
def _known_to_aws(country: str, system: int) -> str:
    """Return what WAF itself knows about a client, as `AddressFacts.members`; ``-`` is an unknown country."""
    known: Dict[str, Any] = {}
    if len(country) == 2:
        known["geo"] = {"country_iso_code": country}
    if 0 < system < 2**32:
        known["as"] = {"number": system}
    return "," + encode(known)[1:-1] if known else ""
