"""A detection over a period, run by run as its schedule has it.

Most runs find nothing. Where finding nothing in a long range means finding nothing in every part of it, a range of runs
is tried at once, and halved only where it has rows. That holds for searches that keep what reaches a number
(`is_monotone`); any other is run for every window.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from savedsearches.backtest.runs import Around, Outcome
from savedsearches.content.commands_of import commands_of, options_of
from savedsearches.content.detection import Detection, seconds
from savedsearches.content.dispatch import moment_at, moment_of_runs
from savedsearches.runner import values
from savedsearches.runner.macros import Macro, expand_macros
from savedsearches.runner.values import Row

#: Runs that are tried at once at most: about a day of five-minute runs.
MOST_AT_ONCE = 256
#: Commands that keep or drop a row for itself alone.
_ROW_BY_ROW = frozenset(["eval", "rename", "table", "fields", "lookup", "fillnull", "mvexpand", "sort", "rex"])
#: What makes a condition hold for fewer events than for more.
_TURNS = re.compile(r"<|!=|\bNOT\b|isnull|isnotnull|/|info_|_time|now\(|if\(|case\(")


@dataclass
class Day:
    """One detection on one day (UTC, of the runs' scheduled times)."""

    detection: str
    day: str
    runs: int = 0
    alerts: List[Row] = field(default_factory=list)
    suppressed: int = 0
    #: Raw events that runs with rows pulled: in Splunk each run would.
    raw_rows: int = 0
    seconds: float = 0.0
    warnings: List[str] = field(default_factory=list)
    error: str = ""


def is_monotone(detection: Detection, macros: Dict[str, Macro]) -> bool:
    """Return whether more events can only mean more rows, so that no row in a range means none in its parts.

    Said of a search that groups in the engine, keeps groups by ``>`` and ``>=`` or none, and goes on row by row.
    """
    body = detection.search.strip().rpartition("\n")[0]  # without aws_detection, which only hides rows
    commands = list(commands_of(expand_macros(body, macros)))
    if not commands or commands[0].name != "elasticstats" or "[" in body:
        return False
    options = options_of(commands[0])
    where = options.get("where", "").replace(">=", ">")
    if re.search(r"<|=|\bNOT\b", where) or "avg(" in options.get("stats", ""):
        return False
    others = commands[1:]
    if not all(each.name in (*_ROW_BY_ROW, "where", "search") for each in others):
        return False
    filters = any(each.name in ("where", "search") for each in others)
    return not (filters and any(_TURNS.search(each.arguments) for each in others))


def days_of(
    detection: Detection,
    around: Around,
    since_s: float,
    until_s: float,
    progress: Callable[[Day], None] = lambda day: None,
) -> Iterator[Day]:
    """Yield what a detection does on each day of a period; runs whose scheduled time is in it, suppression included."""
    every_s = seconds(detection.schedule.every)
    first = int(-(-since_s // every_s)) * every_s
    at_once = MOST_AT_ONCE if is_monotone(detection, dict(around.macros)) else 1
    raised: Dict[Tuple[str, ...], float] = {}
    by_day: Dict[str, List[int]] = {}
    for scheduled in range(first, int(until_s), every_s):
        by_day.setdefault(datetime.fromtimestamp(scheduled, timezone.utc).strftime("%Y-%m-%d"), []).append(scheduled)
    for name, runs in by_day.items():
        day = Day(detection.name, name, len(runs))
        for start in range(0, len(runs), at_once):
            for scheduled_s, outcome in _with_rows(detection, around, runs[start : start + at_once], day):
                day.raw_rows += outcome.raw_rows
                _raise(detection, scheduled_s, outcome.rows, raised, day)
            if day.error:
                break
        progress(day)
        yield day


def _with_rows(detection: Detection, around: Around, runs: Sequence[int], day: Day) -> Iterator[Tuple[int, Outcome]]:
    """Yield the runs that have rows, in their order."""
    moment = moment_at(detection, runs[0]) if len(runs) == 1 else moment_of_runs(detection, runs[0], runs[-1])
    outcome = around.run(detection, moment)
    day.seconds += outcome.seconds
    if outcome.error is not None:
        day.error = str(outcome.error)
        return
    day.warnings += [text for text in outcome.warnings if text not in day.warnings]
    if len(runs) == 1:
        if outcome.rows or outcome.raw_rows:
            yield runs[0], outcome
    elif outcome.rows:
        half = len(runs) // 2
        for part in (runs[:half], runs[half:]):
            if not day.error:
                yield from _with_rows(detection, around, part, day)


def _raise(
    detection: Detection, scheduled_s: float, rows: List[Row], raised: Dict[Tuple[str, ...], float], day: Day
) -> None:
    """Note the rows that were not raised within the period of suppression."""
    for row in rows:
        key = tuple(",".join(values.texts(row.get(name))) for name in detection.suppress.by)
        known_s = raised.get(key)
        if known_s is not None and scheduled_s - known_s < seconds(detection.suppress.for_):
            day.suppressed += 1
            continue
        raised[key] = scheduled_s
        day.alerts.append({"scheduled_time": scheduled_s, **row})
