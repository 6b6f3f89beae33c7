"""What is known about an IP address without asking anybody: whether it is one, its range, its country and AS.

Country and AS come from MMDB files that the user supplies (none is shipped: their licences ask for an account), read
with `maxminddb`.
Addresses of private and reserved ranges are labelled and never looked up; the documentation ranges of RFC 5737 and
RFC 3849 are looked up, as they stand for public ones wherever they are used. An IPv6 address that carries an IPv4 one
(``::ffff:0:0/96``, and ``64:ff9b::/96`` of NAT64, which AWS's resolver answers with) is in the range, the country and
the AS of that one.

========================  ============================================================================================
``ip``                    the address
``scope``                 ``private``, ``loopback``, ``link_local``, ``shared``, ``multicast`` or ``reserved``; public
                          addresses have none
``geo.country_iso_code``  two letters
``as.number``             number of the autonomous system
``as.organization.name``  its owner
========================  ============================================================================================
"""

from __future__ import annotations

import ipaddress
import json
import socket
from bisect import bisect_right
from functools import lru_cache
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from collectors.records.cache import BoundedCache

#: Addresses remembered at once: about 40 MB with country and AS.
CAPACITY = 65_536
#: ``ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255``; what is longer is no address, and is not remembered.
LONGEST_ADDRESS = 45

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

#: The ranges that are not public. `ipaddress.is_private` answers differently from one Python to the next, and takes
#: 10 microseconds. https://www.iana.org/assignments/iana-ipv4-special-registry and .../iana-ipv6-special-registry
_RANGES: Dict[str, str] = {
    "0.0.0.0/8": "reserved",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared",
    "127.0.0.0/8": "loopback",
    "169.254.0.0/16": "link_local",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "reserved",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    "::1/128": "loopback",
    "fc00::/7": "private",
    "fe80::/10": "link_local",
    "fec0::/10": "private",
    "ff00::/8": "multicast",
}
#: The only part of IPv6 that is given out as public addresses.
_PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
_CARRIES_4 = tuple(int(ipaddress.IPv6Address(prefix)) >> 32 for prefix in ("::ffff:0:0", "64:ff9b::"))


class AddressFacts(NamedTuple):
    """What is known about one text that stands where an address is expected."""

    is_ip: bool
    #: Members of ``source`` or ``destination``, ready to be put into one; empty for a text that is no address. Shared:
    #: not to be changed.
    fields: Dict[str, Any]
    #: The same as JSON without braces, such as ``"ip":"10.0.0.1","scope":"private"``.
    members: str
    version: int
    #: What was looked up, as JSON without braces; equal for all addresses about which the same is known.
    known: str = ""


_encode = json.JSONEncoder(separators=(",", ":")).encode
_NO_ADDRESS = AddressFacts(False, {}, "", 0)


class AddressBook(BoundedCache[str, AddressFacts]):
    """``book[text]`` is what is known about ``text``; remembered, so that a second look costs one dictionary access.

    Workers share one: two that ask for the same new address at once look it up twice, and know the same then.
    """

    def __init__(self, look_up: Optional[Callable[[Address], Dict[str, Any]]] = None) -> None:
        super().__init__(self._facts, CAPACITY, LONGEST_ADDRESS)
        self._look_up = look_up

    def _facts(self, text: str) -> AddressFacts:
        if len(text) > LONGEST_ADDRESS:
            return _NO_ADDRESS
        try:
            return self._facts_6(text) if ":" in text else self._facts_4(text)
        except (ValueError, OSError):
            return _NO_ADDRESS

    def _facts_4(self, text: str) -> AddressFacts:
        packed = socket.inet_pton(socket.AF_INET, text)  # a tenth of the time of ipaddress
        if socket.inet_ntoa(packed) != text:  # some platforms take leading zeros, which others read as octal
            return _NO_ADDRESS
        scope = _scope_4(int.from_bytes(packed, "big"))
        if scope or not self._look_up:
            return _made(text, scope, 4)
        return _made(text, scope, 4, self._look_up(ipaddress.IPv4Address(packed)))

    def _facts_6(self, text: str) -> AddressFacts:
        if "%" in text:  # a zone (fe80::1%eth0) is valid in Python and refused by the engines
            return _NO_ADDRESS
        address = ipaddress.IPv6Address(text)
        carried = _carried(address)
        scope = _scope_6(address) if carried is None else _scope_4(int(carried))
        if scope or not self._look_up:
            return _made(text, scope, 6)
        return _made(text, scope, 6, self._look_up(carried or address))


