"""The story's records in the files and folders that AWS writes, in flat memory for any number of events."""

from __future__ import annotations

import json
import random
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Optional, Tuple

from lab.story import cloudtrail, route53_resolver, vpc_flow, waf
from lab.story.addresses import MMDB_FILE, write_mmdb
from lab.story.clock import iso_ms
from lab.story.findings import event, findings
from lab.story.labelled import LabelledRecord, Record
from lab.story.log_files import Location, LogFiles
from lab.story.windows import windows

LABELS = "labels.jsonl"
#: What the security services found: a line a version, as their lists have it and as EventBridge does.
FINDINGS = "findings.jsonl"
_SOURCES: Dict[str, Any] = {
    "cloudtrail": cloudtrail,
    "vpc_flow": vpc_flow,
    "route53_resolver": route53_resolver,
    "waf": waf,
}
LOGS = tuple(_SOURCES)
#: Records of each log for one CloudTrail event, where nobody asks for a number. A real VPC has a thousand flows for
#: one call; what a demo needs is some of everything.
PROPORTIONS = {"cloudtrail": 1.0, "vpc_flow": 1.0, "route53_resolver": 0.5, "waf": 0.25}
#: More exactly than by its place, a CloudTrail event is known by its own id.
_IDS = {"cloudtrail": "eventID"}


@dataclass(frozen=True)
class Written:
    """What was written of one log: records, those of the attack among them, files, bytes before compression."""

    records: int
    attack_records: int
    files: int
    raw_bytes: int


def write_story(
    folder: Path,
    events: int,
    seed: int,
    start_ms: int,
    end_ms: int,
    *,
    logs: Iterable[str] = LOGS,
    counts: Optional[Dict[str, int]] = None,
    compressed: bool = True,
    progress: Callable[[int], None] = lambda written: None,
) -> Dict[str, Written]:
    """Write ``events`` CloudTrail events and the other logs of the same time below ``folder``; return what, by log.

    The story is that from ``start_ms`` to ``end_ms`` (epoch ms, end exclusive). ``logs`` says which logs to write;
    ``counts`` has the number of records of those that are not to have the number `PROPORTIONS` gives them. The same
    arguments give the same bytes. The attack is in every log (its first part only, when there are fewer records than
    it has); ``labels.jsonl`` says which records are its own, ``findings.jsonl`` what the security services found of it,
    ``addresses.mmdb`` where the public addresses are.
    ``progress`` is called with the number of records written so far. Raises ValueError for a window without a whole
    second, a negative number or an unknown log.
    """
    numbers = record_counts(events, logs, counts)
    first_s, last_s = -(-start_ms // 1000), (end_ms - 1) // 1000
    if last_s < first_s:
        raise ValueError("the time window must hold at least one whole second: most logs have no finer times")
    folder.mkdir(parents=True, exist_ok=True)
    done: Dict[str, Written] = {}
    before = 0
    with (folder / LABELS).open("w", encoding="utf-8") as labels:
        for log, number in numbers.items():
            attack = deque(_SOURCES[log].attack_records(seed, start_ms, end_ms)[:number])
            writer = _LogWriter(folder, log, seed, compressed, attack)
            for written in writer.write(first_s, last_s + 1, number):
                progress(before + written)
            labels.writelines(json.dumps(label, ensure_ascii=False) + "\n" for label in writer.labels)
            done[log] = writer.done()
            before += number
    with (folder / FINDINGS).open("w", encoding="utf-8") as lines:
        for found in findings(start_ms, end_ms):
            line = {
                "time": iso_ms(found.time_ms),
                "step": found.step,
                "product": found.product,
                "finding": found.finding,
                "event": event(found),
            }
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
    try:
        write_mmdb(folder / MMDB_FILE)
    except ImportError:  # Python before 3.11; the logs are complete without it
        (folder / MMDB_FILE).unlink(missing_ok=True)
    return done


def record_counts(events: int, logs: Iterable[str] = LOGS, counts: Optional[Dict[str, int]] = None) -> Dict[str, int]:
    """Return the number of records of each log, in the order of `LOGS`. Raises ValueError as `write_story` does."""
    wanted, counts = set(logs), counts or {}
    unknown = (wanted | set(counts)) - set(LOGS)
    if unknown or not wanted:
        raise ValueError(f"logs must be among {', '.join(LOGS)}; got {', '.join(sorted(unknown)) or 'none'}")
    numbers = {log: counts.get(log, int(events * PROPORTIONS[log])) for log in LOGS if log in wanted}
    if events < 0 or min(numbers.values()) < 0:
        raise ValueError("the number of events must be 0 or more")
    return numbers


class _LogWriter:
    """Writes one log: its ordinary records, and the attack's where they belong in time."""

    def __init__(self, folder: Path, log: str, seed: int, compressed: bool, attack: Deque[LabelledRecord]) -> None:
        self._log = log
        self._attack = attack
        self._background = _SOURCES[log].Background(seed)
        self._rng = random.Random(f"{seed}:{log}:times")
        self._files = LogFiles(folder, log, seed, compressed)
        self._written = 0
        self.labels: List[Dict[str, Any]] = []

    def write(self, first_s: int, until_s: int, number: int) -> Iterator[int]:
        """Write ``number`` records; yield how many there are after each delivery."""
        for begin_s, end_s, count in windows(first_s, until_s, number - len(self._attack)):
            own: Deque[LabelledRecord] = deque()
            while self._attack and self._attack[0].time_s < end_s:
                own.append(self._attack.popleft())
            times = sorted([begin_s + int(self._rng.random() * (end_s - begin_s)) for _ in range(count)])
            self._files.begin(end_s)
            for step, record in _in_order(self._background.records(times), times, own):
                location = self._files.add(record)
                if step:
                    self._label(step, record, location)
                self._written += 1
            self._files.end()
            yield self._written

    def done(self) -> Written:
        """Return what was written."""
        return Written(self._written, len(self.labels), self._files.written, self._files.raw_bytes)

    def _label(self, step: str, record: Record, location: Location) -> None:
        label = {"log": self._log, "step": step, "key": location.key, "record": location.number}
        if self._log in _IDS:
            label[_IDS[self._log]] = record[_IDS[self._log]]
        self.labels.append(label)


def _in_order(records: Iterator[Record], times: List[int], own: Deque[LabelledRecord]) -> Iterator[Tuple[str, Record]]:
    """Yield the records with the names of their steps, empty for the ordinary ones."""
    for time_s, record in zip(times, records):
        while own and own[0].time_s <= time_s:
            yield own[0].step, own.popleft().record
        yield "", record
    for labelled in own:
        yield labelled.step, labelled.record
