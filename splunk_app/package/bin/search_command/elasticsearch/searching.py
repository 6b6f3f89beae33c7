"""From the settings to encoded rows: what a search needs, imported by `command` while splunkd answers."""

from __future__ import annotations

from typing import Any, Iterator, NamedTuple, Optional, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.dialect import remembered
from es_bridge.errors import CeilingReached
from es_bridge.query import SearchRequest
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from search_command import concurrency  # noqa: F401  # needed soon: imported while splunkd answers
from search_command.asked_by import is_watched
from search_command.connection import ceilings, connect, said_of_cluster, search_request
from search_command.elasticsearch.options import CommandOptions
from search_command.elasticsearch.rows import EncodedChunk, RowEncoder, RowSettings
from search_command.elasticsearch.workers import EncodingWorkers, encoded_chunks
from search_command.timerange import time_range, utc_notes

#: Rows in one reply. With fields, more rows mean more columns that are empty in most of them, and a later first row.
CHUNK_ROWS = {"fields": 1000, "raw": 2000}


class Prepared(NamedTuple):
    """One search that has not asked anything yet, and what turns its pages into rows."""

    request: SearchRequest
    transport: Transport
    search: Search
    encoder: RowEncoder
    chunk_rows: int
    workers: Optional[EncodingWorkers]


def prepare(
    options: CommandOptions, settings: SearchSettings, info: Any, picker: Tuple[str, str], now_ms: int
) -> Prepared:
    """Return the search that the user's line, the picker and the settings make. ``info``: the getinfo request's.

    Raises `QueryError` and `ConfigError`.
    """
    cluster = settings.cluster
    question = options.question
    times = time_range(question, picker, now_ms, settings.tz)
    is_meant = options.size_is_given and is_watched(getattr(info, "sid", None))
    request = search_request(question, settings, times, size=options.size, size_is_meant=is_meant)
    rows = RowSettings(cluster.name, options.output, options.fields, options.sourcetype)
    chunk_rows = CHUNK_ROWS[options.output]
    most = ceilings(settings)
    transport = connect(settings, info)
    workers = EncodingWorkers(transport, rows, chunk_rows) if options.output == "fields" else None
    search = open_search(transport, request, workers, most, remembered(settings.engine, cluster.engine))
    search.notes += utc_notes(question, now_ms, settings.tz)
    warnings, notes = said_of_cluster(settings)
    search.warnings += warnings
    search.notes += notes
    return Prepared(request, transport, search, RowEncoder(rows), chunk_rows, workers)


def encoded(prepared: Prepared) -> Iterator[EncodedChunk]:
    """Yield the chunks of all pages, up to the end of the run time: encoding takes time, too."""
    search = prepared.search
    pages = iter(search)
    try:
        for page in pages:
            yield from encoded_chunks(page, prepared.encoder, prepared.chunk_rows, search.check_run_time)
    except CeilingReached as exc:
        if search.is_closed:
            raise  # by the search itself
        try:
            pages.throw(exc)
        except StopIteration:
            return  # an incomplete answer is allowed
