"""How an input is, as events: a heartbeat a place, a failure once, once a day while it lasts, and its end.

A place is an account and region, or a queue. Sourcetype ``aws:siem_bridge:health``. A dead input must not look like a
quiet day, and a region that is denied must not fill the index.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, List, Optional, Tuple

from aws_bridge.errors import AwsError
from collectors.polling.writer import Tally
from collectors.sinks.splunk_events.sink import HEALTH, SplunkEvents

#: A failure that passes by itself, such as throttling, is said when it has come so often in a row.
PATIENCE = 3
REMIND_AFTER_MS = 86_400_000
OK, FAILING, RECOVERED, NOTICE = "ok", "failing", "recovered", "notice"
#: How much later than it is due a turn may end.
_LATE_MS = 900_000
#: So much of what is wrong with single findings is told in one event.
_MOST_BAD, _LONGEST = 5, 400
#: So many of these are known and not told again: an overlap reads the same finding in every turn.
_BAD_KNOWN = 200


@dataclass
class _Place:
    members: Dict[str, Any]
    counts: Dict[str, int]
    lag_ms: int = 0
    heartbeat_ms: int = 0
    #: Until when its last turn says that it is alive.
    alive_until_ms: int = 0
    rests: bool = False
    failures: int = 0
    told_ms: int = 0
    problem: Optional[BaseException] = None
    bad: List[str] = field(default_factory=list)


class Health:
    """Of one input. Safe to share between threads; raises `collectors.errors.StoreUnavailable` as its sink does."""

    def __init__(
        self, sink: SplunkEvents, input: str, forwarder: str, heartbeat_ms: int, clock_ms: Callable[[], int]
    ) -> None:
        """``forwarder`` is the name of this instance of Splunk."""
        self._sink, self._input, self._heartbeat_ms, self._clock_ms = sink, input, heartbeat_ms, clock_ms
        self._forwarder = forwarder
        self._places: Dict[str, _Place] = {}
        self._lock = threading.Lock()

    def place(self, name: str, **members: Any) -> None:
        """Make a place known: ``dataset``, ``account``, ``region`` of it, or ``queue``."""
        with self._lock:
            self._places.setdefault(name, _Place(members, {}))

    def worked(self, name: str, tally: Tally, lag_ms: int, good_for_s: float = 0, **more: Any) -> bool:
        """Say, when it is time, what was done: counts since the last heartbeat. Return whether it was time.

        ``good_for_s``: the next turn is due then; until it is late, `beat` says that the place is well.
        """
        with self._lock:
            place = self._places[name]
            self._count(place, tally)
            place.lag_ms = lag_ms
            now_ms = self._clock_ms()
            place.alive_until_ms = now_ms + int(good_for_s * 1000) + _LATE_MS if good_for_s else 0
            if place.told_ms:
                self._say(place, RECOVERED, now_ms, error=str(place.problem))
            place.failures, place.told_ms, place.problem = 0, 0, None
            new = [text[:_LONGEST] for text in tally.bad if text[:_LONGEST] not in place.bad]
            if new:
                place.bad = (place.bad + new)[-_BAD_KNOWN:]
                self._say(place, NOTICE, now_ms, what="cannot be written", bad=len(new), error=new[:_MOST_BAD])
            if now_ms - place.heartbeat_ms >= self._heartbeat_ms:
                place.heartbeat_ms = now_ms
                self._say(place, OK, now_ms, **more)
                return True
        return False

    def rests(self, name: str, whether: bool) -> None:
        """Note whether a place is left alone because another shows its findings: `beat` says so of it."""
        with self._lock:
            self._places[name].rests = whether

    def beat(self) -> None:
        """Say of places that are polled more rarely than this is due that they are well, unless they are late.

        Those that rest are well too: a search for what is silent must not find them.
        """
        now_ms = self._clock_ms()
        with self._lock:
            for place in self._places.values():
                due = now_ms - place.heartbeat_ms >= self._heartbeat_ms
                if due and place.rests:
                    place.heartbeat_ms = now_ms
                    self._say(place, OK, now_ms, rests=True)
                elif due and place.problem is None and now_ms < place.alive_until_ms:
                    place.heartbeat_ms = now_ms
                    self._say(place, OK, now_ms)

    def failed(self, name: str, problem: BaseException, tally: Optional[Tally] = None) -> None:
        """Say that a turn failed, unless it was said already."""
        passes = getattr(problem, "passes", False)
        with self._lock:
            place = self._places[name]
            if tally is not None:
                self._count(place, tally)
            place.failures += 1
            changed = _signature(problem) != _signature(place.problem)
            place.problem = problem
            if passes and place.failures < PATIENCE:
                return
            now_ms = self._clock_ms()
            if not place.told_ms or changed or now_ms - place.told_ms >= REMIND_AFTER_MS:
                place.told_ms = now_ms
                self._say(place, FAILING, now_ms, **said_of(problem))

    def notice(self, name: str, what: str, **members: Any) -> None:
        """Say something that happened once."""
        with self._lock:
            place = self._places.get(name) or _Place({}, {})
            self._say(place, NOTICE, self._clock_ms(), what=what, **members)

    def failing(self) -> List[str]:
        """Return the places that fail."""
        with self._lock:
            return [name for name, place in self._places.items() if place.problem is not None]

    def _count(self, place: _Place, tally: Tally) -> None:
        for name in ("written", "known", "only_times", "passed", "over_ceiling", "left_out"):
            place.counts[name] = place.counts.get(name, 0) + getattr(tally, name)

    def _say(self, place: _Place, status: str, now_ms: int, **more: Any) -> None:
        members: Dict[str, Any] = {
            "input": self._input,
            **place.members,
            "status": status,
            "forwarder": self._forwarder,
        }
        if status == OK:
            members["heartbeat_s"] = self._heartbeat_ms // 1000
        if status in (OK, RECOVERED, FAILING):
            members["lag_s"] = round(place.lag_ms / 1000, 1)
            members["events"] = place.counts.get("written", 0)
            members.update({name: number for name, number in place.counts.items() if number and name != "written"})
            place.counts = {}
        self._sink.say(HEALTH, now_ms, {**members, **more})


def said_of(problem: BaseException) -> Dict[str, Any]:
    """Return what an event says of a failure."""
    found: Dict[str, Any] = {"error": str(problem), "kind": getattr(problem, "kind", type(problem).__name__)}
    if isinstance(problem, AwsError):
        if problem.call:
            found["call"] = problem.call
        if problem.missing:
            found["missing_permission"] = problem.missing
    return found


def _signature(problem: Optional[BaseException]) -> Tuple[Any, ...]:
    """Return what makes a failure another one: who has allowed one action has to learn that the next is missing."""
    if problem is None or getattr(problem, "passes", False):
        return (type(problem),)
    return (type(problem), *(getattr(problem, name, "") for name in ("kind", "call", "missing")))
