"""``| elasticsearch``: options -> cluster -> search -> rows, and what the user reads about it."""

from __future__ import annotations

import time
import traceback
from typing import TYPE_CHECKING, Any, Dict, Iterator, List, Optional, Tuple

from cluster_settings.client import SearchSettings, read_settings, report_engine
from splunklib.searchcommands import Configuration

from es_bridge import times
from search_command.audit import log_trace, open_log, write_audit_line
from search_command.background import Background
from search_command.chunked import Chunk, ChunkedGeneratingCommand
from search_command.options import parse_options

if TYPE_CHECKING:
    from es_bridge.search import Search
    from es_bridge.transport import Transport
    from search_command.rows import EncodedChunk
    from search_command.workers import EncodingWorkers


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
        self._settings: Optional[SearchSettings] = None
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
        asked = Background(read_settings, info.splunkd_uri, info.session_key, options.cluster)
        from search_command import searching  # imports most of the command, while splunkd answers

        settings = self._settings = asked.result()
        self._log.setLevel(settings.log_level)
        prepared = searching.prepare(options, settings, info, self.picker, now_ms)
        self._facts.update(
            user=settings.user,  # as splunkd vouches for it
            cluster=settings.cluster.name,
            index=prepared.request.index,
            earliest=_utc(prepared.request.earliest_ms),
            latest=_utc(prepared.request.latest_ms),
        )
        self._transport, self._workers = prepared.transport, prepared.workers
        try:
            with (
                searching.slot(settings.cluster.name, settings.max_concurrent_searches),
                prepared.search as search,
            ):
                self._search = search
                self.go_on()  # nothing is asked after `cancel` has found no search
                yield from self._rows_of(search, searching.encoded(prepared))
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

    def _rows_of(self, search: Search, encoded: Iterator[EncodedChunk]) -> Iterator[Chunk]:
        try:
            for count, body in encoded:
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
        if outcome in ("done", "closed", "finalized"):
            self._report_engine()

    def _report_engine(self) -> None:
        """Spare the next search a request, once an hour, when everything has been said."""
        learnt = self._search.learnt if self._search else None
        if learnt is not None and self._settings is not None:
            from es_bridge.dialect import identity

            info = self._metadata.searchinfo
            report_engine(info.splunkd_uri, info.session_key, self._settings, identity(learnt))

    def unexpected(self, error: BaseException) -> str:
        """Log the traceback, which helps nobody who searches, and return what does."""
        # Such an error may quote an answer of the cluster, and that may quote a request.
        redact = self._transport.redact if self._transport else str
        trace = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        log_trace(redact(trace))
        return redact(
            f"the command failed in a way nobody foresaw ({type(error).__name__}: {error}). Please report it with the "
            "traceback in aws_siem_bridge_search.log (index=_internal)"
        )


def _utc(ms: Optional[int]) -> Optional[str]:
    return None if ms is None else times.format_utc(ms)
