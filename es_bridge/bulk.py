"""Writing documents in bulk, each of them exactly once: ``create`` with an id the caller derived from the document.

Every document ends in one `Outcome`; none is lost without an exception. What an engine answers for one item, and what
is done about it (https://opensearch.org/docs/latest/api-reference/document-apis/bulk/):

====================  =================================================  =======================================
status of the item    meaning                                            what happens here
====================  =================================================  =======================================
200, 201              written                                            ``stored``
409                   this id is there                                   ``already_there``
429                   queue full, breaker, disk above its flood stage    only these items again, with backoff
502, 503, 504         shard not available                                the same
500                   fault in the engine                                a few times again, then ``rejected``
403, 400 with         the whole cluster is read-only or creates no       all of them again, with backoff
cluster_block,        index; it has as many shards as it may have
"maximum shards"
403, 400 with         this one index is read-only, warm or closed (a     ``rejected``, "index not writable"; the
cluster_block,        read-only index answers 403 even for an id it      other documents flow on
index_closed          holds)
401, 403 otherwise    security_exception: the account may not write      `AuthenticationError`, `PermissionDenied`
400, 404, ...         this document will never fit                       ``rejected`` with the engine's reason
====================  =================================================  =======================================

A whole request that is too large (413, often with an empty body) or unreadable (400) is split in half until one
document remains, which is then rejected. Timeouts, lost connections and 502, 503, 504 are repeated although the first
attempt may have been carried out: ``create`` with a fixed id makes that safe. A document written by an attempt whose
answer was lost is therefore reported as ``already_there``.
"""

from __future__ import annotations

