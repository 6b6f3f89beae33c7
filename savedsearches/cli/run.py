"""``aws-siem-bridge detections run``."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import TABLE, add_format_argument
from es_bridge.times import format_utc, now_ms, parse_time, zone_named
from savedsearches.cli.around import add_around_arguments, around, empty_tables, reason_not_to_run
from savedsearches.cli.choice import add_choice, chosen
from savedsearches.content.dispatch import moment_at, selects_by_arrival
from savedsearches.runner.cli import write_rows

_EXAMPLES = """\
examples:
  aws-siem-bridge detections run cloudtrail_root_use --url https://search.example:9200 --username me
  aws-siem-bridge detections run --pack vpc_flow --at 2026-11-21T05:00Z
  aws-siem-bridge detections run findings_high_with_flows --events findings.jsonl

One run of each, as its schedule would have it at --at: of the window that ends the lag before. Exit status: 0 done,
also without rows; 1 one could not be run; 2 wrong usage.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``run``."""
    parser.epilog = _EXAMPLES
    add_choice(parser)
    parser.add_argument("--at", default="now", metavar="TIME", help="when it is scheduled (default: now)")
    add_format_argument(parser)
    add_around_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run detections once; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    at_ms = parse_time(arguments.at, now_ms=now_ms(), zone=zone_named("UTC"))
    if at_ms is None:
        raise UsageError(f"--at {arguments.at} is no time")
    failed = False
    tell("note: run by a strict subset of SPL of our own, not by Splunk")
    with around(arguments) as given:
        for each in chosen(arguments):
            reason = reason_not_to_run(each, arguments)
            if reason:
                say(f"{each.name}: {reason}")
                continue
            moment = moment_at(each, at_ms / 1000)
            by_arrival = selects_by_arrival(each)
            first_s = moment.index_earliest_s if by_arrival else moment.earliest_s
            last_s = moment.index_latest_s if by_arrival else moment.latest_s
            outcome = given.run(each, moment)
            failed = failed or outcome.error is not None
            window = " to ".join(format_utc(int((bound or 0) * 1000)) for bound in (first_s, last_s))
            if outcome.error is not None:
                say(f"{each.name}: {outcome.error}")
                continue
            say(
                f"{each.name}: {len(outcome.rows)} rows of what arrived from {window}; {outcome.raw_rows} raw events, "
                f"{outcome.seconds:.1f} s"
            )
            for text in [
                *outcome.warnings,
                *(f"the lookup {name} is empty here" for name in empty_tables(each, given)),
            ]:
                say(f"{each.name}: {text}")
            if outcome.rows or arguments.format != TABLE:
                write_rows(outcome.rows, arguments.format, moment)
    return FAILED if failed else DONE
