"""``aws-siem-bridge indices``: the indices a pattern names, with documents, times, size, health and lifecycle."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any, List

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, checking_options, run_reported, say, tell
from es_bridge.cli.rows import TABLE, Column, Rows, add_format_argument
from es_bridge.index_summary import IndexSummary
from es_bridge.query import SearchRequest
from es_bridge.times import shown_utc
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge indices
  aws-siem-bridge indices 'aws-*' --format jsonl
  aws-siem-bridge indices 'waf-*' --time-field timestamp --url https://search.example:9200 --username analyst

Sizes, health and lifecycle need permissions beyond reading; where the account lacks one, a note says which. A table has
the most important columns, the other formats have all. lag is the time since the newest event.
"""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``indices``."""
    parser.epilog = EXAMPLES
    parser.add_argument("pattern", nargs="?", default="*", help="index name or pattern (default: *)")
    parser.add_argument("--time-field", default="@timestamp", metavar="NAME", help="default: @timestamp")
    add_format_argument(parser)
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line an index; return 0."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with checking_options():
        request = SearchRequest(index=arguments.pattern, time_field=arguments.time_field, size=0)
    rows = Rows(arguments.format, _columns(arguments.time_field, arguments.format))
    transport = Transport(cluster_from(arguments), opaque_id("indices"))
    with transport, IndexSummary(transport, request) as summary:
        for indices in summary:
            for facts in indices:
                rows.add(asdict(facts))
    rows.end()
    for text in summary.warnings:
        say(f"warning: {text}")
    for text in summary.notes:
        tell(f"note: {text}")
    return DONE


def _columns(time_field: str, form: str) -> List[Column]:
    in_a_table = [
        Column("name", "index"),
        Column("documents", "documents", "{:,}".format, right=True),
        Column("total_bytes", "size", _size, right=True),
        Column("time_type", f"type of {time_field}", lambda kind: kind or "(not there)"),
        Column("earliest_ms", "earliest", shown_utc),
        Column("latest_ms", "latest", shown_utc),
        Column("lag_s", "lag", _duration, right=True),
        Column("health", "health"),
        Column("phase", "phase"),
    ]
    if form == TABLE:
        return in_a_table
    more = (
        "primary_bytes", "ingested_ms", "ingest_lag_s", "status", "data_stream", "policy", "lifecycle_has_failed",
    )  # fmt: skip
    return [*in_a_table, *(Column(name, name) for name in more)]


def _size(count: Any) -> str:
    """Return bytes in the unit in which they are a number below 1,024."""
    amount, unit = float(count), 0
    while amount >= 1023.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def _duration(seconds: Any) -> str:
    """Return a length of time in its largest unit and the next one."""
    left = int(abs(seconds))
    units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")]
    while left < units[0][0] and len(units) > 1:
        del units[0]
    parts = []
    for size, unit in units[:2]:
        parts.append(f"{left // size}{unit}")
        left %= size
    return ("-" if seconds <= -1 else "") + " ".join(parts)
