"""Paging where there is no point in time: Elasticsearch before 7.10 and its -oss builds, OpenSearch before 2.4.

A scroll is a snapshot too, but its pages come one after the other. A page that was asked for must never be asked for
again: the engine has moved on, and a retry would skip a page without an error.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Optional

from es_bridge.answers import TOTAL, checked
from es_bridge.dialect import allowed_keep_alive_ms
from es_bridge.errors import NotFound, PartialResult, RejectedQuery
from es_bridge.index_access import IndexAccess
from es_bridge.pit import MAX_DOCUMENT_BYTES, check_window, problems
from es_bridge.query import SearchRequest, range_clause, user_clauses
from es_bridge.reply import Hit, Reply, new_nonce, parse_reply
from es_bridge.stopping import EngineTimeLimit
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport
from es_bridge.windows import in_order, smaller_page

KEEP_ALIVE = "5m"
#: One size for all pages of a scroll, so the first rows and the throughput have to agree on it.
PAGE_DOCS = 2000


class Scroll:
    """One scroll, from its first page to its end. ``close()`` frees it on the cluster."""

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        time_field: TimeField,
        access: IndexAccess,
        time_limit: EngineTimeLimit,
    ) -> None:
        self.total: Optional[int] = None
        self.shards = -1
        #: What was incomplete and allowed to be so.
        self.incomplete: List[str] = []
        self._transport = transport
        self._request = request
        self._time_field = time_field
        self._access = access
        self._time_limit = time_limit
        self._scroll_id: Optional[str] = None
        self._keep_alive = KEEP_ALIVE

    def pages(self) -> Iterator[List[Hit]]:
        """Yield pages in their final order: newest first, then index, then id.

        Documents of one time may be spread over pages, so the last time of a page waits for the next page. A time that
        fills more than a page comes in the engine's order.
        """
        waiting: List[Hit] = []
        for reply in self._replies():
            hits = waiting + reply.hits
            last = hits[-1].time if hits else None
            cut = len(hits)
            while cut and hits[cut - 1].time == last:
                cut -= 1
            if cut == 0 and len(hits) > PAGE_DOCS:
                yield hits
                waiting = []
                continue
            waiting = hits[cut:]
            if cut:
                yield in_order(hits[:cut])
        if waiting:
            yield in_order(waiting)

    def close(self, timeout_s: float = 5.0) -> None:
        """Free the scroll; one that is gone already is free."""
        scroll_id, self._scroll_id = self._scroll_id, None
        if scroll_id:
            self._transport.request(
                "DELETE",
                ("_search", "scroll"),
                body={"scroll_id": [scroll_id]},
                accept_status=(404,),
                timeout_s=timeout_s,
            )

    def _replies(self) -> Iterator[Reply]:
        nonce = new_nonce()
        size = min(PAGE_DOCS, self._request.page_size_docs)
        if self._request.size:
            size = min(size, self._request.size)
        while True:
            try:
                reply = self._first(size, nonce)
                break
            except RejectedQuery as exc:
                allowed, keep_alive_ms = smaller_page(exc), allowed_keep_alive_ms(exc)
                if keep_alive_ms is not None and self._keep_alive == KEEP_ALIVE:
                    self._keep_alive = f"{keep_alive_ms}ms"
                elif allowed is not None and allowed < size:
                    size = allowed
                else:
                    raise
                self.close()  # of indices that answered while others refused
        self.total = reply.total
        self.shards = int(reply.head.get("_shards", {}).get("total", -1))
        while reply.hits:
            yield reply
            reply = self._next(nonce)

    def _first(self, size: int, nonce: str) -> Reply:
        request, field = self._request, self._time_field
        clauses = [*user_clauses(request), *range_clause(field.name, request.earliest_ms, request.latest_ms)]
        body: Dict[str, Any] = {
            "size": size,
            "query": {"bool": {"filter": clauses, "_name": nonce}},
            "sort": [field.sort()],
            "track_total_hits": True,
            **self._time_limit.body,
        }
        params = {
            **self._time_limit.params,
            "scroll": self._keep_alive,
            "allow_partial_search_results": request.allow_partial,
            "allow_no_indices": request.allow_partial or request.included != request.index,
        }
        response = self._transport.request(
            "POST", (request.index, "_search"), params, body, max_body_bytes=MAX_DOCUMENT_BYTES
        )
        return self._checked(response.body, nonce)

    def _next(self, nonce: str) -> Reply:
        try:
            response = self._transport.request(
                "POST",
                ("_search", "scroll"),
                body={"scroll": self._keep_alive, "scroll_id": self._scroll_id},
                idempotent=False,
                max_body_bytes=MAX_DOCUMENT_BYTES,
            )
        except NotFound as exc:
            raise PartialResult(
                f"the scroll over {self._request.index!r} is gone in the middle of the search ({exc.reason}): a node "
                "of the cluster left, or the search paused for too long. Run it again"
            ) from exc
        return self._checked(response.body, nonce)

    def _checked(self, body: bytes, nonce: str) -> Reply:
        where = f"cluster {self._transport.config.name!r}"
        reply = parse_reply(body, nonce, where=where)
        checked(reply.head, {"_scroll_id": str, **TOTAL}, where)
        self._scroll_id = reply.head.get("_scroll_id", self._scroll_id)
        check_window(reply.head)
        self._access.check_hits(reply.hits)
        for problem in problems(reply.head, self._request.index, self._transport, self._access):
            if not self._request.allow_partial:
                raise PartialResult(
                    f"{problem}. Run the search again, narrow it, or set partial=allow to accept an incomplete result"
                )
            if problem not in self.incomplete:
                self.incomplete.append(problem)
        return reply
