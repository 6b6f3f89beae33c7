"""One request for many events: ``_msearch``, a small search for each.

Measured on 200,000 flow records in ten indices, with 1,000 events (2 cores, processor time of the engine): one search
for each event 2.2 s and as many round trips; ``_msearch`` with 50 or 100 in a request 1.5 s; one search with a
``filters`` aggregation over all events and ``top_hits`` in it 1.4 s. That one is refused for more than 100 documents an
event (``index.max_inner_result_window``), and fails as a whole where one event's value is no address. Here each event
has its own count, its own documents and its own error.
"""

from __future__ import annotations

import json
import threading
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from es_bridge.answers import TOTAL, checked
from es_bridge.backoff import Backoff
from es_bridge.errors import Aborted, PartialResult, RejectedQuery, ReplyTooLarge, ResponseError
from es_bridge.failures import RETRY_STATUS, is_final, refused
from es_bridge.http_response import Response
from es_bridge.index_access import IndexAccess
from es_bridge.lookup.event_key import EventKey, LookupRequest
from es_bridge.lookup.match_types import Part
from es_bridge.pit import check_window, page_bytes, problems
from es_bridge.query import Clause, range_clause, user_clauses
from es_bridge.reply import Hit, Reply, new_nonce, parse_replies
from es_bridge.stopping import EngineTimeLimit
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport

#: Waits before single searches are asked again that an engine had no room for.
_ROOM = Backoff(first_s=0.25, longest_s=5.0)


class Asked(NamedTuple):
    """A search of a batch: an event, or a part of one."""

    key: EventKey
    part: Part


class Found(NamedTuple):
    """What one of the searches found, by time, oldest first. ``refused``: its values cannot be looked for."""

    hits: List[Hit]
    matched: int
    is_refused: bool = False


