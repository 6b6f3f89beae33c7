"""What is not written is counted: findings that passed, and those beyond the ceiling, by rule, account and resource.

The counts of an event add to those of the events before: a search sums them up. They are kept with the checkpoint, so
that a process that is killed loses those of its last minute at most.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Tuple

from collectors.records.finding import Finding

PASSED, OVER_CEILING = "passed", "over_ceiling"
#: Different rules, accounts, resources; with more, resources are left out.
MOST_KEYS = 5_000


class Key(NamedTuple):
    """What is counted together."""

    what: str
    #: Day in UTC, ``2026-11-30``.
    day: str
    dataset: str
    account: str
    region: str
    rule: str
    resource: str
    severity: str


class Counts:
    """Numbers by `Key`. Safe to share between threads."""

    def __init__(self, stored: Iterable[Any] = ()) -> None:
        """``stored`` is what `as_json` gave to an earlier process."""
        self._lock = threading.Lock()
        self._numbers: Dict[Key, int] = {}
        for *key, number in stored:
            self._numbers[Key(*map(str, key))] = int(number)

    def add(self, what: str, day: str, finding: Finding) -> None:
        """Count a finding. Of those that passed the resource is left out: one control has thousands."""
        record, origin = finding.record, finding.record.origin
        key = Key(
            what,
            day,
            record.dataset,
            origin.account if origin else "",
            origin.region if origin else "",
            finding.rule,
            "" if what == PASSED else finding.resource,
            finding.severity.label,
        )
        with self._lock:
            if key not in self._numbers and len(self._numbers) >= MOST_KEYS:
                key = key._replace(resource="")
                if key not in self._numbers and len(self._numbers) >= 2 * MOST_KEYS:
                    key = key._replace(rule="(others)")
            self._numbers[key] = self._numbers.get(key, 0) + 1

    def take(self) -> List[Tuple[Key, int]]:
        """Return the counts and begin anew."""
        with self._lock:
            taken, self._numbers = self._numbers, {}
        return sorted(taken.items())

    def as_json(self) -> List[List[Any]]:
        """Return it as what a checkpoint holds."""
        with self._lock:
            return [[*key, number] for key, number in self._numbers.items()]


def event(key: Key, number: int) -> Mapping[str, Any]:
    """Return what is written of a count."""
    return {**{name: value for name, value in key._asdict().items() if value}, "count": number}
