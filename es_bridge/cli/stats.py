"""``aws-siem-bridge stats``: count and aggregate in the cluster, one row a group."""

from __future__ import annotations

import argparse
import re
import sys
from typing import Any, List

from es_bridge.aggregations.request import StatsRequest, stats_request
from es_bridge.aggregations.statistics import Statistics
from es_bridge.aggregations.values import text_of
from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.option_names import as_options
from es_bridge.cli.question import search_request
from es_bridge.cli.reporting import DONE, checking_options, run_reported, say, tell
from es_bridge.cli.rows import Column, Rows, add_format_argument
from es_bridge.transport import Transport
from es_bridge.unmatched import UNKNOWN_FIELDS

EXAMPLES = """\
examples:
  aws-siem-bridge stats 'aws-cloudtrail-*' --by eventSource,eventName --sort=-count --limit 20
  aws-siem-bridge stats 'aws-cloudtrail-*' --stats 'count, dc(userIdentity.arn) as users' --by errorCode --earliest -24h
  aws-siem-bridge stats 'aws-vpcflow-*' --stats 'sum(bytes) as bytes' --by srcaddr --where 'bytes>1000000' --format csv
  aws-siem-bridge stats 'aws-waf-*' --by action --span 1h --time-zone Asia/Seoul

functions: count, dc, estdc, sum, min, max, avg, values, earliest, latest. docs/elasticstats.md says where an index
differs from its documents. times are those of 'aws-siem-bridge search'. Write what begins with a minus with the
equals sign.
"""
#: Functions that give a number whatever the field.
_NUMBERS = ("count", "dc", "estdc", "sum", "avg")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``stats``; they are those of the Splunk command."""
    parser.epilog = EXAMPLES
    # As in `search`: "-24h@h" is a value.
    parser._negative_number_matcher = re.compile(r"-\.?\d|-[a-z]+@")
    parser.add_argument("index", help="index pattern: names, wildcards, aliases, separated by commas")
    what = parser.add_argument_group("what")
    what.add_argument("--stats", default="count", metavar="LIST", help="columns to compute (default: count)")
    what.add_argument("--by", default="", metavar="LIST", help="fields to group by, separated by commas")
    what.add_argument("--span", default="", metavar="TIME", help="also by steps of time: 30s, 5m, 4h, 1d")
    what.add_argument("--where", default="", metavar="TEXT", help="which rows stay, such as 'count>10 AND users>=3'")
    what.add_argument("--sort", default="", metavar="LIST", help="columns, - for descending (default: as --by)")
    what.add_argument("--limit", type=int, default=0, metavar="N", help="most rows; 0: all (default)")
    what.add_argument("--top", default="", metavar="LIST", help="best of a field: '20 srcaddr by action on bytes'")
    what.add_argument("--query", default="", metavar="TEXT", help="Lucene query string (default: everything)")
    what.add_argument("--dsl", default="", metavar="JSON", help="one query clause in the engines' query DSL")
    what.add_argument("--earliest", "--start-time", default="0", metavar="TIME", help="inclusive (default: no bound)")
    what.add_argument("--latest", "--end-time", default="0", metavar="TIME", help="exclusive (default: no bound)")
    what.add_argument("--time-field", default="@timestamp", metavar="NAME", help="default: @timestamp")
    what.add_argument("--time-zone", default="", metavar="NAME", help="such as Asia/Seoul (default: this machine's)")
    what.add_argument("--partial", choices=("fail", "allow"), default="fail", help="default: fail")
    what.add_argument("--unknown-fields", choices=UNKNOWN_FIELDS, default="warn", help="default: warn")
    add_format_argument(parser)
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line a group; return 0."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with checking_options():
        request, stats = search_request(arguments), _stats(arguments)
    numeric = {measure.column for measure in stats.measures if measure.function in _NUMBERS}
    rows = Rows(arguments.format, [Column(name, name, _cell, name in numeric) for name in stats.columns])
    transport = Transport(cluster_from(arguments), opaque_id("stats"))
    with transport, Statistics(transport, request, stats) as statistics:
        for page in statistics:
            for row in page:
                rows.add({name: row[name] for name in stats.columns if name in row})
    rows.end()
    for text in dict.fromkeys(statistics.warnings):
        say(as_options(f"warning: {text}"))
    for text in dict.fromkeys(statistics.notes):
        tell(as_options(f"note: {text}"))
    return DONE


def _cell(value: Any) -> str:
    values: List[Any] = value if isinstance(value, list) else [value]
    return ", ".join(map(text_of, values))


def _stats(arguments: argparse.Namespace) -> StatsRequest:
    return stats_request(
        stats=arguments.stats,
        by=arguments.by,
        span=arguments.span,
        where=arguments.where,
        sort=arguments.sort,
        limit=arguments.limit,
        top=arguments.top,
        limit_is_meant=sys.stderr.isatty(),  # a person, not a scheduled job
        zone=arguments.time_zone,
    )