def _made(text: str, scope: str, version: int, found: Optional[Dict[str, Any]] = None) -> AddressFacts:
    if scope:
        return AddressFacts(True, {"ip": text, "scope": scope}, f'"ip":"{text}","scope":"{scope}"', version)
    if not found:
        return AddressFacts(True, {"ip": text}, f'"ip":"{text}"', version)
    known = _known(*parts_of(found))
    return AddressFacts(True, {"ip": text, **found}, f'"ip":"{text}",{known}', version, known)


def parts_of(found: Mapping[str, Any]) -> Tuple[Optional[str], Optional[int], Optional[str]]:
    """Return country, AS number and owner out of what was looked up, None for what is missing."""
    system = found.get("as", {})
    return (
        found.get("geo", {}).get("country_iso_code"),
        system.get("number"),
        system.get("organization", {}).get("name"),
    )


def looked_up(country: Optional[str], number: Optional[int], owner: Optional[str]) -> Dict[str, Any]:
    """Return ``geo`` and ``as`` of the table above, each left out where nothing is known."""
    found = {"geo": _geo(country)} if country else {}
    return {**found, "as": _system(number, owner)} if number or owner else found


# Made once for all addresses of a country or an owner: an address book of 65,536 addresses is 40 MB smaller so.
@lru_cache(maxsize=1024)
def _geo(country: str) -> Dict[str, Any]:
    return {"country_iso_code": country}


@lru_cache(maxsize=131_072)
def _system(number: Optional[int], owner: Optional[str]) -> Dict[str, Any]:
    system: Dict[str, Any] = {} if number is None else {"number": number}
    if owner:
        system["organization"] = {"name": owner}
    return system


@lru_cache(maxsize=16_384)  # a country and an owner have many addresses: a third of the time a new one takes
def _known(country: Optional[str], number: Optional[int], owner: Optional[str]) -> str:
    return _encode(looked_up(country, number, owner))[1:-1]


def _carried(address: ipaddress.IPv6Address) -> Optional[ipaddress.IPv4Address]:
    """Return the IPv4 address inside of an IPv6 address that stands for one."""
    number = int(address)
    return ipaddress.IPv4Address(number & 0xFFFFFFFF) if number >> 32 in _CARRIES_4 else None


def _intervals(version: int) -> Tuple[List[int], List[Tuple[int, str]]]:
    """Return where the ranges begin, in order, and for each where it ends and its name."""
    networks = sorted(
        (int(network[0]), int(network[-1]), scope)
        for network, scope in ((ipaddress.ip_network(text), scope) for text, scope in _RANGES.items())
        if network.version == version
    )
    return [first for first, _, _ in networks], [(last, scope) for _, last, scope in networks]


_STARTS_4, _ENDS_4 = _intervals(4)
_STARTS_6, _ENDS_6 = _intervals(6)


def _scope_4(number: int) -> str:
    """Return the name of the range an IPv4 address is in, empty for a public one."""
    last, scope = _ENDS_4[bisect_right(_STARTS_4, number) - 1]
    return scope if number <= last else ""


def _scope_6(address: ipaddress.IPv6Address) -> str:
    if address in _PUBLIC_6:
        return ""
    number = int(address)
    at = bisect_right(_STARTS_6, number) - 1
    return _ENDS_6[at][1] if at >= 0 and number <= _ENDS_6[at][0] else "reserved"
