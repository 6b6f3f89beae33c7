"""``aws-siem-bridge fields``: the fields of a pattern's documents: types, where indexed, how frequent, top values."""

from __future__ import annotations

import argparse
import re
from typing import Any, Dict, List, Sequence, Tuple

from es_bridge.cli.connection import add_connection_arguments, cluster_from, opaque_id
from es_bridge.cli.option_names import as_options
from es_bridge.cli.question import search_request
from es_bridge.cli.reporting import DONE, checking_options, run_reported, say, tell
from es_bridge.cli.rows import TABLE, Column, Rows, add_format_argument
from es_bridge.field_summary import DEFAULT_SAMPLE_DOCS, DEFAULT_TOP
from es_bridge.field_summary.summary import FieldInfo, FieldSummary, SummaryRequest
from es_bridge.transport import Transport
from es_bridge.unmatched import UNKNOWN_FIELDS

EXAMPLES = """\
examples:
  aws-siem-bridge fields 'aws-cloudtrail-*' --earliest -24h
  aws-siem-bridge fields 'aws-cloudtrail-*' --fields 'userIdentity.*,errorCode' --top 10
  aws-siem-bridge fields 'aws-waf-*' --query 'action:BLOCK' --fields 'httpRequest.*' --format jsonl
  aws-siem-bridge fields 'winlogbeat-*' --sample 0 --format csv > fields.csv

times are those of 'aws-siem-bridge search'. A value that is followed by a tilde is not exact: of a random sample, or an
estimate.
"""
#: Cells of a table are cut for the eye beyond this; the other formats have them whole.
_WIDEST_CELL = 70


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``fields``."""
    parser.epilog = EXAMPLES
    # As in `search`: "-24h@h" is a value.
    parser._negative_number_matcher = re.compile(r"-\.?\d|-[a-z]+@")
    parser.add_argument("index", help="index pattern: names, wildcards, aliases, separated by commas")
    parser.add_argument("--query", default="", metavar="TEXT", help="Lucene query string (default: everything)")
    parser.add_argument("--dsl", default="", metavar="JSON", help="one query clause in the engines' query DSL")
    parser.add_argument("--earliest", default="0", metavar="TIME", help="inclusive (default: no bound)")
    parser.add_argument("--latest", default="0", metavar="TIME", help="exclusive (default: no bound)")
    parser.add_argument("--time-field", default="@timestamp", metavar="NAME", help="default: @timestamp")
    parser.add_argument("--time-zone", default="", metavar="NAME", help="such as Asia/Seoul (default: this machine's)")
    parser.add_argument("--fields", default="", metavar="LIST", help="names, * as wildcard, separated by commas")
    parser.add_argument(
        "--top", type=int, default=DEFAULT_TOP, metavar="N", help=f"most frequent values (default: {DEFAULT_TOP})"
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=DEFAULT_SAMPLE_DOCS,
        metavar="N",
        help=f"beyond so many documents a sample of as many is counted; 0: count all (default: {DEFAULT_SAMPLE_DOCS})",
    )
    parser.add_argument("--partial", choices=("fail", "allow"), default="fail", help="default: fail")
    parser.add_argument("--unknown-fields", choices=UNKNOWN_FIELDS, default="warn", help="default: warn")
    add_format_argument(parser)
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line a field; return 0."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    with checking_options():
        request = _request(arguments)
    rows, facts_of = (
        (Rows(TABLE, _TABLE), _cells) if arguments.format == TABLE else (Rows(arguments.format, _ALL), _facts)
    )
    transport = Transport(cluster_from(arguments), opaque_id("fields"))
    with transport, FieldSummary(transport, request) as summary:
        for fields in summary:
            for field in fields:
                rows.add(facts_of(field))
    rows.end()
    for text in summary.warnings:
        say(as_options(f"warning: {text}"))
    for text in summary.notes:
        tell(as_options(f"note: {text}"))
    return DONE


def _request(arguments: argparse.Namespace) -> SummaryRequest:
    fields = tuple(name.strip() for name in arguments.fields.split(",") if name.strip())
    return SummaryRequest(search_request(arguments), fields, arguments.top, arguments.sample)


def _facts(field: FieldInfo) -> Dict[str, Any]:
    return {
        "name": field.name,
        "types": list(field.types),
        "types_in": {kind: list(where) for kind, where in field.types_in.items()},
        "indexed": list(field.indexed),
        "documents": field.documents,
        "of_documents": field.of_documents,
        "percent": field.percent,
        "is_sample": field.is_sample,
        "distinct": field.distinct,
        "distinct_is_exact": field.distinct_is_exact,
        "values": [{"value": value, "documents": count} for value, count in field.values],
        "values_of_documents": field.values_of_documents,
        "most_missing": field.most_missing,
        "names_in_rows": list(field.names_in_rows),
    }


def _cells(field: FieldInfo) -> Dict[str, Any]:
    """Return what a table has room for; a tilde says that a number is not exact."""
    return {
        "name": field.name,
        "types": ", ".join(field.types) or None,
        "indexed": ", ".join(field.indexed),
        "percent": None if field.percent is None else f"{field.percent:.1f}{'~' * field.is_sample}",
        "distinct": None if field.distinct is None else f"{field.distinct:,}{'~' * (not field.distinct_is_exact)}",
        "values": _values(field.values),
    }


def _values(values: Sequence[Tuple[str, int]]) -> str:
    text = ", ".join(f"{value} ({count:,})" for value, count in values)
    return text if len(text) <= _WIDEST_CELL else text[: _WIDEST_CELL - 3] + "..."


_TABLE: List[Column] = [
    Column("name", "field"),
    Column("types", "type"),
    Column("indexed", "indexed"),
    Column("percent", "% of documents", right=True),
    Column("distinct", "values", right=True),
    Column("values", "most frequent"),
]
_ALL: List[Column] = [
    Column(name, name)
    for name in (
        "name", "types", "types_in", "indexed", "documents", "of_documents", "percent", "is_sample", "distinct",
        "distinct_is_exact", "values", "values_of_documents", "most_missing", "names_in_rows",
    )
]  # fmt: skip