class BatchSearch:
    """All requests of one lookup. Safe to use from several threads."""

    def __init__(
        self,
        transport: Transport,
        lookup: LookupRequest,
        time_field: TimeField,
        access: IndexAccess,
        closed: threading.Event,
        time_limit: Optional[EngineTimeLimit] = None,
    ) -> None:
        self.time_limit = time_limit
        #: What was incomplete and allowed to be so; one entry a kind.
        self.incomplete: List[str] = []
        self._transport = transport
        self._lookup = lookup
        self._request = lookup.search
        self._time_field = time_field
        self._access = access
        self._closed = closed
        self._where = f"cluster {transport.config.name!r}"
        self._lock = threading.Lock()
        # Counts name no index. What an alias has got since it was looked at must not count either.
        self._clauses = [*user_clauses(self._request), *access.clauses()]
        #: Whether the engine takes the user's own clauses, so that it is an event's value that it refuses.
        self._are_clauses_good = False

    def ask(self, searches: Sequence[Asked], most: int) -> List[Found]:
        """Return what each search finds: ``most`` documents, 0 for a count only.

        Raises the errors of a request, of an engine that refuses the user's query, and `PartialResult`.
        """
        found: Dict[int, Found] = {}
        waiting = list(range(len(searches)))
        attempt = 0
        while waiting:
            replies = self._send([searches[place] for place in waiting], most)
            crowded: List[Tuple[int, Response]] = []
            for place, reply in zip(waiting, replies):
                if reply is None:
                    found[place] = Found([], 0, is_refused=True)
                elif isinstance(reply, Reply):
                    found[place] = self._checked(reply, most)
                elif reply.status in RETRY_STATUS and not is_final(reply.body):
                    crowded.append((place, reply))
                else:
                    self._check_clauses(refused(self._transport.config, reply, attempts=1))
                    found[place] = Found([], 0, is_refused=True)
            if crowded and attempt >= self._transport.config.max_retries:
                raise refused(self._transport.config, crowded[0][1], attempts=attempt + 1)
            if crowded and self._closed.wait(_ROOM.wait_s(attempt)):
                raise Aborted("the search was closed")
            attempt += 1
            waiting = [place for place, _ in crowded]
        return [found[place] for place in range(len(searches))]

    def _send(self, searches: Sequence[Asked], most: int) -> Sequence[Any]:
        """Return for each search a `Reply`, a `Response` with an error, or nothing where the engine cannot read it."""
        nonce = new_nonce()
        lines: List[bytes] = []
        for asked in searches:
            lines += (_line(self._header(asked.part)), _line(self._body(asked, most, nonce)))
        params = dict(self.time_limit.params) if self.time_limit else {}
        try:
            response = self._transport.request(
                "POST",
                (self._request.index, "_msearch"),
                params,
                b"".join(lines),
                content_type="application/x-ndjson",
                max_body_bytes=page_bytes(most * len(searches)),
            )
        except (ReplyTooLarge, RejectedQuery) as exc:
            if isinstance(exc, RejectedQuery):
                if is_of_another_engine(exc):
                    raise
                self._check_clauses(exc)  # then it is one of the values that fails them all
            if len(searches) == 1:
                if isinstance(exc, RejectedQuery):
                    return [None]
                raise
            half = len(searches) // 2
            return [*self._send(searches[:half], most), *self._send(searches[half:], most)]
        replies = parse_replies(response.body, nonce, self._where)
        if len(replies) != len(searches):
            raise PartialResult(
                f"{self._where} answered {len(replies)} of {len(searches)} searches in one request. Is something "
                "between here and the cluster changing answers?"
            )
        return [
            reply if isinstance(reply, Reply) else response._replace(status=reply["status"], body=_line(reply))
            for reply in replies
        ]

    def _header(self, part: Part) -> Dict[str, Any]:
        header: Dict[str, Any] = {"allow_partial_search_results": self._request.allow_partial}
        if part.indices is not None:
            header["index"] = list(part.indices)
        return header

    def _body(self, asked: Asked, most: int, nonce: str) -> Dict[str, Any]:
        matching: List[Clause] = [
            {"terms": {field: list(values)}} if len(values) > 1 else {"term": {field: values[0]}}
            for field, values in zip(self._lookup.fields, asked.part.values)
        ]
        name = self._time_field.name
        narrow = range_clause(name, asked.key.earliest_ms, asked.key.latest_ms)
        oldest_first = self._time_field.sort()
        oldest_first[name] = {**oldest_first[name], "order": "asc"}  # type: ignore[dict-item]
        return {
            "size": most,
            "query": {"bool": {"filter": [*self._clauses, *matching, *narrow], "_name": nonce}},
            "sort": [oldest_first],
            "track_total_hits": True,
            **(self.time_limit.body if self.time_limit else {}),
        }

    def _checked(self, reply: Reply, most: int) -> Found:
        """Return the hits of a reply. Raises `PartialResult` for an incomplete one, where that is not allowed."""
        checked(reply.head, TOTAL, self._where)
        self._access.check_hits(reply.hits)
        check_window(reply.head)
        matched = int(reply.total or 0)
        incomplete = problems(reply.head, self._request.index, self._transport, self._access)
        if len(reply.hits) != min(most, matched):
            incomplete.append(f"{len(reply.hits)} of {min(most, matched)} documents arrived from {self._where}")
        for problem in incomplete:
            if not self._request.allow_partial:
                raise PartialResult(
                    f"{problem}. Run the search again, narrow it, or set partial=allow to accept an incomplete result",
                    failed_shards=reply.head.get("_shards", {}).get("failed"),
                )
            with self._lock:
                if problem not in self.incomplete:
                    self.incomplete.append(problem)
        hits = sorted(reply.hits, key=lambda hit: (hit.time or 0, hit.index, hit.id))
        return Found(hits, matched)

    def _check_clauses(self, error: ResponseError) -> None:
        """Raise the error of a search, unless it is about an event's value: then the rest of the search is good."""
        if not isinstance(error, RejectedQuery) or "max_result_window" in error.reason:
            raise error
        if self._are_clauses_good:
            return
        # The same without any event. If the engine refuses that too, it is not for a value.
        body = {"size": 0, "track_total_hits": False, "query": {"bool": {"filter": self._clauses}}}
        self._transport.request(
            "POST",
            (self._request.index, "_search"),
            {"allow_partial_search_results": self._request.allow_partial},
            body,
        )
        self._are_clauses_good = True


def is_of_another_engine(error: RejectedQuery) -> bool:
    """Whether a request has a parameter that only another engine knows than the one that answers."""
    return "unrecognized parameter" in error.reason.lower()


def _line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
