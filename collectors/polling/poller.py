"""One kind of findings in one account and region: asked for in turns, written once, and never begun anew by mistake.

A turn reads, in this order and each until it is done or its share of pages is used up:

1. the head: from the last position, less an overlap for what AWS shows late, until now;
2. the sweep, where a source changes findings without moving their time: all that is active and was updated in the last
   days, once an hour;
3. the back-fill: from the start date until the first turn.

Nothing waits for a back-fill: a new finding is written in the next turn. A position is saved after what it stands for
has been flushed, with what has been taken by then, so a process may be killed at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable, Optional, Protocol, Sequence

from collectors.errors import CheckpointUnusable
from collectors.polling.budget import DAY_MS, DailyBudget
from collectors.polling.checkpoint import RESET, Checkpoints
from collectors.polling.counts import Counts
from collectors.polling.handover import first_position, is_handed_over
from collectors.polling.memory import Memory
from collectors.polling.position import Position, Reading, Resumed, Risk, Track
from collectors.polling.reader import read
from collectors.polling.writer import EventSink, FindingWriter, Rules, Tally
from collectors.records.finding import Finding
from collectors.records.page import Lister, Window

#: The head ends so much before now: what is younger may change while it is read, and comes in the next turn.
MARGIN_MS = 3_000
#: Positions are saved this often while pages come.
SAVE_EVERY_MS = 1_000


@dataclass(frozen=True)
class PollSettings:
    """How one input polls."""

    #: What AWS shows so late is found all the same.
    overlap_s: int = 900
    #: What was written so shortly before a stop is written again, beside what was not taken. 0 where the sink is told
    #: what is indexed.
    safety_s: int = 600
    #: Start of the back-fill; none if 0.
    backfill_from_ms: int = 0
    rules: Rules = Rules()
    #: A sweep begins so often; never if 0. It reads the last `sweep_days` days.
    sweep_every_s: int = 0
    sweep_days: int = 7
    #: Share of a sweep, and of a back-fill, in one turn.
    pages_a_turn: int = 20


class Backfill(Protocol):
    """Another road of a back-fill than the pages of a list."""

    #: Whether the next turn need not wait.
    more: bool

    def turn(self, reading: Reading, write: Callable[[Sequence[Finding], Sequence[str]], None]) -> Optional[Reading]:
        """Do a share of it; return how far it is, or ``None`` when the rest is to come by paging.

        ``write`` takes findings and what is bad, in words. Raises `aws_bridge.errors.CallProblem`.
        """


@dataclass
class Turn(Tally):
    """What one turn did."""

    #: How far behind now the head is.
    lag_ms: int = 0
    #: Whether a sweep or back-fill goes on: the next turn need not wait.
    more: bool = False


class Poller:
    """Polls. One thread at a time."""

    def __init__(
        self,
        name: str,
        lister: Lister,
        sink: EventSink,
        memory: Memory,
        checkpoints: Checkpoints,
        budget: DailyBudget,
        counts: Counts,
        settings: PollSettings,
        clock_ms: Callable[[], int],
        sweep_lister: Optional[Lister] = None,
        backfill: Optional[Backfill] = None,
    ) -> None:
        """``name`` is that of the checkpoint. Raises `CheckpointUnusable`."""
        self.name = name
        self._lister, self._sweep_lister, self._backfill = lister, sweep_lister, backfill
        self._checkpoints, self._settings, self._clock_ms = checkpoints, settings, clock_ms
        self._begun_ms = clock_ms()
        self._saved_ms = 0
        #: The last turn, also one that failed.
        self.last = Turn()
        #: Where this process went on; ``None`` at the very first start.
        self.resumed: Optional[Resumed] = None
        stored = checkpoints.load(name)
        #: Whether an administrator reset the checkpoint.
        self.was_reset = stored is not None and RESET in stored
        if self.was_reset:
            stored = None
        try:
            self._track = Track.from_json(stored) if stored is not None else Track()
        except ValueError as exc:
            raise CheckpointUnusable(
                f"the checkpoint {name!r} cannot be used: {exc}. Reset it to begin at the start date again"
            ) from exc
        self.resumed = self._track.resume(self._begun_ms, settings.safety_s * 1000)
        #: Whether somebody else read in its stead until now: see `handover`.
        self.handed_over = is_handed_over(stored)
        self.position = (
            self.resumed.position if self.resumed else first_position(self._begun_ms, settings.backfill_from_ms)
        )
        if not self.resumed:
            # Without a checkpoint, the first start or one that was reset, nothing counts as written.
            self._track.risks.append(Risk(0, self._begun_ms))
        risks = self._track.risks
        self._writer = FindingWriter(sink, memory, budget, counts, settings.rules, clock_ms, risks=risks)

    def turn(self) -> Turn:
        """Do one turn. Raises `aws_bridge.errors.CallProblem`, `collectors.errors.StoreUnavailable`,
        `CheckpointUnusable`; what was done until then holds.
        """
        turn = Turn()
        try:
            self._read_head(turn)
            self._read_sweep(turn)
            self._read_backfill(turn)
        finally:
            turn.lag_ms = self._clock_ms() - self.position.head_ms
            self.last = turn
        self.save(now=True)
        return turn

    def save(self, now: bool = False) -> None:
        """Save the position; ``now`` also if that was done just before."""
        now_ms = self._clock_ms()
        if now or now_ms - self._saved_ms >= SAVE_EVERY_MS:
            self._saved_ms = now_ms
            taken_ms = self._writer.sink.taken_until_ms(now_ms)
            self._track.add(now_ms, self.position, self._settings.safety_s * 1000, taken_ms)
            self._checkpoints.save(self.name, self._track.as_json())

    def _read_head(self, turn: Turn) -> None:
        end_ms = max(self._clock_ms() - MARGIN_MS, self.position.head_ms)
        start_ms = max(0, self.position.head_ms - self._settings.overlap_s * 1000)
        for step in read(self._lister, Window(start_ms, end_ms)):
            self._writer.write(step.findings, step.bad, turn)
            self.position = replace(self.position, head_ms=max(self.position.head_ms, step.at_ms))
            self.save()

    def _read_sweep(self, turn: Turn) -> None:
        lister, every_s = self._sweep_lister, self._settings.sweep_every_s
        if lister is None or not every_s:
            return
        sweep, now_ms = self.position.sweep, self._clock_ms()
        if sweep is None or (sweep.done and now_ms - sweep.end_ms >= every_s * 1000):
            start_ms = now_ms - self._settings.sweep_days * DAY_MS
            sweep = Reading(start_ms, now_ms, start_ms)
        self._read_share(lister, sweep, turn, lambda reading: replace(self.position, sweep=reading))

    def _read_backfill(self, turn: Turn) -> None:
        reading = self.position.backfill
        if self._backfill is not None and reading is not None and not reading.done:
            moved = self._backfill.turn(reading, lambda findings, bad: self._writer.write(findings, bad, turn))
            if moved is not None:
                self.position = replace(self.position, backfill=moved)
                turn.more = turn.more or self._backfill.more
                return
        if self.position.backfill is not None:
            self._read_share(
                self._lister, self.position.backfill, turn, lambda reading: replace(self.position, backfill=reading)
            )

    def _read_share(self, lister: Lister, reading: Reading, turn: Turn, moved: Callable[[Reading], Position]) -> None:
        if reading.done:
            self.position = moved(reading)
            return
        begun_ms = reading.at_ms
        for number, step in enumerate(read(lister, Window(reading.at_ms, reading.end_ms)), start=1):
            self._writer.write(step.findings, step.bad, turn)
            reading = reading.moved(step.at_ms, step.done)
            self.position = moved(reading)
            self.save()
            # Not before it has moved: a share that never moves would be read for ever.
            if number >= self._settings.pages_a_turn and reading.at_ms > begun_ms:
                break
        turn.more = turn.more or not reading.done
