"""``aws-siem-bridge indices``: the indices a pattern names, with documents and time field."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import List

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, run_reported
from es_bridge.cli.rows import Column, Rows, add_format_argument
from es_bridge.indices import list_indices
from es_bridge.times import format_utc
from es_bridge.transport import Transport

EXAMPLES = """\
examples:
  aws-siem-bridge indices
  aws-siem-bridge indices 'aws-*' --format jsonl
  aws-siem-bridge indices 'waf-*' --time-field timestamp --url https://search.example:9200 --username analyst
"""


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
    with Transport(cluster_from(arguments), opaque_id("indices")) as transport:
        found = list_indices(transport, arguments.pattern, arguments.time_field)
    rows = Rows(arguments.format, _columns(arguments.time_field))
    for info in found:
        rows.add(asdict(info))
    rows.end()
    return DONE


def _columns(time_field: str) -> List[Column]:
    return [
        Column("name", "index"),
        Column("documents", "documents", "{:,}".format, right=True),
        Column("time_type", f"type of {time_field}", lambda kind: kind or "(not there)"),
        Column("earliest_ms", "earliest", format_utc),
        Column("latest_ms", "latest", format_utc),
    ]
