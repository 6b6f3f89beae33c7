"""From the settings to rows: what ``| elasticindices`` needs, imported while splunkd answers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Optional, Sequence, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.errors import QueryError
from es_bridge.index_summary import IndexFacts, IndexSummary
from es_bridge.request_line import batches
from es_bridge.times import shown_utc
from es_bridge.transport import Transport
from search_command import concurrency  # noqa: F401  # needed soon: imported while splunkd answers
from search_command.connection import ceilings, connect, said_of_cluster, search_request
from search_command.elasticindices.options import IndicesOptions
from search_command.table import encode

COLUMNS = (
    "index", "docs", "size_bytes", "primary_bytes", "oldest", "newest", "lag_s", "newest_ingested", "ingest_lag_s",
    "phase", "policy", "lifecycle_failed", "status", "health", "data_stream", "time_type",
)  # fmt: skip


def prepare(options: IndicesOptions, settings: SearchSettings, info: Any) -> Tuple[IndexSummary, Transport]:
    """Return what asks for the indices, and its connection; nothing is sent yet. ``info``: the getinfo request's.

    Without index= it asks for all that the user's rules allow. Raises `QueryError` and `ConfigError`.
    """
    question = options.question
    if not question.index:
        question = question._replace(index=_everything(settings.indices), partial="allow")
    request = search_request(question, settings, (None, None), size=0)
    transport = connect(settings, info)
    summary = IndexSummary(transport, request, ceilings(settings))
    warnings, notes = said_of_cluster(settings)
    summary.warnings += warnings
    summary.notes += notes
    return summary, transport


def _everything(allowed: Optional[Sequence[str]]) -> str:
    """Return the pattern of all that may be read. Raises `QueryError` where the rules have more than fits a request."""
    if allowed is None:
        return "*"
    parts = list(batches(allowed))
    if len(parts) > 1:
        raise QueryError(
            f"your access rules have {len(allowed)} patterns, more than one request can name: give index=<pattern>"
        )
    return ",".join(parts[0]) if parts else ""


def encoded(summary: IndexSummary) -> Iterator[Tuple[int, bytes]]:
    """Yield (rows, CSV) as they are found."""
    for indices in summary:
        yield len(indices), encode(COLUMNS, map(_row, indices))


def _row(facts: IndexFacts) -> Dict[str, Any]:
    return {
        "index": facts.name,
        "docs": facts.documents,
        "size_bytes": facts.total_bytes,
        "primary_bytes": facts.primary_bytes,
        "oldest": _time(facts.earliest_ms),
        "newest": _time(facts.latest_ms),
        "lag_s": facts.lag_s,
        "newest_ingested": _time(facts.ingested_ms),
        "ingest_lag_s": facts.ingest_lag_s,
        "phase": facts.phase,
        "policy": facts.policy,
        "lifecycle_failed": facts.lifecycle_has_failed,
        "status": facts.status,
        "health": facts.health,
        "data_stream": facts.data_stream,
        "time_type": facts.time_type,
    }


def _time(ms: Optional[int]) -> Optional[str]:
    return None if ms is None else shown_utc(ms)
