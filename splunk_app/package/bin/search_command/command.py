"""``| elasticsearch``: options -> cluster -> search -> rows, and what the user reads about it."""

from __future__ import annotations

import secrets
import time
import traceback
from dataclasses import replace
from typing import Any, Dict, Iterator, List, Optional, Tuple

from cluster_settings.client import SearchSettings, read_settings
from splunklib.searchcommands import Configuration

from es_bridge import times
from es_bridge.errors import CeilingReached, QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from search_command.asked_by import is_watched
from search_command.audit import log_trace, open_log, write_audit_line
from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.concurrency import slot
from search_command.options import CommandOptions, parse_options
from search_command.rows import EncodedChunk, RowEncoder, RowSettings
from search_command.timerange import time_range, utc_notes
from search_command.workers import EncodingWorkers, encoded_chunks

#: Rows in one reply. With fields, more rows mean more columns that are empty in most of them, and a later first row.
CHUNK_ROWS = {"fields": 1000, "raw": 2000}


@Configuration()
class ElasticsearchCommand(ChunkedGeneratingCommand):
    """Searches an Elasticsearch or OpenSearch cluster. See ``docs/search_command.md``."""

    def __init__(self) -> None:
        super().__init__()
        self._log = open_log()
        self._started = time.monotonic()
        self._facts: Dict[str, Any] = {}
        self._transport: Optional[Transport] = None
        self._search: Optional[Search] = None
        self._workers: Optional[EncodingWorkers] = None
        self._rows = 0
        self._messages_seen = {"WARN": 0, "INFO": 0}

    def chunks(self) -> Iterator[Chunk]:
        """Yield the rows of the search, then the figures."""
        info = self._metadata.searchinfo
        self._started = time.monotonic()
        now_ms = times.now_ms()
        self._facts = {"user": getattr(info, "username", None), "sid": getattr(info, "sid", None)}
        options = parse_options(list(info.args or ()), getattr(info, "raw_args", None))
        self._facts.update(cluster=options.cluster or None, index=options.index)
        settings = read_settings(info.splunkd_uri, info.session_key, options.cluster)
        self._log.setLevel(settings.log_level)
        cluster = settings.cluster
        earliest_ms, latest_ms = time_range(options, self.picker, now_ms, settings.tz)
        request = _request(options, settings, earliest_ms, latest_ms)
        if options.size_is_given and is_watched(getattr(info, "sid", None)):
            request = replace(request, size_is_meant=True)
        self._facts.update(
            user=settings.user,  # as splunkd vouches for it
            cluster=cluster.name,
            index=request.index,
            earliest=_utc(earliest_ms),
            latest=_utc(latest_ms),
        )
        ceilings = Ceilings(settings.max_rows, settings.max_run_time_s, settings.max_mib, **settings.question)
        rows = RowSettings(cluster.name, options.output, options.fields, options.sourcetype)
        chunk_rows = CHUNK_ROWS[options.output]
        # Of its own, for what carries it is cancelled when this search is; a job may hold several searches.
        opaque_id = f"splunk {info.username} {info.sid} {secrets.token_hex(4)}"
        self._transport = Transport(cluster, opaque_id)
        if options.output == "fields":
            self._workers = EncodingWorkers(self._transport, rows, chunk_rows, opaque_id)
        try:
            with (
                slot(cluster.name, settings.max_concurrent_searches),
                open_search(self._transport, request, self._workers, ceilings) as search,
            ):
                self._search = search
                self.go_on()  # nothing is asked after `cancel` has found no search
                search.notes += utc_notes(options, now_ms, settings.tz)
                if cluster.warning:
                    (search.notes if settings.allow_plain_http else search.warnings).append(cluster.warning)
                yield from self._rows_of(search, RowEncoder(rows), chunk_rows)
        finally:
            if self._workers:
                self._workers.close()
            self._transport.close()

    def cancel(self) -> None:
        """End the requests under way, the workers, and what the search keeps open in the cluster."""
        if self._search:
            self._search.close()
            self._note_facts(self._search)
        if self._workers:
            self._workers.close()

    def _rows_of(self, search: Search, encoder: RowEncoder, chunk_rows: int) -> Iterator[Chunk]:
        try:
            for count, body in _encoded(search, encoder, chunk_rows):
                self._rows += count
                yield Chunk(body, self._new_messages(search))
        except Exception:
            # What was said before the failure helps to understand it.
            messages = self._new_messages(search)
            if messages:
                yield Chunk(messages=messages)
            raise
        finally:
            self._note_facts(search)
        if search.matched is not None:
            self._facts["cut"] = max(0, search.matched - self._rows)
        yield Chunk(messages=self._new_messages(search), metrics=self._metrics(), last=True)

    def _note_facts(self, search: Search) -> None:
        self._facts.update(engine=search.engine, matched=search.matched, cut=None, unmatched=search.unmatched)

    def _new_messages(self, search: Search) -> List[Tuple[str, str]]:
        """Return the messages that came up since the last call."""
        new = []
        for level, texts in (("WARN", search.warnings), ("INFO", search.notes)):
            new += [(level, text) for text in texts[self._messages_seen[level] :]]
            self._messages_seen[level] = len(texts)
        return new

    def _metrics(self) -> Dict[str, Tuple[Optional[float], Optional[int], Optional[int], Optional[int]]]:
        seconds = time.monotonic() - self._started
        requests, received = self._traffic()
        return {
            "elasticsearch.rows": (seconds, 1, self._facts.get("matched"), self._rows),
            "elasticsearch.requests": (seconds, requests, None, None),
            "elasticsearch.bytes": (seconds, 1, received, None),
        }

    def _traffic(self) -> Tuple[int, int]:
        """Return (requests sent, bytes received)."""
        return (self._transport.requests_sent, self._transport.bytes_received) if self._transport else (0, 0)

    def ended(self, outcome: str, error: str) -> None:
        """Write the audit line."""
        if not self._facts:
            return  # started for its configuration only, or closed before the first request
        requests, received = self._traffic()
        facts = {
            **self._facts,
            "rows": self._rows,
            "bytes": received,
            "requests": requests,
            "ms": round((time.monotonic() - self._started) * 1000),
            "outcome": outcome,
            "error": error or None,
        }
        write_audit_line(facts)

    def unexpected(self, error: BaseException) -> str:
        """Log the traceback, which helps nobody who searches, and return what does."""
        # Such an error may quote an answer of the cluster, and that may quote a request.
        hide = self._transport.hide if self._transport else str
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        log_trace(hide(trace))
        return hide(
            f"the command failed in a way nobody foresaw ({type(error).__name__}: {error}). Please report it with the "
            "traceback in aws_siem_bridge_search.log (index=_internal)"
        )


def _encoded(search: Search, encoder: RowEncoder, chunk_rows: int) -> Iterator[EncodedChunk]:
    """Yield the chunks of all pages, up to the end of the run time: encoding takes time, too."""
    pages = iter(search)
    try:
        for page in pages:
            yield from encoded_chunks(page, encoder, chunk_rows, search.check_run_time)
    except CeilingReached as exc:
        if search.is_closed:
            raise  # by the search itself
        try:
            pages.throw(exc)
        except StopIteration:
            return  # an incomplete answer is allowed


def _request(
    options: CommandOptions, settings: SearchSettings, earliest_ms: Optional[int], latest_ms: Optional[int]
) -> SearchRequest:
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
        earliest_ms=earliest_ms,
        latest_ms=latest_ms,
        time_field=options.time_field or cluster.time_field,
        size=options.size,
        partial=options.partial,
        unknown_fields=options.unknown_fields,
        page_size_docs=cluster.page_size_docs,
        allowed_indices=settings.indices,
    )


def _utc(ms: Optional[int]) -> Optional[str]:
    return None if ms is None else times.format_utc(ms)
