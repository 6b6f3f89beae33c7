"""What a step collected as evidence, item by item, and what of it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterable, List, Tuple

#: What was there is kept; it could not be had; there is no such thing here; there is one, with nothing in it.
COLLECTED, FAILED, MISSING, EMPTY = "collected", "failed", "missing", "empty"
OUTCOMES = (COLLECTED, FAILED, MISSING, EMPTY)


class NotThere(Exception):
    """What was to be collected does not exist here; ``str()`` says why."""


@dataclass(frozen=True)
class Item:
    """One thing that was to be collected."""

    item: str
    #: One of `OUTCOMES`.
    outcome: str
    #: Of the object that holds it: its key, version, sha256 in hexadecimal, and size.
    key: str = ""
    version: str = ""
    sha256: str = ""
    bytes: int = 0
    #: Why it failed or is missing; of one that is collected, what a reader has to know of it.
    why: str = ""

    def to_json(self) -> Dict[str, Any]:
        """Return it for a result or a record."""
        return {
            "item": self.item,
            "outcome": self.outcome,
            "key": self.key,
            "version": self.version,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "why": self.why,
        }


def counted(items: Iterable[Item]) -> str:
    """Return how many items there are of each outcome, in words: ``12 collected, 1 failed``."""
    found = [each.outcome for each in items]
    return ", ".join(f"{found.count(outcome)} {outcome}" for outcome in OUTCOMES if outcome in found) or "nothing"


def lacking(items: Iterable[Item]) -> List[Item]:
    """Return the items that should be there and are not."""
    return [each for each in items if each.outcome == FAILED]


def items_of(known: Iterable[Any]) -> Tuple[Item, ...]:
    """Return the items of `Item.to_json`. Raises `KeyError`, `TypeError` or `ValueError` for anything else."""
    found = []
    for each in known:
        item = Item(**{name: each[name] for name in Item.__dataclass_fields__})
        if item.outcome not in OUTCOMES:
            raise ValueError(f"{item.outcome!r} is no outcome of an item")
        found.append(item)
    return tuple(found)
