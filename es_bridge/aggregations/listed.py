"""Values of a list as a field of the store can hold them, in portions that an engine takes in one clause.

An address is compared as an address and a network as its addresses where the field is of the type ``ip``; any other
field holds texts, and a network is one of them. What a type cannot hold is counted and not asked.
"""

from __future__ import annotations

import ipaddress
from itertools import islice
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Union

from es_bridge.aggregations.columns import Column
from es_bridge.lookup.match_types import holds
from es_bridge.query import Clause

#: The engines take 65,536 (``index.max_terms_count``); fewer keep one request below a megabyte.
MOST_TERMS = 20_000
#: A network is a range: the engines make a clause of each, of which they take 1,024.
MOST_NETWORKS = 500
_TYPES = {"integer": "long", "float": "double"}

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


class Portion(NamedTuple):
    """A clause for some of the values. ``covers``: whether a value of the store is one of these."""

    clause: Clause
    covers: Callable[[str], bool]


class Listed:
    """The values of a list, each once, for one field."""

    def __init__(self, values: Iterable[str], column: Column) -> None:
        self._path = column.path
        self._is_address = column.family == "ip"
        #: What the field's type cannot hold.
        self.unfit: List[str] = []
        self._terms: Dict[str, List[str]] = {}
        self._networks: Dict[Network, List[str]] = {}
        for value in dict.fromkeys(values):
            if self._is_address:
                self._take_address(value)
            elif holds(_TYPES.get(column.family, column.family), value):
                self._terms.setdefault(value.lower() if column.folds else value, []).append(value)
            else:
                self.unfit.append(value)
        self._within = _Within(self._networks)

    def portions(self) -> Iterator[Portion]:
        """Yield all values in portions."""
        terms = iter(self._terms)
        while portion := list(islice(terms, MOST_TERMS)):
            yield Portion(self._clause(portion), set(portion).__contains__)
        networks = iter(self._networks)
        while ranges := list(islice(networks, MOST_NETWORKS)):
            yield Portion(self._clause([str(each) for each in ranges]), _Within(ranges).covers)

    def of(self, value: str) -> List[str]:
        """Return the values of the list that a value of the store is, or lies in."""
        found = list(self._terms.get(value, ()))
        for network in self._within.networks(value):
            found += self._networks[network]
        return found

    def _clause(self, values: List[str]) -> Clause:
        return {"terms": {self._path: values}}

    def _take_address(self, value: str) -> None:
        try:
            if "%" in value:
                raise ValueError(value)
            if "/" not in value:
                self._terms.setdefault(address_text(value), []).append(value)
                return
            network = ipaddress.ip_network(value, strict=False)
        except ValueError:
            self.unfit.append(value)
            return
        if network.num_addresses == 1:
            self._terms.setdefault(address_text(str(network.network_address)), []).append(value)
        else:
            self._networks.setdefault(network, []).append(value)


def address_text(text: str) -> str:
    """Return an address as the engines show it: shortest form, IPv4 for an IPv4 one in IPv6. Raises ValueError."""
    address = ipaddress.ip_address(text)
    carried = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(carried or address)


class _Within:
    """Finds the networks an address lies in, by one look for each length of prefix there is."""

    def __init__(self, networks: Iterable[Network]) -> None:
        self._known = set(networks)
        self._lengths = sorted({(each.version, each.prefixlen) for each in self._known})

    def covers(self, value: str) -> bool:
        """Whether an address lies in one of them."""
        return next(self.networks(value), None) is not None

    def networks(self, value: str) -> Iterator[Network]:
        """Yield the networks that an address lies in."""
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return
        for version, length in self._lengths:
            if version == address.version:
                network = ipaddress.ip_network((address, length), strict=False)
                if network in self._known:
                    yield network
