"""A search command that asks a cluster: what all of them do before, beside and after their own work.

A command parses its options, and then::

    self.ask_settings(question)          # who asks, and splunkd is asked for the settings, in a thread
    from ... import preparing            # most imports happen here, while splunkd answers
    settings = self.settings()           # waits for them
    work, transport = preparing.prepare(...)
    self.note(index=..., earliest=...)   # for the audit line
    with self.at_work(work, transport):  # a slot is held, a cancel closes the work, the end closes everything
        yield from self.replies(rows)    # chunks with the messages that came up, then the metrics

`work.Work` says what a work is. How the command ends, and the audit line, is taken care of: see `chunked`.
"""

from __future__ import annotations

import gc
import sys
import time
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Dict, Iterable, Iterator, List, Optional, Sequence, Tuple

from cluster_settings.client import SearchSettings, read_settings, report_engine

from es_bridge import times
from search_command.audit import log_trace, open_log, write_audit_line
from search_command.background import Background
from search_command.chunked import Chunk, ChunkedCommand

if TYPE_CHECKING:
    from es_bridge.query import SearchRequest
    from es_bridge.transport import Transport
    from search_command.work import Work

#: Name -> (seconds, invocations, rows in, rows out).
Metrics = Dict[str, Tuple[Optional[float], Optional[int], Optional[int], Optional[int]]]


class ClusterCommand(ChunkedCommand):
    """Base of the commands. It does not assume that a command generates its rows."""

    #: What is typed after the pipe; also the first part of the metrics' names.
    name = ""

    def __init__(self) -> None:
        super().__init__()
        self._log = open_log()
        self._started = time.monotonic()
        #: What the audit line says; empty before the first execute request.
        self._facts: Dict[str, Any] = {}
        self._asked: Optional[Background[SearchSettings]] = None
        self._settings: Optional[SearchSettings] = None
        self._transport: Optional[Transport] = None
        self._work: Optional[Work] = None
        self._helpers: Sequence[Any] = ()
        self._messages_seen = {"WARN": 0, "INFO": 0}
        #: When it was started, epoch milliseconds.
        self.now_ms = 0
        #: Rows that were handed out.
        self.rows_out = 0

    def start(self) -> None:
        """Be the process of the command."""
        # One argument only: with more the SDK would speak protocol version 1.
        self.process(sys.argv[:1], sys.stdin, sys.stdout)

    @property
    def info(self) -> Any:
        """What splunkd says of the search in its first request."""
        return self._metadata.searchinfo

    def typed(self) -> Tuple[List[str], Optional[List[str]]]:
        """Return the user's arguments, for `options.read_options`; from here on there is something to note."""
        info = self.info
        self._started = time.monotonic()
        self.now_ms = times.now_ms()
        self._facts = {
            "user": getattr(info, "username", None),
            "sid": getattr(info, "sid", None),
            "command": self.name,
        }
        return list(info.args or ()), getattr(info, "raw_args", None)

    def ask_settings(self, cluster: str, index: str) -> None:
        """Ask for the settings of a cluster (``""``: the default one) in a thread. ``index`` is for the audit line."""
        self.note(cluster=cluster or None, index=index)
        self._asked = Background(read_settings, self.info.splunkd_uri, self.info.session_key, cluster)

    def settings(self) -> SearchSettings:
        """Wait for the settings. Raises `ConfigError`, `NotPermitted` and `SplunkdError`."""
        assert self._asked is not None  # noqa: S101
        settings = self._settings = self._asked.result()
        self._log.setLevel(settings.log_level)
        self.note(user=settings.user, cluster=settings.cluster.name)  # the user as splunkd vouches for it
        return settings

    def note(self, **facts: Any) -> None:
        """Take note of facts for the audit line."""
        self._facts.update(facts)

    def note_request(self, request: SearchRequest) -> None:
        """Take note of what is asked."""
        self.note(index=request.index, earliest=_utc(request.earliest_ms), latest=_utc(request.latest_ms))

    @contextmanager
    def at_work(self, work: Work, transport: Transport, *helpers: Any) -> Iterator[None]:
        """Hold a slot of the cluster and have the work closed at the end, however that comes; then the ``helpers``.

        Raises `CeilingReached` when no slot is free.
        """
        from search_command.concurrency import slot  # loaded by now, while splunkd answered

        settings = self._settings
        assert settings is not None  # noqa: S101
        gc.freeze()  # what was imported stays; see `quick_start`
        gc.enable()
        self._transport, self._helpers = transport, helpers
        try:
            with slot(settings.cluster.name, settings.max_concurrent_searches), work:
                self._work = work
                self.go_on()  # nothing is asked after `cancel` has found no work
                yield
        finally:
            for helper in helpers:
                helper.close()
            transport.close()

    def cancel(self) -> None:
        """End the requests under way, the helpers, and what the work keeps open in the cluster."""
        if self._work:
            self._work.close()
            self.note_work(self._work)
        for helper in self._helpers:
            helper.close()

    def replies(self, rows: Iterable[Tuple[int, bytes]]) -> Iterator[Chunk]:
        """Yield (rows, CSV) as chunks with the messages that came up meanwhile, and a last one with the metrics."""
        work = self._work
        assert work is not None  # noqa: S101
        try:
            for count, body in rows:
                self.rows_out += count
                yield Chunk(body, self.new_messages())
        except Exception:
            # What was said before the failure helps to understand it.
            messages = self.new_messages()
            if messages:
                yield Chunk(messages=messages)
            raise
        finally:
            self.note_work(work)
        self.note_cut(work)
        yield Chunk(messages=self.new_messages(), metrics=self.metrics(), last=True)

    def note_work(self, work: Work) -> None:
        """Take note of what the work found out so far."""
        self.note(engine=work.engine, matched=work.matched, cut=None, unmatched=work.unmatched)

    def note_cut(self, work: Work) -> None:
        """Take note of how much of the answer was not handed out, at the end of all that was to be said."""

    def new_messages(self) -> List[Tuple[str, str]]:
        """Return the work's messages, (level, text), that came up since the last call."""
        new: List[Tuple[str, str]] = []
        if self._work is None:
            return new
        for level, texts in (("WARN", self._work.warnings), ("INFO", self._work.notes)):
            new += [(level, text) for text in texts[self._messages_seen[level] :]]
            self._messages_seen[level] = len(texts)
        return new

    def metrics(self) -> Metrics:
        """Return what the Job Inspector shows of the command."""
        seconds = time.monotonic() - self._started
        requests, received = self._traffic()
        return {
            f"{self.name}.rows": (seconds, 1, self._facts.get("matched"), self.rows_out),
            f"{self.name}.requests": (seconds, requests, None, None),
            f"{self.name}.bytes": (seconds, 1, received, None),
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
            "rows": self.rows_out,
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
        learnt = self._work.learnt if self._work else None
        if learnt is not None and self._settings is not None:
            from es_bridge.dialect import identity

            report_engine(self.info.splunkd_uri, self.info.session_key, self._settings, identity(learnt))

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
