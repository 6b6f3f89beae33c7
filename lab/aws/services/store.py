"""What the security services know, by account and region: findings, who administers whom, what is aggregated where.

Findings are kept as the wire has them. Every version that was ever visible is remembered: what a reader should have got
is known here, and not from the reader.
"""

from __future__ import annotations

import copy
import itertools
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Callable, DefaultDict, Dict, List, NamedTuple, Optional, Set, Tuple

#: Names of the products that findings come from, as tests and the other modules say them.
GUARDDUTY, SECURITY_HUB, SECURITY_HUB_V2 = "guardduty", "securityhub", "securityhub_v2"
INSPECTOR, MACIE, ACCESS_ANALYZER, SHIELD = "inspector2", "macie2", "accessanalyzer", "shield"
PRODUCTS = (GUARDDUTY, SECURITY_HUB, SECURITY_HUB_V2, INSPECTOR, MACIE, ACCESS_ANALYZER, SHIELD)


class Place(NamedTuple):
    """Where findings are: one product in one region of one account."""

    product: str
    account: str
    region: str


class Version(NamedTuple):
    """A finding as it was from one change to the next."""

    place: Place
    #: What stays the same over its versions.
    id: str
    finding: Dict[str, Any]


@dataclass
class Aggregator:
    """A home region that shows what its linked regions have."""

    arn: str
    home: str
    linked: List[str]


#: Told of a new version, after it is visible.
Listener = Callable[[Version], None]


@dataclass
class Store:
    """The one store of the process. Its lock is held while a request is answered."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    #: Where a product is on -> its detector's id, hub's or analyzer's ARN.
    enabled: Dict[Place, str] = field(default_factory=dict)
    #: (product, region, member) -> administrator.
    administrators: Dict[Tuple[str, str, str], str] = field(default_factory=dict)
    #: (product, account) -> its aggregator.
    aggregators: Dict[Tuple[str, str], Aggregator] = field(default_factory=dict)
    #: Where lists show the version before, for so many more looks.
    stale: Dict[Place, int] = field(default_factory=dict)
    listeners: List[Listener] = field(default_factory=list)
    _findings: DefaultDict[Place, Dict[str, Dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    _before: DefaultDict[Place, Dict[str, Dict[str, Any]]] = field(default_factory=lambda: defaultdict(dict))
    _versions: DefaultDict[str, List[Version]] = field(default_factory=lambda: defaultdict(list))
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def number(self) -> int:
        """Return a number nobody had, for ids."""
        return next(self._numbers)

    def put(self, place: Place, finding_id: str, finding: Dict[str, Any]) -> None:
        """Let a finding be there, or be there in a new version. It is kept as it is: nobody may change it later."""
        with self.lock:
            if finding_id in self._findings[place]:
                self._before[place][finding_id] = self._findings[place][finding_id]
            self._findings[place][finding_id] = finding
            version = Version(place, finding_id, finding)
            self._versions[place.account].append(version)
        for listener in self.listeners:
            listener(version)

    def remove(self, place: Place, finding_id: str) -> None:
        """Let a finding be gone."""
        with self.lock:
            del self._findings[place][finding_id]

    def get(self, place: Place, finding_id: str) -> Dict[str, Any]:
        """Return a copy of a finding. Raises KeyError."""
        with self.lock:
            return copy.deepcopy(self._findings[place][finding_id])

    def versions(self, account: str) -> List[Version]:
        """Return every version that findings of an account ever had, in the order they became visible."""
        with self.lock:
            return list(self._versions[account])

    def members(self, product: str, region: str, administrator: str) -> List[str]:
        """Return whom an account administers in a region."""
        return [
            member
            for (of, where, member), who in self.administrators.items()
            if (of, where, who) == (product, region, administrator)
        ]

    def places(self, seen_from: Place) -> List[Place]:
        """Return where the findings are that a list there shows: its own, linked regions', and members' of each."""
        product, account, region = seen_from
        aggregator = self.aggregators.get((product, account))
        linked = aggregator.linked if aggregator and aggregator.home == region else []
        return [
            Place(product, owner, where)
            for where in (region, *linked)
            for owner in (account, *self.members(product, where, account))
        ]

    def visible(self, seen_from: Place) -> List[Tuple[Place, str, Dict[str, Any]]]:
        """Return what a list there shows, oldest first, with where each finding is. Not to be changed."""
        found = []
        for place in self.places(seen_from):
            before = self._before[place] if self._is_stale(place) else {}
            for finding_id, finding in self._findings.get(place, {}).items():
                found.append((place, finding_id, before.get(finding_id, finding)))
        return found

    def _is_stale(self, place: Place) -> bool:
        left = self.stale.get(place, 0)
        self.stale[place] = max(0, left - 1)
        return left > 0

    def find(self, seen_from: Place, finding_id: str) -> Optional[Tuple[Place, Dict[str, Any]]]:
        """Return a finding that a list there shows and where it is; None if there is none."""
        for place in self.places(seen_from):
            found = self._findings.get(place, {}).get(finding_id)
            if found is not None:
                return place, found
        return None

    def accounts_that_see(self, place: Place) -> Set[Tuple[str, str]]:
        """Return (account, region) of every list that shows what is at a place."""
        product, owner, region = place
        who = {owner}
        administrator = self.administrators.get((product, region, owner))
        if administrator:
            who.add(administrator)
        found = {(account, region) for account in who}
        for account in who:
            aggregator = self.aggregators.get((product, account))
            if aggregator and region in aggregator.linked:
                found.add((account, aggregator.home))
        return found


#: What the stand-in's process knows.
STORE = Store()
