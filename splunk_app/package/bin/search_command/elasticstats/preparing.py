"""From the settings to rows: what ``| elasticstats`` needs, imported while splunkd answers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.aggregations.groups import Row
from es_bridge.aggregations.request import stats_request
from es_bridge.aggregations.statistics import Statistics
from es_bridge.aggregations.values import text_of
from es_bridge.dialect import remembered
from es_bridge.transport import Transport
from search_command import concurrency  # noqa: F401  # needed soon: imported while splunkd answers
from search_command.asked_by import is_watched
from search_command.connection import ceilings, connect, said_of_cluster, search_request
from search_command.elasticstats.options import StatsOptions
from search_command.table import encode
from search_command.timerange import time_range, utc_notes


def prepare(
    options: StatsOptions, settings: SearchSettings, info: Any, picker: Tuple[str, str], now_ms: int
) -> Tuple[Statistics, Transport]:
    """Return the aggregation that the user's line, the picker and the settings make; nothing is asked yet.

    ``info``: the getinfo request's. Raises `QueryError` and `ConfigError`.
    """
    question = options.question
    stats = stats_request(
        stats=options.stats,
        by=options.by,
        span=options.span,
        where=options.where,
        sort=options.sort,
        limit=options.limit,
        top=options.top,
        limit_is_meant=is_watched(getattr(info, "sid", None)),
        zone=settings.tz,
    )
    request = search_request(question, settings, time_range(question, picker, now_ms, settings.tz), size=0)
    transport = connect(settings, info)
    known = remembered(settings.engine, settings.cluster.engine)
    statistics = Statistics(transport, request, stats, ceilings(settings), known)
    statistics.notes += utc_notes(question, now_ms, settings.tz)
    warnings, notes = said_of_cluster(settings)
    statistics.warnings += warnings
    statistics.notes += notes
    return statistics, transport


def encoded(statistics: Statistics) -> Iterator[Tuple[int, bytes]]:
    """Yield (rows, CSV) of each page."""
    for rows in statistics:
        yield len(rows), encode(statistics.stats.columns, map(_texts, rows))


def _texts(row: Row) -> Dict[str, Any]:
    return {name: value if isinstance(value, list) else text_of(value) for name, value in row.items()}
