"""What was asked for and by whom: the common fields of a document that ``httpRequest`` says, around the decision's.

The text is put together from members, each with a comma before it: making a dictionary and encoding it takes twice as
long.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Dict, Mapping, Tuple

from collectors.exact_json import encode
from collectors.json_codec import Codec
from collectors.json_record import quoted
from collectors.records import Context
from collectors.waf.decision import Decision

#: Characters of method and version of a request that are remembered; an outsider chooses them.
LONGEST_REMEMBERED = 32


def common_fields(stamp: str, made: Decision, fields: Mapping[str, Any], context: Context) -> str:
    """Return the common fields of a decoded record as a JSON object without the closing brace."""
    codec = context.codec
    request = fields.get("httpRequest")
    if type(request) is not dict:
        request = {}
    get = request.get
    header = _first_values(get("headers")).get

    source, ip_version = "", 0
    address = get("clientIp")
    if type(address) is str and address:
        facts = context.addresses[address]
        ip_version = facts.version
        members = f'"{address}",{facts.members}' if facts.is_ip else quoted(address, codec)
        if len(facts.fields) == 1:  # nothing is known but that it is an address
            country, system = get("country"), fields.get("clientAsn")
            members += _known_to_aws(country if type(country) is str else "", system if type(system) is int else 0)
        source = f',"source":{{"address":{members}}}'

    method, version, network = _usual(get("httpMethod"), get("httpVersion"), ip_version)
    host = header("host")
    domain = _domain(host if type(host) is str else get("host"))
    url = _member("path", get("uri"), codec) + _member("query", get("args"), codec) + _member("domain", domain, codec)
    asked = method + _member("referrer", header("referer"), codec)
    http = (f',"request":{{{asked[1:]}}}' if asked else "") + made.response + version
    agent = _member("original", header("user-agent"), codec)
    return (
        f'{{"@timestamp":"{stamp}","event":{{{made.event}{_member("id", get("requestId"), codec)}}}{source}'
        f"{_object('url', url)}{_object('http', http)}{_object('user_agent', agent)}{made.rest}"
        f',"network":{{{network}{_forwarded(header("x-forwarded-for"), context)}}}'
    )


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