import re
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from json.encoder import encode_basestring_ascii
from typing import (
    Any,
    Callable,
    Deque,
    Dict,
    Generator,
    Iterable,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from es_bridge.answers import COUNT, EACH
from es_bridge.backoff import Backoff
from es_bridge.errors import (
    Aborted,
    AuthenticationError,
    BridgeError,
    Overloaded,
    PermissionDenied,
    RejectedQuery,
    ReplyTooLarge,
    ResponseError,
)
from es_bridge.failures import RETRY_STATUS
from es_bridge.transport import MAX_REPLY_BYTES, Transport

STORED = "stored"
ALREADY_THERE = "already_there"
REJECTED = "rejected"

#: Requests under way at once. The second keeps the engine busy while the answer of the first is read; a third gained
#: nothing on two cores.
WORKERS = 2
MAX_DOCS = 1000
#: Small enough for every limit met in the field: Amazon's small instances refuse bodies over 10 MiB.
MAX_BYTES = 5 * 2**20
#: How often a document that meets HTTP 500 is sent before it is rejected.
ATTEMPTS_ON_500 = 3
#: Without any progress for this long the engine is taken for unable, and the caller is told.
GIVE_UP_AFTER_S = 300.0
BACKOFF = Backoff(first_s=0.1, longest_s=10.0)

NOT_WRITABLE_TYPES = ("cluster_block_exception", "index_closed_exception")
#: What the engines say of a cluster that takes nothing, or no new index: "blocked by: [FORBIDDEN/6/cluster read-only
#: (api)];" (2.19 answers the whole request so), "... this cluster currently has [1000]/[1000] maximum shards open;".
_CLUSTER_BLOCKED = re.compile(r"/cluster |^blocked by: ")
_CLUSTER_FULL = re.compile(r"maximum (normal )?shards open")
#: The error type of a document that is larger than a request may be.
TOO_LARGE = "too_large"

#: An engine may quote the value it does not take, and that again in the causes of its error.
QUOTED_TIMES = 4
#: Only what is read: the full answer of 1,000 items is ten times as long.
FILTER_PATH = "items.*.status,items.*.error"
#: One item of it for a document that is stored, as the engines write it.
_STORED_ITEM = b'{"create":{"status":201}}'
_ITEMS = {"items": [{EACH: {"status": COUNT}}]}
#: Makes a named tuple at a third of the cost of its own constructor.
_new = tuple.__new__


class Create(NamedTuple):
    """One action ``create``: index, id, and the document's JSON text as UTF-8 (newlines between tokens are allowed)."""

    index: str  # type: ignore[assignment]  # hides tuple.index(), which nobody needs on an action
    id: str
    body: bytes
    #: What the caller knows it by. Not sent.
    about: Any = None


#: Actions -> the text of each document that is sent.
Bodies = Callable[[Sequence[Create]], Sequence[bytes]]


def _own_bodies(documents: Sequence[Create]) -> List[bytes]:
    return [document.body for document in documents]


class Outcome(NamedTuple):
    """What became of one document: ``stored``, ``already_there`` or ``rejected``, the last with the reason."""

    document: Create
    result: str
    reason: str = ""
    #: The engine's ``error.type`` of a rejection: what a program may decide by.
    error_type: str = ""


class _Answer(NamedTuple):
    """What the engine said about one item."""

    status: int
    error_type: str
    reason: str


def bulk_create(
    transport: Transport,
    documents: Iterable[Create],
    *,
    max_docs: int = MAX_DOCS,
    max_bytes: int = MAX_BYTES,
    workers: int = WORKERS,
    give_up_after_s: float = GIVE_UP_AFTER_S,
    on_wait: Callable[[str], None] = lambda reason: None,
    bodies: Optional[Bodies] = None,
) -> Generator[Outcome, None, None]:
    """Write ``documents`` and yield one `Outcome` for each, in any order.

    Memory holds at most ``workers + 2`` requests of ``max_docs`` documents and ``max_bytes`` bytes (a larger single
    document travels alone). Raises `PermissionDenied` or `AuthenticationError` when the account may not write,
    `Overloaded` or `UnreachableError` when nothing moved for ``give_up_after_s`` seconds; the outcomes of requests
    that were under way are yielded first. What has no outcome then may be sent again by a later call. ``on_wait`` is
    called with the engine's reason, from another thread, each time a request finds no room or nobody there; what it
    raises ends the writing in the same way. ``bodies`` makes the texts that are sent of documents, anew for every
    attempt; without it they are the documents' own.
    """
    writer = _Writer(transport, give_up_after_s, on_wait, bodies or _own_bodies)
    under_way: Deque[Future[_Written]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="bulk") as pool:
        try:
            for chunk in _chunks(documents, max_docs, max_bytes):
                under_way.append(pool.submit(writer.write, chunk))
                if len(under_way) > workers:
                    yield from _finished(under_way)
            while under_way:
                yield from _finished(under_way)
        except BaseException as exc:
            # The source or one request failed, or the caller left: nothing new is started, what was sent is reported.
            writer.stop()
            sent = [future for future in under_way if not future.cancel()]
            if not isinstance(exc, GeneratorExit):
                for future in sent:
                    yield from future.result().outcomes
            raise


class _Written(NamedTuple):
    """What became of one chunk: the outcomes known, and what ended the work before all were."""

    outcomes: List[Outcome]
    error: Optional[Exception]


def _finished(under_way: Deque[Future[_Written]]) -> Iterator[Outcome]:
    outcomes, error = under_way[0].result()
    under_way.popleft()  # not before: Ctrl-C may end the wait for the result, which is reported all the same
    yield from outcomes
    if error is not None:
        raise error


def _chunks(documents: Iterable[Create], max_docs: int, max_bytes: int) -> Iterator[List[Create]]:
    chunk: List[Create] = []
    size = 0
    for document in documents:
        length = len(document.body) + len(document.id) + len(document.index) + 90  # the action, and what `bodies` adds
        if chunk and (len(chunk) >= max_docs or size + length > max_bytes):
            yield chunk
            chunk, size = [], 0
        chunk.append(document)
        size += length
    if chunk:
        yield chunk


class _Writer:
    """Sends chunks until every document of them has an outcome."""

    def __init__(
        self, transport: Transport, give_up_after_s: float, on_wait: Callable[[str], None], bodies: Bodies
    ) -> None:
        self._transport = transport
        self._bodies = bodies
        self._give_up_after_s = give_up_after_s
        self._on_wait = on_wait
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End waiting for an engine that has no room."""
        self._stopped.set()

    def write(self, documents: List[Create]) -> _Written:
        outcomes: List[Outcome] = []
        try:
            self._write(documents, outcomes)
        except Exception as exc:
            return _Written(outcomes, exc)
        return _Written(outcomes, None)

    def _write(self, documents: Sequence[Create], outcomes: List[Outcome]) -> None:
        pending: Sequence[Create] = documents
        faults: Dict[Create, int] = {}
        attempt = 0
        give_up_at = time.monotonic() + self._give_up_after_s
        while pending:
            error: BridgeError
            try:
                answers = self._send(pending)
            except BridgeError as exc:
                whole_request_failed = isinstance(exc, ResponseError) and exc.status == 500
                if not exc.retryable and not whole_request_failed:
                    raise
                error, reason = exc, str(exc)
            else:
                if answers is None:
                    outcomes += [_new(Outcome, (document, STORED, "", "")) for document in pending]
                    return
                again, last = self._sort(pending, answers, outcomes, faults)
                if len(again) < len(pending):
                    attempt = 0
                    give_up_at = time.monotonic() + self._give_up_after_s
                if last is None:
                    return
                pending = again
                error, reason = self._stuck(last), f"HTTP {last.status} {last.error_type}: {last.reason}"
            if time.monotonic() >= give_up_at:
                raise error
            self._on_wait(reason)
            wait_s = BACKOFF.wait_s(attempt)
            attempt += 1
            if self._stopped.wait(wait_s):
                raise Aborted("writing was stopped")

    def _sort(
        self,
        pending: Sequence[Create],
        answers: Sequence[_Answer],
        outcomes: List[Outcome],
        faults: Dict[Create, int],
    ) -> Tuple[List[Create], Optional[_Answer]]:
        """Append the outcomes that are final; return the documents to send again and the last answer among these."""
        again: List[Create] = []
        last = None
        refused = None
        for document, answer in zip(pending, answers):
            status, error_type, reason = answer
            if status in (200, 201):
                outcomes.append(Outcome(document, STORED))
            elif status == 409:
                outcomes.append(Outcome(document, ALREADY_THERE))
            elif status in RETRY_STATUS or _concerns_the_cluster(answer):
                again.append(document)
                last = answer
            elif status == 500 and faults.get(document, 0) + 1 < ATTEMPTS_ON_500:
                faults[document] = faults.get(document, 0) + 1
                again.append(document)
                last = answer
            elif error_type in NOT_WRITABLE_TYPES:
                why = f"index not writable: {document.index}: {reason}"
                outcomes.append(Outcome(document, REJECTED, why, error_type))
            elif status in (401, 403):
                refused = refused or self._refused(document, answer)
            else:
                outcomes.append(Outcome(document, REJECTED, f"HTTP {status} {error_type}: {reason}", error_type))
        if refused:
            raise refused
        return again, last

    def _stuck(self, answer: _Answer) -> Overloaded:
        return Overloaded(
            f"cluster {self._transport.config.name!r} has accepted nothing for {self._give_up_after_s:g} s "
            f"(HTTP {answer.status} {answer.error_type}: {answer.reason}). Check its disks and load, then send the "
            "same documents again: those that are there are recognised",
            status=answer.status,
            error_type=answer.error_type,
            reason=answer.reason,
        )

    def _refused(self, document: Create, answer: _Answer) -> ResponseError:
        kind = AuthenticationError if answer.status == 401 else PermissionDenied
        return kind(
            f"cluster {self._transport.config.name!r} does not let this account write to index {document.index} "
            f"({answer.status} {answer.error_type}: {answer.reason}). Ask the cluster's administrator for the "
            f"permissions to create documents and indices matching {_pattern(document.index)}",
            status=answer.status,
            error_type=answer.error_type,
            reason=answer.reason,
        )

    def _send(self, documents: Sequence[Create]) -> Optional[List[_Answer]]:
        """Send one request, or two halves of it where the engine refuses the whole.

        Return one answer a document, or ``None``: all are stored. That is the usual case, and it costs a comparison.
        """
        lines: List[bytes] = []
        for (index, identity, _, _), body in zip(documents, self._bodies(documents)):
            # An id may hold anything; as ASCII with escapes it is JSON whatever it is. A tenth of json.dumps's time.
            lines.append(
                f'{{"create":{{"_index":{encode_basestring_ascii(index)},'
                f'"_id":{encode_basestring_ascii(identity)}}}}}'.encode()
            )
            # A newline inside JSON can only be white space between tokens, but it would end the line here.
            lines.append(body.replace(b"\n", b" ") if b"\n" in body else body)
        lines.append(b"")
        try:
            response = self._transport.request(
                "POST",
                ["_bulk"],
                params={"filter_path": FILTER_PATH},
                body=b"\n".join(lines),
                content_type="application/x-ndjson",
                retry_timeouts=True,
                repeat_lost=sys.maxsize,  # documents of this project's own making, as far as max_retries goes
                accept_status=(413,),
                max_body_bytes=MAX_REPLY_BYTES + QUOTED_TIMES * sum(map(len, lines)),
            )
        except ReplyTooLarge:
            if len(documents) == 1:
                raise
            return self._halves(documents)  # what was written by this request is there already
        except RejectedQuery as exc:
            answer = _Answer(exc.status, exc.error_type, exc.reason)
            if len(documents) == 1 or _concerns_the_cluster(answer):
                return [answer] * len(documents)
            return self._halves(documents)
        if response.status == 413:
            if len(documents) > 1:
                return self._halves(documents)
            size = len(documents[0].body)
            return [_Answer(413, TOO_LARGE, f"a document of {size:,} bytes is more than the cluster accepts")]
        if response.body == b'{"items":[' + b",".join([_STORED_ITEM] * len(documents)) + b"]}":
            return None
        items = response.json(_ITEMS)["items"]
        if len(items) != len(documents):
            raise ResponseError(
                f"cluster {self._transport.config.name!r} at {response.host} answered {len(items)} of "
                f"{len(documents)} documents of a bulk request. Is something between here and the cluster changing "
                "answers?",
                status=response.status,
            )
        return [_answer(item, response.redact) for item in items]

    def _halves(self, documents: Sequence[Create]) -> List[_Answer]:
        middle = len(documents) // 2
        answers: List[_Answer] = []
        for half in (documents[:middle], documents[middle:]):
            answers += self._send(half) or [_Answer(201, "", "")] * len(half)
        return answers


def _concerns_the_cluster(answer: _Answer) -> bool:
    """Return whether the answer is about the cluster as a whole: no document and no index is to blame."""
    if answer.error_type == "cluster_block_exception":
        return bool(_CLUSTER_BLOCKED.search(answer.reason))
    return answer.status == 400 and bool(_CLUSTER_FULL.search(answer.reason))


def _answer(item: Dict[str, Any], redact: Callable[[str], str]) -> _Answer:
    facts: Dict[str, Any] = next(iter(item.values()), {"status": 0})
    error = facts.get("error")
    if error is None:
        return _Answer(facts["status"], "", "")
    if not isinstance(error, dict):
        return _Answer(facts["status"], "", redact(str(error)))
    reason = str(error.get("reason") or "no reason given")
    cause = error.get("caused_by")
    while isinstance(cause, dict):
        if cause.get("reason") and str(cause["reason"]) not in reason:
            reason += f" ({cause['reason']})"
        cause = cause.get("caused_by")
    return _Answer(facts["status"], str(error.get("type") or ""), redact(reason))


def _pattern(index: str) -> str:
    """Return what an administrator writes into a role: the index name without its date."""
    return index.rstrip("0123456789.-") + "-*" if index[-1:].isdigit() else index
