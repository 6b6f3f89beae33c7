"""Worker processes that fetch windows and encode them, for searches large enough to pay for their start.

Encoding all fields is what a large search waits for, and one Python process uses one core. Windows are independent
requests, so each worker takes the next one, fetches it, encodes it, and hands back finished chunks: 1.7 times the
throughput with two workers (measured). Starting one costs 0.15 s of CPU. ``output=raw`` is too cheap to gain.

A job and its answers go through pipes: the cluster's secrets are in no argument and no environment. A worker ends when
its pipe closes, so none outlives its parent, however that ends.
"""

from __future__ import annotations

import dataclasses
import json
import queue
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Callable, Dict, Iterator, List, Optional, Tuple, Union
from urllib.parse import unquote

from es_bridge import errors
from es_bridge.config import Auth, ClusterConfig
from es_bridge.index_access import IndexAccess
from es_bridge.pit import PitSearch
from es_bridge.query import SearchRequest
from es_bridge.search import Page, WindowFetcher
from es_bridge.stopping import EngineTimeLimit
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport
from es_bridge.windows import Window, fetch
from search_command.elasticsearch.rows import EncodedChunk, RowEncoder, RowSettings

if TYPE_CHECKING:
    import subprocess

#: More give nothing on the two cores a search may count on.
WORKERS = 2
#: From so many documents on, workers pay for their start.
WORTH_FROM_DOCS = 10_000
SCRIPT = Path(__file__).resolve().parents[2] / "encode_worker.py"


class EncodedPage:
    """A window as finished chunks: CSV bytes and the rows of each."""

    def __init__(self, chunks: List[Tuple[int, bytes]]) -> None:
        self.chunks = chunks

    @property
    def count(self) -> int:
        """How many documents the page holds."""
        return sum(rows for rows, _ in self.chunks)


def encoded_chunks(
    page: Union[Page, EncodedPage],
    encoder: RowEncoder,
    chunk_rows: int,
    before_row: Optional[Callable[[], None]] = None,
) -> Iterator[EncodedChunk]:
    """Yield the chunks of a page, encoding what no worker has encoded; see `RowEncoder.chunks`."""
    if isinstance(page, EncodedPage):
        yield from page.chunks
        return
    yield from encoder.chunks(page.hits, page.ticks_per_s, chunk_rows, before_row)


