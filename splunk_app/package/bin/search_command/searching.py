"""From the settings to encoded rows: what a search needs, imported by `command` while splunkd answers."""

from __future__ import annotations

import secrets
from typing import Any, Iterator, NamedTuple, Optional, Tuple

from cluster_settings.client import SearchSettings

from es_bridge.dialect import remembered
from es_bridge.errors import CeilingReached, QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from search_command.asked_by import is_watched
from search_command.concurrency import slot
from search_command.options import CommandOptions
from search_command.rows import EncodedChunk, RowEncoder, RowSettings
from search_command.timerange import time_range, utc_notes
from search_command.workers import EncodingWorkers, encoded_chunks

__all__ = ["Prepared", "encoded", "prepare", "slot"]

#: Rows in one reply. With fields, more rows mean more columns that are empty in most of them, and a later first row.
CHUNK_ROWS = {"fields": 1000, "raw": 2000}
#: Earliest and latest, epoch milliseconds.
Times = Tuple[Optional[int], Optional[int]]


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
    sid = getattr(info, "sid", None)
    times = time_range(options, picker, now_ms, settings.tz)
    request = _request(options, settings, times, options.size_is_given and is_watched(sid))
    ceilings = Ceilings(settings.max_rows, settings.max_run_time_s, settings.max_mib, **settings.question)
    rows = RowSettings(cluster.name, options.output, options.fields, options.sourcetype)
    chunk_rows = CHUNK_ROWS[options.output]
    # Of its own, for what carries it is cancelled when this search is; a job may hold several searches.
    opaque_id = f"splunk {info.username} {info.sid} {secrets.token_hex(4)}"
    transport = Transport(cluster, opaque_id)
    workers = EncodingWorkers(transport, rows, chunk_rows, opaque_id) if options.output == "fields" else None
    known = remembered(settings.engine, cluster.engine)
    search = open_search(transport, request, workers, ceilings, known)
    search.notes += utc_notes(options, now_ms, settings.tz)
    if cluster.warning:
        (search.notes if settings.allow_plain_http else search.warnings).append(cluster.warning)
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


def _request(options: CommandOptions, settings: SearchSettings, times: Times, is_meant: bool) -> SearchRequest:
    cluster = settings.cluster
    index = options.index or cluster.default_index
    if not index:
        raise QueryError(
            f"no index given, and cluster {cluster.name!r} has no default index: add index=<pattern>, such as "
            'index="aws-cloudtrail-*"'
        )
    return SearchRequest(
        index=index,
        query=options.query,
        dsl=parse_dsl(options.dsl) if options.dsl else None,
        earliest_ms=times[0],
        latest_ms=times[1],
        time_field=options.time_field or cluster.time_field,
        size=options.size,
        size_is_meant=is_meant,
        partial=options.partial,
        unknown_fields=options.unknown_fields,
        page_size_docs=cluster.page_size_docs,
        allowed_indices=settings.indices,
    )
