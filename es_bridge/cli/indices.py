"""``aws-siem-bridge indices``: the indices a pattern names, with documents and time field."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import Optional

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.reporting import DONE, run_reported
from es_bridge.cli.table import aligned
from es_bridge.indices import IndexInfo, list_indices
from es_bridge.terminal import put
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
    parser.add_argument("--format", choices=("table", "jsonl"), default="table", help="default: table")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line an index; return 0."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with Transport(cluster_from(arguments), opaque_id("indices")) as transport:
        found = list_indices(transport, arguments.pattern, arguments.time_field)
    if arguments.format == "jsonl":
        for info in found:
            put(json.dumps(asdict(info)))
        return DONE
    header = ["index", "documents", f"type of {arguments.time_field}", "earliest", "latest"]
    put(*aligned([header, *map(_row, found)], right={1}))
    return DONE


def _row(info: IndexInfo) -> list[str]:
    return [
        info.name,
        f"{info.documents:,}",
        info.time_type or "(not there)",
        _time(info.earliest_ms),
        _time(info.latest_ms),
    ]


def _time(ms: Optional[int]) -> str:
    return "-" if ms is None else format_utc(ms)
