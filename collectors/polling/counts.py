"""What is not written is counted: findings that passed, and those beyond the ceiling, by rule, account and resource.

The counts of an event add to those of the events before: a search sums them up. They are kept on disk until the events
have arrived (`count_journal`); an event that is written twice has the same ``count_id``.
"""

from __future__ import annotations

import threading
from hashlib import blake2b
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from collectors.polling.count_journal import CountJournal
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

    def __init__(self, journal: Optional[CountJournal] = None) -> None:
        """``journal`` keeps them for the next process. Raises `OSError`."""
        self._lock = threading.Lock()
        self._journal = journal
        self._numbers: Dict[Tuple[str, ...], int] = journal.open() if journal else {}

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
            if self._journal:
                self._journal.add(key, self._numbers)

    def take(self) -> List[Tuple[Key, int]]:
        """Return the counts and begin anew. Without a journal."""
        with self._lock:
            taken, self._numbers = self._numbers, {}
        return [(Key(*key), number) for key, number in sorted(taken.items())]

    def batches(self) -> Dict[str, List[Tuple[Key, int]]]:
        """Return the counts so far and begin anew, with batches that did not arrive: id -> counts.

        None without a journal. Raises `OSError`.
        """
        with self._lock:
            if self._journal is None:
                return {}
            self._journal.seal()
            self._numbers = {}
            sealed = self._journal.sealed()
        return {
            batch: [(Key(*key), number) for key, number in sorted(counted.items())] for batch, counted in sealed.items()
        }

    def arrived(self, batch: str) -> None:
        """Forget a batch. Raises `OSError`."""
        with self._lock:
            if self._journal is not None:
                self._journal.remove(batch)


def event(key: Key, number: int, batch: str = "") -> Mapping[str, Any]:
    """Return what is written of a count. ``count_id`` is the same however often it is written."""
    id = blake2b("\0".join([batch, *key]).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
    return {**{name: value for name, value in key._asdict().items() if value}, "count": number, "count_id": id}
