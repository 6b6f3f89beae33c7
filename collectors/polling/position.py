"""Where the poll of one account and region is, and from where it goes on after a stop.

What an input writes to its standard output nobody acknowledges: splunkd may have it, or it lies in a pipe and is gone
with the process. So a restart does not go on where the last process was, but where it was a safety window (10 minutes
by default) before its last sign of life: what was written since then is read and written once more, and searches give
each version once. For that the last positions are kept with the time at which they were reached.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Dict, List, Mapping, NamedTuple, Optional

#: Positions are kept at least so far apart.
APART_MS = 30_000
#: A time of risk is over when nothing of it is read again: a sweep reads 90 days at most.
RISK_IS_OVER_MS = 90 * 86_400_000
#: Times of risk that are kept apart; of more the oldest become one.
MOST_RISKS = 64
FORM = 1


@dataclass(frozen=True)
class Reading:
    """A window that is read over several polls: a back-fill, or a sweep. Epoch milliseconds."""

    start_ms: int
    end_ms: int
    at_ms: int

    @property
    def done(self) -> bool:
        """Whether it is read."""
        return self.at_ms > self.end_ms

    @property
    def percent(self) -> int:
        """How much of its time is read."""
        whole = max(1, self.end_ms - self.start_ms)
        return 100 if self.done else max(0, min(99, 100 * (self.at_ms - self.start_ms) // whole))

    def moved(self, at_ms: int, done: bool) -> Reading:
        """Return it with so much more of it read."""
        return replace(self, at_ms=self.end_ms + 1 if done else max(self.at_ms, at_ms))


@dataclass(frozen=True)
class Position:
    """All before ``head_ms`` is read, but for what ``backfill`` still has to read. Epoch milliseconds."""

    head_ms: int
    backfill: Optional[Reading] = None
    sweep: Optional[Reading] = None


class Reached(NamedTuple):
    """A position and when it was reached."""

    wall_ms: int
    position: Position


class Risk(NamedTuple):
    """What was written between these times may not have arrived: it is not taken for written. Epoch milliseconds."""

    from_ms: int
    until_ms: int


class Resumed(NamedTuple):
    """Where a new process begins."""

    position: Position
    risk: Risk
    #: How long nothing was alive.
    stopped_ms: int


@dataclass
class Track:
    """The positions of one poll, the newest last."""

    reached: List[Reached] = field(default_factory=list)
    #: Of each stop so far: a process that reads what was written then again may itself be killed before it has.
    risks: List[Risk] = field(default_factory=list)
    #: All that was written before has been taken.
    taken_ms: int = 0

    def add(self, now_ms: int, position: Position, safety_ms: int, taken_ms: int) -> None:
        """Note a position, and forget those that no restart would choose.

        ``taken_ms``: all that was written before has been taken.
        """
        self.taken_ms = max(self.taken_ms, taken_ms)
        if len(self.reached) > 1 and now_ms - self.reached[-2].wall_ms < APART_MS:
            self.reached[-1] = Reached(now_ms, position)
        else:
            self.reached.append(Reached(now_ms, position))
        old = [index for index, each in enumerate(self.reached) if each.wall_ms <= self.taken_ms - safety_ms]
        del self.reached[: old[-1] if old else 0]

    def resume(self, now_ms: int, safety_ms: int) -> Optional[Resumed]:
        """Return where a new process begins, and forget what lies beyond; ``None`` if there was none before."""
        if not self.reached:
            return None
        alive_ms = self.reached[-1].wall_ms
        sure = [each for each in self.reached if each.wall_ms <= min(alive_ms, self.taken_ms) - safety_ms]
        chosen = sure[-1] if sure else self.reached[0]
        # The new process has not been further than this, however old the others become.
        del self.reached[self.reached.index(chosen) + 1 :]
        risk = Risk(chosen.wall_ms, now_ms)
        self.risks = [each for each in self.risks if each.until_ms > now_ms - RISK_IS_OVER_MS] + [risk]
        if len(self.risks) > MOST_RISKS:
            self.risks[:2] = [Risk(self.risks[0].from_ms, self.risks[1].until_ms)]
        return Resumed(chosen.position, risk, max(0, now_ms - alive_ms))

    def as_json(self) -> Dict[str, Any]:
        """Return it as what a checkpoint holds."""
        return {
            "form": FORM,
            "taken_ms": self.taken_ms,
            "risks": self.risks,
            "reached": [[each.wall_ms, asdict(each.position)] for each in self.reached],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Track:
        """Return what `as_json` gave. Raises `ValueError` for anything else."""
        try:
            if stored["form"] != FORM:
                raise ValueError(f"its form is {stored['form']!r}, this version knows {FORM}")
            reached = [Reached(int(wall_ms), _position(each)) for wall_ms, each in stored["reached"]]
            risks = [Risk(int(from_ms), int(until_ms)) for from_ms, until_ms in stored["risks"]]
            return cls(reached, risks, int(stored["taken_ms"]))
        except (KeyError, TypeError) as exc:
            raise ValueError(f"it is no checkpoint of a poll: {exc!r}") from None


def _position(stored: Mapping[str, Any]) -> Position:
    def reading(found: Any) -> Optional[Reading]:
        return None if found is None else Reading(int(found["start_ms"]), int(found["end_ms"]), int(found["at_ms"]))

    return Position(int(stored["head_ms"]), reading(stored["backfill"]), reading(stored["sweep"]))
