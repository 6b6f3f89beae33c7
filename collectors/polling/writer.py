"""What of the findings that come is written: each version once, within the ceiling, and the rest counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable, Iterable, List, Protocol, Sequence, Set

from collectors.polling import counts as counting
from collectors.polling.budget import DAY_MS, DailyBudget
from collectors.polling.counts import Counts
from collectors.polling.memory import OVER_CEILING, PASSED, WRITTEN, Known, Memory, is_version
from collectors.polling.position import Risk
from collectors.polling.wanted import Wanted
from collectors.records.finding import Finding
from collectors.sinks.contract import STORED, Sink


class EventSink(Sink, Protocol):
    """A sink that can tell what of what it wrote has been taken."""

    def taken_until_ms(self, now_ms: int) -> int:
        """Return the time before which all that was written has been taken; ``now_ms`` where nobody can know."""


@dataclass
class Tally:
    """What became of findings."""

    written: int = 0
    #: Versions that were there already: overlap, sweep, restart, a message that came twice.
    known: int = 0
    only_times: int = 0
    passed: int = 0
    over_ceiling: int = 0
    #: Of a product or a standard that is not wanted.
    left_out: int = 0
    #: Findings without an identity or a time, in words.
    bad: List[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rules:
    """What is withheld."""

    #: Versions in which only times moved.
    only_what_matters: bool = True
    #: Controls that passed, which are counted by day.
    count_passed: bool = True
    wanted: Callable[[Finding], bool] = Wanted()


class FindingWriter:
    """Writes findings to one sink. One thread at a time for a finding's account and region."""

    def __init__(
        self,
        sink: EventSink,
        memory: Memory,
        budget: DailyBudget,
        counts: Counts,
        rules: Rules,
        clock_ms: Callable[[], int],
        *,
        risks: Sequence[Risk],
        undeleted_is_unwritten: bool = False,
    ) -> None:
        """What an earlier process noted at a time of ``risks`` may not have arrived: it is not taken for written.
        ``undeleted_is_unwritten``: no version is that an earlier process noted, because what arrived was deleted where
        it came from.
        """
        self.sink = sink
        self._memory, self._budget, self._counts = memory, budget, counts
        self._rules, self._clock_ms = rules, clock_ms
        # In whole seconds, as the memory has it.
        self._risks = [(risk.from_ms // 1000, risk.until_ms // 1000) for risk in risks]
        self._undeleted_is_unwritten = undeleted_is_unwritten

    def write(self, findings: Iterable[Finding], bad: Sequence[str], tally: Tally) -> None:
        """Write what is new, flushed when this returns. Raises `collectors.errors.StoreUnavailable`."""
        tally.bad += bad
        now_ms = self._clock_ms()
        day = datetime.fromtimestamp(now_ms // 1000, timezone.utc).strftime("%Y-%m-%d")
        chosen: Set[str] = set()
        try:
            self._write(findings, now_ms, day, tally, chosen)
        finally:
            self._memory.release(chosen)

    def _write(self, findings: Iterable[Finding], now_ms: int, day: str, tally: Tally, chosen: Set[str]) -> None:
        wanted: List[Finding] = []
        size = 0
        for finding in findings:
            if finding.record.identity in chosen:
                continue
            if not self._rules.wanted(finding):
                tally.left_out += 1
                continue
            if not self._memory.claim(finding):  # an administrator's list and its member's, read at the same time
                tally.known += 1
                continue
            chosen.add(finding.record.identity)
            if not self._is_new(finding, now_ms, day, tally):
                continue
            length = len(finding.record.text)
            if not self._budget.has_room(size + length, now_ms):
                tally.over_ceiling += 1
                self._counts.add(counting.OVER_CEILING, day, finding)
                self._budget.add(now_ms, withheld=length)
                self._memory.note(finding, now_ms // 1000, OVER_CEILING)
                continue
            size += length
            wanted.append(finding)
        by_identity = {finding.record.identity: finding for finding in wanted}
        for answer in self.sink.write([finding.record for finding in wanted]):
            if answer.result == STORED:
                tally.written += 1
                self._budget.add(now_ms, written=len(answer.record.text))
                self._memory.note(by_identity[answer.record.identity], self._clock_ms() // 1000)
            else:
                tally.bad.append(f"{answer.record.identity}: {answer.reason}")

    def _is_new(self, finding: Finding, now_ms: int, day: str, tally: Tally) -> bool:
        """Return whether a version is to be written; count what is not."""
        known = self._memory.find(finding)
        sure = known is not None and (known.by_us or not self._is_at_risk(known.noted_s))
        if known is not None and is_version(known, finding) and self._arrived(known, sure):
            tally.known += 1
            return False
        if known is not None and is_version(known, finding) and known.what == OVER_CEILING:
            tally.known += 1  # counts are not lost
            return False
        length = len(finding.record.text)
        if self._rules.count_passed and finding.passed and (known is None or known.what == PASSED):
            tally.passed += 1
            if known is None or known.noted_s // 86_400 != now_ms // DAY_MS:
                self._counts.add(counting.PASSED, day, finding)
            self._budget.add(now_ms, withheld=length)
            self._memory.note(finding, now_ms // 1000, PASSED)
            return False
        if not self._rules.only_what_matters or known is None or not sure:
            return True
        if known.what != WRITTEN or known.matter != finding.matter or is_version(known, finding):
            return True
        tally.only_times += 1
        self._budget.add(now_ms, withheld=length)
        self._memory.note(finding, now_ms // 1000)
        return False

    def _is_at_risk(self, noted_s: int) -> bool:
        return any(from_s <= noted_s <= until_s for from_s, until_s in self._risks)

    def _arrived(self, known: Known, sure: bool) -> bool:
        return known.by_us or (sure and not self._undeleted_is_unwritten)