class EncodingWorkers(WindowFetcher):
    """The workers of one search. ``close()`` ends them."""

    def __init__(self, transport: Transport, settings: RowSettings, chunk_rows: int) -> None:
        self._transport = transport
        self._settings = settings
        self._chunk_rows = chunk_rows
        self._pit_search: Optional[PitSearch] = None
        self._processes: List[subprocess.Popen] = []
        self._windows: queue.Queue = queue.Queue()
        self._closed = False

    def start(self, pit_search: PitSearch, documents: int) -> bool:
        """Start the workers if ``documents`` are worth it; False when they are not or the system refuses."""
        if documents < WORTH_FROM_DOCS:
            return False
        import subprocess  # here, because most searches need no worker and every import delays the first row

        self._pit_search = pit_search
        job = {
            "cluster": dataclasses.asdict(self._transport.config),
            "request": dataclasses.asdict(pit_search.request),
            "keep_alive": pit_search.keep_alive,
            "time_limit": pit_search.time_limit._asdict() if pit_search.time_limit else None,
            "known_indices": sorted(pit_search.access.known),
            "time_field": pit_search.time_field._replace(names=())._asdict(),
            "settings": self._settings._asdict(),
            "chunk_rows": self._chunk_rows,
            "opaque_id": unquote(self._transport.opaque_id),
        }
        try:
            for _ in range(WORKERS):
                process = subprocess.Popen(  # noqa: S603 - our own script, with this interpreter
                    [sys.executable, str(SCRIPT)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                )
                self._processes.append(process)
                _write(process.stdin, job)
        except OSError:
            self.close()
            return False
        for process in self._processes:
            threading.Thread(target=self._serve, args=(process,), daemon=True).start()
        return True

    def submit(self, window: Window, page_docs: int) -> Future[Optional[EncodedPage]]:
        """Return the future chunks of a window."""
        future: Future[Optional[EncodedPage]] = Future()
        if self._closed:  # nobody is left to serve it
            future.set_exception(errors.Aborted("the search was closed"))
            return future
        self._windows.put((window, page_docs, future))
        return future

    def close(self) -> None:
        """End the workers at once; may be called from any thread, and again.

        The cluster ends their requests when it sees the connections close.
        """
        self._closed = True
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def _serve(self, process: subprocess.Popen) -> None:
        """Pass windows to one worker and its answers to whoever waits for them."""
        while True:
            window, page_docs, future = self._windows.get()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(self._ask(process, window, page_docs))
            except errors.BridgeError as exc:
                future.set_exception(exc)
            except (OSError, ValueError):
                ended = errors.Aborted("the search was closed")
                died = errors.BridgeError(
                    f"a worker process of the search ended (exit status {process.poll()}). The machine may be out of "
                    "memory. Run the search again"
                )
                future.set_exception(ended if self._closed else died)
                return

    def _ask(self, process: subprocess.Popen, window: Window, page_docs: int) -> Optional[EncodedPage]:
        assert self._pit_search is not None  # noqa: S101
        _write(
            process.stdin,
            {"window": window._asdict(), "page_docs": page_docs, "pit_id": self._pit_search.pit_id},
        )
        answer = _read(process.stdout)
        if answer is None:
            raise ValueError("end of stream")
        self._transport.count(answer["requests"], answer["bytes"])
        if "error" in answer:
            raise _error(answer["error"])
        self._pit_search.note_incomplete(answer["incomplete"], answer["without_source"])
        if not answer["fits"]:
            return None
        assert process.stdout is not None  # noqa: S101
        chunks = [(rows, process.stdout.read(size)) for rows, size in answer["chunks"]]
        if sum(size for _, size in answer["chunks"]) != sum(len(body) for _, body in chunks):
            raise ValueError("end of stream")
        return EncodedPage(chunks)


def work(jobs: BinaryIO, answers: BinaryIO) -> None:
    """Be a worker: read the job, then answer one window after the other until the end of ``jobs``."""
    job = _read(jobs)
    if job is None:
        return
    transport = Transport(_cluster(job["cluster"]), job["opaque_id"])
    settings = dict(job["settings"], fields=tuple(job["settings"]["fields"]))
    encoder = RowEncoder(RowSettings(**settings))
    field = dict(job["time_field"], without=tuple(job["time_field"]["without"]))
    request = SearchRequest(**job["request"])
    access = IndexAccess(transport, request, job["known_indices"])
    time_limit = EngineTimeLimit(**job["time_limit"]) if job["time_limit"] else None
    pit_search = PitSearch(transport, request, TimeField(**field), "", access, job["keep_alive"], time_limit)
    while True:
        asked = _read(jobs)
        if asked is None:
            return
        pit_search.pit_id = asked["pit_id"]
        chunks: List[Tuple[int, bytes]] = []
        answer: Dict[str, Any] = {}
        before = transport.requests_sent, transport.bytes_received
        pit_search.without_source = 0
        try:
            hits = fetch(pit_search, Window(**asked["window"]), asked["page_docs"])
            answer["fits"] = hits is not None
            page = Page(hits or [], pit_search.time_field.ticks_per_s)
            chunks = list(encoded_chunks(page, encoder, job["chunk_rows"]))
        except errors.BridgeError as exc:
            answer["error"] = _described(exc)
        answer.update(
            chunks=[(rows, len(body)) for rows, body in chunks],
            incomplete=pit_search.incomplete,
            without_source=pit_search.without_source,
            requests=transport.requests_sent - before[0],
            bytes=transport.bytes_received - before[1],
        )
        _write(answers, answer, *(body for _, body in chunks))


def _cluster(settings: Dict[str, Any]) -> ClusterConfig:
    auth = Auth(**settings.pop("auth"))
    return ClusterConfig(**dict(settings, hosts=tuple(settings["hosts"]), auth=auth))


def _described(exc: errors.BridgeError) -> Dict[str, Any]:
    facts = {name: getattr(exc, name) for name in ("status", "error_type", "reason") if hasattr(exc, name)}
    return {"kind": type(exc).__name__, "text": str(exc), "facts": facts}


def _error(described: Dict[str, Any]) -> errors.BridgeError:
    kind = getattr(errors, described["kind"], errors.BridgeError)
    error: errors.BridgeError = kind(described["text"], **described["facts"])
    return error


def _write(stream: Any, message: Dict[str, Any], *bodies: bytes) -> None:
    stream.write(json.dumps(message).encode() + b"\n")
    for body in bodies:
        stream.write(body)
    stream.flush()


def _read(stream: Any) -> Optional[Dict[str, Any]]:
    line = stream.readline()
    return json.loads(line) if line.endswith(b"\n") else None
