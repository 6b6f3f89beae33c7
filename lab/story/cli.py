"""``aws-siem-bridge lab story``: write the logs of one attack, for the demo, tests and benchmarks."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator

from es_bridge.cli.parser import Parser
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say
from es_bridge.terminal import put
from es_bridge.times import format_utc, now_ms, parse_time, zone_named
from lab.story.files import FINDINGS, LABELS, LOGS, record_counts, write_story

EXAMPLES = """\
examples:
  aws-siem-bridge lab story write /tmp/story
  aws-siem-bridge lab story write /tmp/story --events 300000 --seed 7 --start now-7d --end 2026-11-21T00:00:00Z
  aws-siem-bridge lab story write /tmp/story --logs vpc_flow,waf --flows 100000 --requests 5000
  aws-siem-bridge load /tmp/story

The same numbers, seed, start and end give the same logs. Which records are the attack's is in labels.jsonl; country
and AS of the story's addresses are in addresses.mmdb.
"""
DAY_MS = 86_400_000
TITLES = {
    "cloudtrail": "CloudTrail events",
    "vpc_flow": "VPC flow records",
    "route53_resolver": "DNS queries",
    "waf": "WAF requests",
}
#: Options with the number of records of the other logs.
COUNTS = {"flows": "vpc_flow", "queries": "route53_resolver", "requests": "waf"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``lab story``."""
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="story_command", metavar="<command>", required=True, parser_class=Parser)
    write = actions.add_parser("write", help="write the logs into a folder, in AWS's own formats")
    write.add_argument("folder", type=Path)
    write.add_argument("--events", type=int, default=20_000, metavar="N", help="CloudTrail events (default: 20,000)")
    for option, log in COUNTS.items():
        write.add_argument(f"--{option}", type=int, metavar="N", help=f"{TITLES[log]} (default: in proportion)")
    write.add_argument("--logs", default=",".join(LOGS), metavar="LOG,...", help="default: all of %(default)s")
    write.add_argument("--seed", type=int, default=1, metavar="S", help="default: 1")
    write.add_argument("--start", metavar="TIME", help="default: 24 hours before the end")
    write.add_argument("--end", metavar="TIME", help="exclusive (default: now)")
    write.add_argument("--plain", action="store_true", help="do not compress the files")


def run(arguments: argparse.Namespace) -> int:
    """Write the story; return the exit status."""
    return run_reported(lambda: _write(arguments))


def _write(arguments: argparse.Namespace) -> int:
    now = now_ms()
    zone = zone_named("")
    end_ms = parse_time(arguments.end, now_ms=now, zone=zone) if arguments.end else now
    if end_ms is None:
        raise UsageError("--end must be a time: the story needs an end")
    start_ms = parse_time(arguments.start, now_ms=now, zone=zone) if arguments.start else end_ms - DAY_MS
    if start_ms is None:
        raise UsageError("--start must be a time: the story needs a beginning")
    counts = {log: getattr(arguments, name) for name, log in COUNTS.items() if getattr(arguments, name) is not None}
    logs = [name for name in arguments.logs.split(",") if name]
    started = time.monotonic()
    try:
        total = sum(record_counts(arguments.events, logs, counts).values())
        with _progress(total) as progress:
            written = write_story(
                arguments.folder,
                arguments.events,
                arguments.seed,
                start_ms,
                end_ms,
                logs=logs,
                counts=counts,
                compressed=not arguments.plain,
                progress=progress,
            )
    except ValueError as exc:
        raise UsageError(f"the story cannot be written: {exc}") from exc
    except OSError as exc:
        say(f"the story cannot be written: {exc}")
        return FAILED
    seconds = time.monotonic() - started
    for log, done in written.items():
        put(f"{done.records:,} {TITLES[log]} from {format_utc(start_ms)} to {format_utc(end_ms)}")
        size = done.raw_bytes / max(1, done.records)
        put(f"  {done.attack_records} of them the attack's, {done.files:,} files, {size:,.0f} bytes a record")
    put(f"below {arguments.folder}; the attack's records are named in {arguments.folder / LABELS}")
    put(f"what the security services found of it is in {arguments.folder / FINDINGS}")
    put(f"{seconds:.1f} s, {total / max(0.001, seconds):,.0f} records/s")
    return DONE


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from tqdm import tqdm

    with tqdm(total=total, unit=" records", leave=False) as bar:
        yield lambda written: bar.update(written - bar.n) and None
