"""What was asked for and by whom: the common fields of a document that ``httpRequest`` says, around the decision's.

The text is put together from members, each with a comma before it: making a dictionary and encoding it takes twice as
long.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

from collectors.records.cache import bounded_cache
from collectors.records.exact_json import encode
from collectors.records.json_record import quoted
from collectors.records.record import Context
from collectors.records.text_forms import decoded_forms
from collectors.sources.waf.authority import forwarded_address, without_port
from collectors.sources.waf.decision import Decision

#: Characters of method and version of a request that are remembered: they are attacker-controlled.
LONGEST_REMEMBERED = 32
#: The same of a path or query that had to be decoded, and of the name of a header.
LONGEST_DECODED, LONGEST_NAME = 256, 64
#: The headers that are looked for.
_HEADERS = frozenset(("host", "referer", "user-agent", "x-forwarded-for", "forwarded"))


class Asked(NamedTuple):
    """What the common fields need of a request; empty for what is missing or no text."""

    #: These four are plain text.
    address: str
    country: str
    method: str
    version: str
    #: These are JSON.
    path: str
    query: str
    domain: str
    referrer: str
    agent: str
    request_id: str
    #: Plain text again: the first address that the request was forwarded for.
    forwarded: str


def asked(request: Any) -> Asked:
    """Return what a decoded ``httpRequest`` asks for."""
    if type(request) is not dict:
        request = {}
    get = request.get
    headers = _values(get("headers"))
    host = _first(headers, "host")
    return Asked(
        _plain(get("clientIp")),
        _plain(get("country")),
        _plain(get("httpMethod")),
        _plain(get("httpVersion")),
        _json(get("uri")),
        _json(get("args")),
        _json(without_port(_plain(host if type(host) is str else get("host")))),
        _json(_first(headers, "referer")),
        _json(_first(headers, "user-agent")),
        _json(get("requestId")),
        forwarded_address(_joined(headers, "x-forwarded-for"), _joined(headers, "forwarded")),
    )


def common_fields(stamp: str, made: Decision, request: Asked, system: Any, context: Context) -> str:
    """Return the common fields of a record as a JSON object without the closing brace; ``system`` is ``clientAsn``."""
    address, country, method, version, path, query, domain, referrer, agent, request_id, forwarded = request
    source, ip_version = "", 0
    if address:
        facts = context.addresses[address]
        ip_version = facts.version
        members = f'"{address}",{facts.members}' if facts.is_ip else quoted(address)
        if len(facts.fields) == 1:  # nothing is known but that it is an address
            members += _known_to_aws(country, system if type(system) is int else 0)
        source = f',"source":{{"address":{members}}}'
    method, version, network = _protocol[method, version, ip_version]
    forwarded = forwarded and f',"forwarded_ip":"{forwarded}"'
    url = _url(path, query) + _member("domain", domain)
    sent = method + _member("referrer", referrer)
    http = (f',"request":{{{sent[1:]}}}' if sent else "") + made.response + version
    return (
        f'{{"@timestamp":"{stamp}","event":{{{made.event}{_member("id", request_id)}}}{source}'
        f"{_object('url', url)}{_object('http', http)}{_object('user_agent', _member('original', agent))}{made.rest}"
        f',"network":{{{network}{forwarded}}}'
    )


def _values(headers: Any) -> Dict[str, List[Any]]:
    """Return the values of the headers that are looked for, by their names in small letters."""
    found: Dict[str, List[Any]] = {}
    if type(headers) is list:
        for header in headers:
            if type(header) is dict:
                written = header.get("name")
                if type(written) is str:
                    name = _wanted[written]
                    if name:
                        found.setdefault(name, []).append(header.get("value"))
    return found


@bounded_cache(most=4096, longest=LONGEST_NAME)
def _wanted(written: str) -> str:
    """Return the name of a header in small letters, empty for one that is not looked for."""
    name = written.lower()
    return name if name in _HEADERS else ""


def _first(headers: Mapping[str, List[Any]], name: str) -> Any:
    values = headers.get(name)
    return values[0] if values else None


def _joined(headers: Mapping[str, List[Any]], name: str) -> str:
    """Return the values of all headers of a name, as one: that is what a repeated header means."""
    values = headers.get(name)
    return ",".join([value for value in values if type(value) is str]) if values else ""


def _plain(value: Any) -> str:
    return value if type(value) is str else ""


def _json(value: Any) -> str:
    return quoted(value) if value and type(value) is str else ""


def _member(name: str, text: str) -> str:
    """Return JSON ``text`` as a member with a comma before it; nothing if it is empty."""
    return f',"{name}":{text}' if text else ""


def _object(name: str, members: str) -> str:
    """Return an object of ``members``, each with a comma before it, as a member with a comma before it."""
    return f',"{name}":{{{members[1:]}}}' if members else ""


def _url(path: str, query: str) -> str:
    """Return the members of ``url`` that path and query give: as they were sent, and decoded. Both are JSON."""
    if not path and not query:
        return ""
    original = f"{path[:-1]}?{query[1:]}" if path and query else path or f'"?{query[1:]}'
    members = f',"original":{original}'
    if path:
        members += f',"path":{path}' if "%" not in path and path.isascii() else _decoded["path", path]
    if query:
        is_plain = "%" not in query and "+" not in query and query.isascii()
        members += f',"query":{query}' if is_plain else _decoded["query", query]
    return members


@bounded_cache(most=4096, longest=LONGEST_DECODED, size=lambda key: len(key[1]))
def _decoded(key: Tuple[str, str]) -> str:
    """Return the member of this name with its JSON text decoded, and where it has other forms, these beside it."""
    name, text = key
    first, *others = map(quoted, decoded_forms(json.loads(text), plus_is_space=name == "query"))
    return f',"{name}":{first}' + (f',"{name}_forms":[{",".join(others)}]' if others else "")


@bounded_cache(most=4096, longest=LONGEST_REMEMBERED, size=lambda key: len(key[0]) + len(key[1]))
def _protocol(key: Tuple[str, str, int]) -> Tuple[str, str, str]:
    """Return the request's method and version as members of ``http.request`` and ``http``, and those of ``network``."""
    method, version, ip_version = key
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
