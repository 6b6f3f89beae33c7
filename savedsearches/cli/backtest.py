"""``aws-siem-bridge detections backtest``."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Dict, List, Optional, TextIO

from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import Column, Rows, add_format_argument
from es_bridge.times import now_ms, parse_time, zone_named
from savedsearches.backtest.backtest import Day, days_of
from savedsearches.cli.around import add_around_arguments, around, empty_tables, reason_not_to_run
from savedsearches.cli.choice import add_choice, chosen

_EXAMPLES = """\
examples:
  aws-siem-bridge detections backtest --since=-7d@d --until=@d --url https://search.example:9200 --username me
  aws-siem-bridge detections backtest cloudtrail_root_use --since 2026-11-01 --until 2026-11-21 --alerts raised.jsonl
  aws-siem-bridge detections backtest --pack findings --since=-2d@d --events exported.jsonl --lookup aws_assets=a.csv

Each detection is run as its schedule would have run it: window by window, with its suppression. A row a detection and
day (UTC): runs, alerts, rows that suppression held back, raw events that the runs with rows pulled, seconds that it
took here. A search that only counts up is tried over many windows at once, and window by window where it has rows.

Alerts depend on when events arrived (event.ingested). What was loaded in one go arrived in one go: then say
--since and --until around the time of the load, or expect one busy window.

Findings and assets are in Splunk's index. Export them there, and give the file as --events:
  `aws_findings_index` source="aws_siem_bridge:*" | table _time _indextime index source sourcetype host _raw
Detections that need them are listed as not run without it, never as 0 alerts. Exit status: 0 done; 1 one failed, or
was not run; 2 wrong usage.
"""
_COLUMNS = [
    Column(name, name)
    for name in ("detection", "day", "outcome", "runs", "alerts", "suppressed", "raw_rows", "seconds")
]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``backtest``."""
    parser.epilog = _EXAMPLES
    add_choice(parser)
    parser.add_argument("--since", required=True, metavar="TIME", help="first scheduled time: 2026-11-21, -7d@d")
    parser.add_argument("--until", default="now", metavar="TIME", help="end, exclusive (default: now)")
    parser.add_argument(
        "--alerts", type=Path, metavar="FILE", help="write the rows of every alert there, as JSON lines"
    )
    add_format_argument(parser)
    add_around_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Try detections over a period; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    now = now_ms()
    since, until = (parse_time(text, now_ms=now, zone=zone_named("UTC")) for text in (arguments.since, arguments.until))
    if since is None or until is None or since >= until:
        raise UsageError(f"--since {arguments.since} is not before --until {arguments.until}")
    wanted = chosen(arguments)
    tell("note: run by a strict subset of SPL of our own, not by Splunk")
    if until > now:
        say(f"--until {arguments.until} is in the future: for runs after now nothing has arrived yet, 0 alerts or not")
    if not arguments.alerts:
        return _all(arguments, wanted, since, until, None)
    with arguments.alerts.open("w", encoding="utf-8") as alerts:
        return _all(arguments, wanted, since, until, alerts)


def _all(arguments: argparse.Namespace, wanted: List[Any], since: int, until: int, alerts: Optional[TextIO]) -> int:
    printed = Rows(arguments.format, _COLUMNS)
    problems = 0
    with around(arguments) as given:
        for number, each in enumerate(wanted, 1):
            reason = reason_not_to_run(each, arguments)
            if reason:
                problems += 1
                printed.add({"detection": each.name, "day": "", "outcome": reason})
                continue
            for name in empty_tables(each, given):
                say(f"{each.name}: the lookup {name} is empty here: give --lookup {name}=FILE")
            for day in days_of(each, given, since / 1000, until / 1000):
                outcome = "failed" if day.error else f"{len(day.alerts)} alerts"
                tell(f"{number}/{len(wanted)} {each.name} {day.day}: {outcome}, {day.seconds:.1f} s")
                problems += bool(day.error)
                printed.add(_facts(day))
                for text in day.warnings:
                    say(f"{each.name} {day.day}: {text}")
                for row in day.alerts if alerts else ():
                    alerts.write(json.dumps({"detection": each.name, **row}, ensure_ascii=False) + "\n")  # type: ignore[union-attr]
                if day.error:
                    say(f"{each.name} {day.day}: {day.error}")
                    break
    printed.end()
    return FAILED if problems else DONE


def _facts(day: Day) -> Dict[str, Any]:
    return {
        "detection": day.detection,
        "day": day.day,
        "outcome": "failed" if day.error else "done",
        "runs": day.runs,
        "alerts": None if day.error else len(day.alerts),
        "suppressed": day.suppressed,
        "raw_rows": day.raw_rows,
        "seconds": round(day.seconds, 1),
    }
