"""``aws-siem-bridge threats``: threat lists into Splunk's KV store, from files and objects of S3."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from pathlib import Path
from typing import Dict, Iterator, List, Tuple

from aws_bridge.errors import AwsError
from collectors.cli import lookup_file, search_head
from collectors.errors import CollectorError
from collectors.threat_lists.entries import KINDS, Entry
from collectors.threat_lists.kept import ThreatList
from collectors.threat_lists.reading import Bad, Good, opened, values
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell

EXAMPLES = f"""\
examples:
  aws-siem-bridge threats import drop.txt --source spamhaus-drop --expires 7d --splunk-url https://search-head:8089
  aws-siem-bridge threats import s3://intel/c2.csv.gz --column ioc --kind domain --expires 4w --replace --splunk-url ..
  aws-siem-bridge threats import hashes.txt --dry-run
  aws-siem-bridge threats import drop.txt --csv threat_list.csv

One value a line, comments behind # ; or //, or a column of a CSV file; gzip or not. Addresses and networks, domains and
hashes (MD5, SHA-1, SHA-256) are told apart by themselves. A value that comes again is renewed; what does not come
again stays until it expires, or goes with --replace. Lines that hold no value are counted, the first ones named.

The token of an account that may write the app's collections comes from ${search_head.TOKEN_VARIABLE} or --token-file.
Run it from cron or a systemd timer, more often than the lists expire.

Exit status: 0 everything is stored (bad lines are said), 1 something failed or a list has no value, 2 wrong usage.
"""
#: Bad lines of a list that are named, one by one.
NAMED = 10
_UNITS = {"h": 3600, "d": 86_400, "w": 604_800}
_COLUMNS = ("value", "kind", "source", "expires", "added")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``threats``."""
    parser.epilog = EXAMPLES
    parser.add_argument("action", choices=("import",))
    parser.add_argument("lists", nargs="+", metavar="LIST", help="a file, or s3://bucket/key")
    parser.add_argument("--source", default="", help="what the list is called (default: its file's name)")
    parser.add_argument("--kind", choices=KINDS, default="", help="the only kind that is right (default: any)")
    parser.add_argument("--column", default="", metavar="NAME", help="the lists are CSV with a header: this column")
    parser.add_argument("--expires", default="30d", metavar="TIME", help="how long a value stays: 12h, 7d, 4w")
    parser.add_argument("--replace", action="store_true", help="remove what the source no longer has")
    parser.add_argument("--dry-run", action="store_true", help="read and check only")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a lookup file instead of the KV store")
    search_head.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Import lists; return the exit status that the help explains."""
    return run_reported(lambda: _reported(arguments))


def _reported(arguments: argparse.Namespace) -> int:
    lasts_s = _seconds(arguments.expires)
    if sum(map(bool, (arguments.dry_run, arguments.csv, arguments.splunk_url))) != 1:
        raise UsageError("say where the list goes: one of --splunk-url, --csv and --dry-run")
    if arguments.source and len(arguments.lists) > 1:
        raise UsageError("--source is of one list: import several one by one, or let their file names be their sources")
    now_s = int(time.time())
    store = ThreatList(search_head.splunkd(arguments)) if arguments.splunk_url else None
    status = DONE
    rows: List[Entry] = []
    for place in arguments.lists:
        source = arguments.source or place.rpartition("/")[2]
        try:
            found, bad = _read(place, arguments.kind, arguments.column)
            entries = [Entry(value, kind, source, now_s + lasts_s, now_s) for value, kind in found.items()]
            _say_bad(place, bad)
            if not entries:
                say(f"{place}: no line holds a value, nothing is changed")
                status = FAILED
                continue
            if store:
                store.save(entries)
                if arguments.replace:
                    store.remove_older(source, now_s)
        except (CollectorError, AwsError) as exc:
            say(f"{place}: {exc}")
            status = FAILED
            continue
        rows += entries
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(Counter(found.values()).items()))
        tell(f"{place}: {len(entries):,} values of {source!r} ({kinds}), {len(bad):,} bad lines")
    if store:
        try:
            store.remove_expired(now_s)
        except CollectorError as exc:
            say(f"what has expired could not be removed: {exc}")
            status = FAILED
    if arguments.csv and rows:
        lookup_file.write(arguments.csv, _COLUMNS, _cells(rows))
    return status


def _read(place: str, kind: str, column: str) -> Tuple[Dict[str, str], List[Bad]]:
    """Return value -> kind of a list, each once, and its bad lines."""
    found: Dict[str, str] = {}
    bad: List[Bad] = []
    with opened(place) as stream:
        for each in values(stream, kind, column):
            if isinstance(each, Good):
                found[each.value] = each.kind
            else:
                bad.append(each)
    return found, bad


def _say_bad(place: str, bad: List[Bad]) -> None:
    for line in bad[:NAMED]:
        say(f"{place}, {line}")
    if len(bad) > NAMED:
        say(f"{place}: {len(bad) - NAMED:,} more bad lines")


def _cells(entries: List[Entry]) -> Iterator[Tuple[object, ...]]:
    for entry in entries:
        yield tuple(getattr(entry, name) for name in _COLUMNS)


def _seconds(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in _UNITS or int(number) == 0 or len(number) > 4:
        raise UsageError(f"--expires {text} is no time such as 12h, 7d, 4w")
    return int(number) * _UNITS[unit]
