"""Addresses and host names as headers of HTTP write them: with ports, brackets, quotes, or in place of them nothing.

``X-Forwarded-For`` has no standard. Seen in the field: ``198.51.100.4, 10.0.0.1``, ``198.51.100.4:51234``,
``[2001:db8::17]:443``, the same in quotes, ``unknown`` and ``_hidden`` (RFC 7239, for what a proxy will not say), empty
elements, several headers. ``Forwarded`` (RFC 7239) has ``for=...;by=...``, separated by commas.
"""

from __future__ import annotations

import re
from functools import lru_cache

from collectors.records.addresses import AddressBook

#: Elements looked at, and characters of one: longer ones hold no address with a port. The client writes them.
MOST_ELEMENTS, LONGEST_ELEMENT = 16, 80

_PORT = re.compile(r":[0-9]*")
_BRACKETS = re.compile(r"\[([^\[\]]*)\](?::[0-9]*)?")
_BARE_6 = re.compile(r"[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_MAPPED = re.compile(r"::(?:0{1,4}:)?ffff:([0-9.]+)", re.IGNORECASE)


def without_port(host: str) -> str:
    """Return the host of an authority, given as it is or as it stands in JSON; an IPv6 address keeps its brackets.

    https://www.elastic.co/guide/en/ecs/current/ecs-url.html says so of ``url.domain``.
    """
    if ":" not in host:
        return host
    if host[:1] == "[":
        return host[: host.find("]") + 1] or host
    return host if _BARE_6.fullmatch(host) else host.partition(":")[0]


def forwarded_address(forwarded_for: str, forwarded: str = "") -> str:
    """Return the first address in the headers ``x-forwarded-for``, else in ``forwarded``; empty if there is none."""
    if forwarded_for:
        first = _address(forwarded_for) if len(forwarded_for) <= LONGEST_ELEMENT else ""
        if first:  # the usual case: one address, nothing else
            return first
        for element in forwarded_for.split(",", MOST_ELEMENTS)[:MOST_ELEMENTS]:
            address = _address(element) if len(element) <= LONGEST_ELEMENT else ""
            if address:
                return address
    return _of_forwarded(forwarded) if forwarded else ""


def _of_forwarded(header: str) -> str:
    for element in header.split(",", MOST_ELEMENTS)[:MOST_ELEMENTS]:
        for pair in element.split(";", MOST_ELEMENTS)[:MOST_ELEMENTS]:
            name, _, value = pair.partition("=")
            if name.strip().lower() == "for" and len(value) <= LONGEST_ELEMENT:
                address = _address(value)
                if address:
                    return address
    return ""


@lru_cache(maxsize=4096)
def _address(element: str) -> str:
    """Return the address in one element, without port, brackets, quotes and zone; empty if it holds none."""
    text = element.strip(" \t\"'\\")
    found = _BRACKETS.fullmatch(text)
    if found:
        text = found[1]
    elif text.count(":") == 1:
        host, port = text[: text.index(":")], text[text.index(":") :]
        text = host if _PORT.fullmatch(port) else text
    text = text.partition("%")[0].strip()
    mapped = _MAPPED.fullmatch(text)
    if mapped:
        text = mapped[1]
    return text if AddressBook()[text].is_ip else ""
