"""Leads through everything there is in one account and region. What is denied holds nothing else up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Callable, Dict, Iterator, List, Mapping, Set

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from collectors.assets import accounts, compute, identity, network, storage
from collectors.assets.asset import Asset

Listing = Callable[[Area], Iterator[Asset]]
#: What a region has.
REGIONAL: Mapping[str, Listing] = {
    "instances": compute.instances,
    "load_balancers": compute.load_balancers,
    "functions": compute.functions,
    "clusters": compute.clusters,
    "databases": compute.databases,
    "networks": network.networks,
    "security_groups": network.security_groups,
    "interfaces": network.interfaces,
    "addresses": network.addresses,
}
#: What an account has once, asked for in its home region.
GLOBAL: Mapping[str, Listing] = {
    "buckets": storage.buckets,
    "users": identity.users,
    "roles": identity.roles,
    "account": accounts.own,
}
#: What an organization has, asked for once by its management account or a delegated administrator.
ORGANIZATION: Mapping[str, Listing] = {"accounts": accounts.organization}


@dataclass
class Found:
    """The assets of one account and region, and what could not be listed."""

    #: Name of a list -> what it found, as far as it came.
    lists: Dict[str, List[Asset]] = field(default_factory=dict)
    #: Name of a list -> why it is incomplete. What it lists is not gone because it is not here.
    problems: Dict[str, CallProblem] = field(default_factory=dict)
    complete: Set[str] = field(default_factory=set)


def inventory(area: Area, lists: Mapping[str, Listing], before_each: Callable[[], None] = lambda: None) -> Found:
    """Return everything that the lists find. Raises nothing that AWS answers, but what ``before_each`` does."""
    found = Found()
    for name, listing in lists.items():
        before_each()
        found.lists[name] = []
        try:
            for asset in listing(area):
                found.lists[name].append(asset)
        except CallProblem as exc:
            found.problems[name] = exc
        else:
            found.complete.add(name)
    return found
