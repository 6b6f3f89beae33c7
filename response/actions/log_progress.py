"""How far a collection of logs came, so that the next call goes on there: noted below ``progress/``, not as evidence.

What was copied is not copied again, and what was looked through is not looked through again. Without this note, as when
it cannot be written, the next call begins anew and finds the copies that are there.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional, Set, Tuple

from aws_bridge.errors import AwsError
from response.aws.evidence import EvidenceStore
from response.core.evidence import Item, items_of
from response.errors import BadEvidence

#: The workflow calls again after a minute; what is older belongs to a run that broke, and ends at another moment.
_KNOWN_FOR_S = 2 * 3600

#: A time whose records are still to be asked for: epoch seconds, the second exclusive.
Window = Tuple[float, float]


@dataclass
class LogState:
    """One log: its records by object, or CloudTrail's events and trails; then where in the folders it is."""

    windows: List[Window]
    objects: Counter[str] = field(default_factory=Counter)
    events: Set[str] = field(default_factory=set)
    trails: Set[Tuple[str, str]] = field(default_factory=set)
    total: int = 0
    #: What of the objects or events was not found yet; None until all records are known.
    wanted: Optional[Set[str]] = None
    #: Folders that are done, and the last key that was looked at in the next.
    folders: int = 0
    after: str = ""
    kept: Dict[str, int] = field(default_factory=dict)
    over: bool = False

    def to_json(self) -> Dict[str, Any]:
        """Return it as it is noted."""
        wanted = None if self.wanted is None else sorted(self.wanted)
        return {**self.__dict__, "events": sorted(self.events), "trails": sorted(self.trails), "wanted": wanted}


@dataclass
class Progress:
    """The whole collection: until when records count, what was found of flows after the isolation, and each log."""

    since_s: float
    until_s: float
    isolated_s: Optional[float]
    flows: str = ""
    logs: Dict[str, LogState] = field(default_factory=dict)
    items: List[Item] = field(default_factory=list)
    already: bool = True

    def of(self, log: str) -> LogState:
        """Return the state of a log, a new one where it was not begun."""
        return self.logs.setdefault(log, LogState([(self.since_s, self.until_s)]))


def load(store: EvidenceStore, step: str, now_s: float, isolated_s: Optional[float]) -> Optional[Progress]:
    """Return what the call before noted, None where there is nothing to go on with."""
    try:
        known = json.loads(store.read_progress(step))
        if known["isolated_s"] != isolated_s or not 0 <= now_s - known["at"] <= _KNOWN_FOR_S:
            return None
        logs = {log: _state(each) for log, each in known["logs"].items()}
        items = list(items_of(known["items"]))
        times = (float(known["since_s"]), float(known["until_s"]), isolated_s)
        return Progress(*times, str(known["flows"]), logs, items, bool(known["already"]))
    except (AwsError, BadEvidence, ValueError, KeyError, TypeError, AttributeError):
        return None


def save(store: EvidenceStore, step: str, progress: Progress, now_s: float) -> None:
    """Note it; where that fails the next call begins anew."""
    known = {
        **progress.__dict__, "at": now_s, "items": [each.to_json() for each in progress.items],
        "logs": {log: each.to_json() for log, each in progress.logs.items()},
    }  # fmt: skip
    _write(store, step, known)


def forget(store: EvidenceStore, step: str) -> None:
    """Take the note away: the collection has ended."""
    _write(store, step, {})


def _write(store: EvidenceStore, step: str, known: Dict[str, Any]) -> None:
    try:
        store.write_progress(step, json.dumps(known).encode("utf-8", "surrogatepass"))
    except AwsError:
        pass


def _state(known: Dict[str, Any]) -> LogState:
    return LogState(
        windows=[(float(since), float(until)) for since, until in known["windows"]],
        objects=Counter(known["objects"]),
        events=set(known["events"]),
        trails={(str(account), str(region)) for account, region in known["trails"]},
        total=int(known["total"]),
        wanted=None if known["wanted"] is None else set(known["wanted"]),
        folders=int(known["folders"]),
        after=str(known["after"]),
        kept=dict(known["kept"]),
        over=bool(known["over"]),
    )
