"""What is known about an IP address without asking anybody: whether it is one, its range, its country and AS.

Country and AS come from MMDB files that the user supplies (none is shipped: their licences ask for an account), read
with `maxminddb`.
Addresses of private and reserved ranges are labelled and never looked up; the documentation ranges of RFC 5737 and
RFC 3849 are looked up, as they stand for public ones wherever they are used.

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
from typing import Any, Callable, Dict, NamedTuple, Optional, Tuple, Union

#: Addresses remembered at once. A full book is begun anew: cheaper than keeping count of what was used last.
CAPACITY = 65_536

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_SHARED = ipaddress.ip_network("100.64.0.0/10")
_DOCUMENTATION: Tuple[Any, ...] = tuple(
    map(ipaddress.ip_network, ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32"))
)


class AddressFacts(NamedTuple):
    """What is known about one text that stands where an address is expected."""

    is_ip: bool
    #: Members of ``source`` or ``destination``, ready to be put into one; empty for a text that is no address.
    fields: Dict[str, Any]
    #: The same as JSON without braces, such as ``"ip":"10.0.0.1","scope":"private"``.
    members: str
    version: int


_NO_ADDRESS = AddressFacts(False, {}, "", 0)


class AddressBook(Dict[str, AddressFacts]):
    """``book[text]`` is what is known about ``text``; remembered, so that a second look costs one dictionary access.

    Not for several threads at once: each worker has a book of its own, with the same ``look_up``.
    """

    def __init__(self, look_up: Optional[Callable[[Address], Dict[str, Any]]] = None) -> None:
        super().__init__()
        self._look_up = look_up

    def __missing__(self, text: str) -> AddressFacts:
        facts = self._facts(text)
        if len(self) >= CAPACITY:
            self.clear()
        self[text] = facts
        return facts

    def _facts(self, text: str) -> AddressFacts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return _NO_ADDRESS
        if "%" in text:  # an IPv6 zone is valid in Python and refused by the engines
            return _NO_ADDRESS
        fields: Dict[str, Any] = {"ip": text}
        scope = _scope(address)
        if scope:
            fields["scope"] = scope
        elif self._look_up:
            fields.update(self._look_up(address))
        return AddressFacts(True, fields, json.dumps(fields, separators=(",", ":"))[1:-1], address.version)


def _scope(address: Address) -> str:
    """Return the range of an address that is not public: `ipaddress`'s registry, in the words of the RFCs."""
    if any(address in network for network in _DOCUMENTATION if network.version == address.version):
        return ""
    if address.is_loopback:
        return "loopback"
    if address.is_link_local:
        return "link_local"
    if address.is_multicast:
        return "multicast"
    if address.version == 4 and address in _SHARED:
        return "shared"
    if address.is_unspecified or address.is_reserved:
        return "reserved"
    return "private" if address.is_private else ""
