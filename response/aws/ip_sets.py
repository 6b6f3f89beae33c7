"""IP sets of AWS WAF: found or made by name, changed by many at once without losing an address.

Needs ``wafv2:ListIPSets``, ``GetIPSet``, ``CreateIPSet``, ``TagResource``, ``UpdateIPSet``. Sets for CloudFront are in
us-east-1. https://docs.aws.amazon.com/waf/latest/developerguide/waf-ip-set-managing.html
"""

from __future__ import annotations

import ipaddress
import time
from typing import Any, Callable, Dict, FrozenSet, Iterable, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, CallRejected
from es_bridge.backoff import Backoff
from response.core.addresses import Network

REGIONAL, CLOUDFRONT = "REGIONAL", "CLOUDFRONT"
#: Where everything of CloudFront is.
CLOUDFRONT_REGION = "us-east-1"
#: Addresses in one set: https://docs.aws.amazon.com/waf/latest/developerguide/limits.html
MOST_ADDRESSES = 10_000
#: Others change the same set meanwhile: each time one of them is through, so twenty at once are.
ROUNDS = 40
WAITS = Backoff(0.1, 2.0)
_LOCKED = "WAFOptimisticLockException"
_DUPLICATE = "WAFDuplicateItemException"
#: The set was made a moment ago and is not everywhere yet: AWS says to try again.
_NOT_YET = "WAFUnavailableEntityException"


class IpSet(NamedTuple):
    """One IP set. ``scope`` is ``REGIONAL`` or ``CLOUDFRONT``."""

    name: str
    id: str
    arn: str
    scope: str


class SetFull(Exception):
    """A set has no room for more. ``fits``: how many more it takes."""

    def __init__(self, there: int, fits: int) -> None:
        super().__init__(
            f"the set is full: it has {there:,} of {MOST_ADDRESSES:,} addresses, room for {fits:,} more. Take out what "
            "is no longer needed, block networks instead of addresses, or use a second set"
        )
        self.fits = fits


class IpSets:
    """The IP sets of one account, region and scope."""

    def __init__(self, area: Area, scope: str, sleep: Callable[[float], Any] = time.sleep) -> None:
        """``sleep`` waits so many seconds before a set that others change is read again."""
        self.scope = scope
        self.area = area._replace(region=CLOUDFRONT_REGION) if scope == CLOUDFRONT else area
        self._sleep = sleep

    def find(self, name: str) -> Optional[IpSet]:
        """Return the set of a name, or nothing. Raises `CallProblem`."""
        for each in self.area.each("wafv2", "ListIPSets", "IPSets", {"NextMarker": "NextMarker"}, Scope=self.scope):
            if each["Name"] == name:
                return IpSet(name, each["Id"], each["ARN"], self.scope)
        return None

    def ensure(self, name: str, version: int) -> IpSet:
        """Return the set of a name, which is made empty where there is none. Raises `CallProblem`."""
        found = self.find(name)
        if found:
            return found
        try:
            made = self._call(
                "CreateIPSet", Name=name, Scope=self.scope, IPAddressVersion=f"IPV{version}", Addresses=[],
                Description="Addresses that aws-siem-bridge blocks.",
                Tags=[{"Key": "aws-siem-bridge:blocked", "Value": f"ipv{version}"}],
            )["Summary"]  # fmt: skip
            return IpSet(name, made["Id"], made["ARN"], self.scope)
        except CallRejected as exc:
            found = self.find(name) if _DUPLICATE in str(exc) else None
            if not found:
                raise
            return found

    def addresses(self, of: IpSet) -> FrozenSet[Network]:
        """Return what is in a set. Raises `CallProblem`."""
        return frozenset(ipaddress.ip_network(each) for each in self._read(of)["IPSet"].get("Addresses") or ())

    def change(self, of: IpSet, add: Iterable[Network] = (), remove: Iterable[Network] = ()) -> FrozenSet[Network]:
        """Add and take out addresses in one update, whatever others do meanwhile; return those that were changed.

        Raises `SetFull` before anything was changed, and `CallProblem`.
        """
        more, less = set(add), set(remove)
        for attempt in range(ROUNDS):
            found = self._read(of)
            texts, described = list(found["IPSet"].get("Addresses") or ()), found["IPSet"].get("Description")
            there = {ipaddress.ip_network(each): each for each in texts}
            new = more - set(there)
            gone = less & set(there)
            if not new and not gone:
                return frozenset()
            if len(there) - len(gone) + len(new) > MOST_ADDRESSES:
                raise SetFull(len(there), max(0, MOST_ADDRESSES - len(there) + len(gone)))
            wanted = [text for network, text in there.items() if network not in gone]
            try:
                self._call("UpdateIPSet", Name=of.name, Scope=of.scope, Id=of.id, LockToken=found["LockToken"],
                           Addresses=wanted + sorted(map(str, new)),
                           **({"Description": described} if described else {}))  # fmt: skip
                return frozenset(new | gone)
            except CallRejected as exc:
                if not any(code in str(exc) for code in (_LOCKED, _NOT_YET)):
                    raise
                problem: CallProblem = exc
            self._sleep(WAITS.wait_s(attempt))
        raise problem

    def _read(self, of: IpSet) -> Dict[str, Any]:
        return self._call("GetIPSet", Name=of.name, Scope=of.scope, Id=of.id)

    def _call(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self.area.ask("wafv2", operation, **given)


def own_addresses(area: Area) -> FrozenSet[str]:
    """Return the Elastic IP addresses of an account in a region. Needs ``ec2:DescribeAddresses``."""
    found = area.ask("ec2", "DescribeAddresses").get("Addresses") or ()
    return frozenset(each["PublicIp"] for each in found)
