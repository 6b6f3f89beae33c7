"""``aws-siem-bridge detections office-zone``."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, timezone, tzinfo
from typing import List, Tuple

from es_bridge.cli.reporting import DONE, run_reported
from es_bridge.terminal import put
from es_bridge.times import zone_named

_EXAMPLES = """\
examples:
  aws-siem-bridge detections office-zone Asia/Seoul
  aws-siem-bridge detections office-zone Europe/Berlin >> $SPLUNK_HOME/etc/apps/aws_siem_bridge/local/macros.conf

Detections that ask for office hours or days use this macro, whatever time zone the search head or a user has. Where the
clocks change, the definition has the changes of ten years: print it anew before they are over.
"""
_YEARS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``office-zone``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("zone", metavar="NAME", help="an IANA name, such as Asia/Seoul")


def run(arguments: argparse.Namespace) -> int:
    """Print the macro; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    zone = zone_named(arguments.zone)
    for line in (
        f"# {arguments.zone}",
        "[aws_local_offset_s(1)]",
        "args = time",
        f"definition = {definition(zone, this_year())}",
    ):
        put(line)
    return DONE


def this_year() -> int:
    """Return the year in UTC."""
    return datetime.now(timezone.utc).year


def definition(zone: tzinfo, first_year: int) -> str:
    """Return the seconds a zone is ahead of UTC as an expression of ``$time$``, for ten years from one on."""
    offset, changes = changes_of(zone, first_year)
    if not changes:
        return str(offset)
    cases = []
    for until_s, after in changes:
        cases.append(f"$time$<{until_s},{offset}")
        offset = after
    return f"case({','.join(cases)},true(),{offset})"


def changes_of(zone: tzinfo, first_year: int) -> Tuple[int, List[Tuple[int, int]]]:
    """Return (offset at the beginning, changes as (epoch seconds, offset from then on)) of ten years."""
    moment = datetime(first_year, 1, 1, tzinfo=timezone.utc)
    end = datetime(first_year + _YEARS, 1, 1, tzinfo=timezone.utc)
    first = offset = _offset(zone, moment)
    changes = []
    while moment < end:
        later = moment + timedelta(hours=1)  # clocks change at full hours of UTC, everywhere but by half an hour
        for part in (moment + timedelta(minutes=30), later):
            if _offset(zone, part) != offset:
                offset = _offset(zone, part)
                changes.append((int(part.timestamp()), offset))
        moment = later
    return first, changes


def _offset(zone: tzinfo, moment: datetime) -> int:
    found = moment.astimezone(zone).utcoffset()
    return int(found.total_seconds()) if found else 0
