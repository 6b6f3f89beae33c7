"""From the settings to rows: what ``| elasticfields`` needs, imported while splunkd answers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.field_summary.summary import FieldInfo, FieldSummary, SummaryRequest
from es_bridge.transport import Transport
from search_command import concurrency  # noqa: F401  # needed soon: imported while splunkd answers
from search_command.connection import ceilings, connect, said_of_cluster, search_request
from search_command.elasticfields.options import FieldsOptions
from search_command.flatten import visible_name
from search_command.table import encode
from search_command.timerange import time_range, utc_notes

COLUMNS = (
    "field", "type", "indexed", "count", "percent", "of", "is_sample", "distinct_count", "is_exact", "values",
    "value_counts", "values_of", "counts_error", "spl_field", "types_in",
)  # fmt: skip
#: Indices that are named for one type, where types differ; the others are counted.
_MOST_NAMED = 10


def prepare(
    options: FieldsOptions, settings: SearchSettings, info: Any, picker: Tuple[str, str], now_ms: int
) -> Tuple[FieldSummary, Transport]:
    """Return what asks for the fields, and its connection; nothing is sent yet. ``info``: the getinfo request's.

    Raises `QueryError` and `ConfigError`.
    """
    times = time_range(options.question, picker, now_ms, settings.tz)
    documents = search_request(options.question, settings, times, size=0)
    request = SummaryRequest(documents, options.fields, options.top, options.sample)
    transport = connect(settings, info)
    summary = FieldSummary(transport, request, ceilings(settings))
    warnings, notes = said_of_cluster(settings)
    summary.warnings += warnings
    summary.notes += [*utc_notes(options.question, now_ms, settings.tz), *notes]
    return summary, transport


def encoded(summary: FieldSummary) -> Iterator[Tuple[int, bytes]]:
    """Yield (rows, CSV) as they are found."""
    for fields in summary:
        yield len(fields), encode(COLUMNS, map(_row, fields))


def _row(field: FieldInfo) -> Dict[str, Any]:
    names = [visible_name(name) for name in field.names_in_rows]
    return {
        "field": field.name,
        "type": list(field.types),
        "indexed": list(field.indexed),
        "count": field.documents,
        "percent": None if field.percent is None else f"{field.percent:.2f}",
        "of": field.of_documents,
        "is_sample": field.is_sample,
        "distinct_count": field.distinct,
        "is_exact": field.distinct_is_exact if field.distinct is not None else None,
        "values": [value for value, _ in field.values],
        "value_counts": [str(count) for _, count in field.values],
        "values_of": field.values_of_documents if field.values else None,
        "counts_error": field.most_missing if field.values else None,
        "spl_field": names,
        "types_in": [f"{kind}: {_named(where)}" for kind, where in field.types_in.items()],
    }


def _named(indices: Tuple[str, ...]) -> str:
    more = len(indices) - _MOST_NAMED
    return ", ".join(indices[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
