"""Requests against one point in time: a page of documents, the overview, the histogram that plans windows.

Every reply is checked for what makes it incomplete although the status is 200. `PitSearch` is all that a process needs
to fetch its share of a search, so it can be built again in a worker from the same values.
"""

from __future__ import annotations

import threading
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

from es_bridge.answers import COUNT, NUMBER, TOTAL, Maybe, checked
from es_bridge.dialect import KEEP_ALIVE
from es_bridge.errors import NotFound, PartialResult, RejectedQuery
from es_bridge.index_access import IndexAccess
from es_bridge.query import Clause, SearchRequest, missing_clause, range_clause, user_clauses
from es_bridge.reply import Reply, new_nonce, parse_reply
from es_bridge.stopping import EngineTimeLimit
from es_bridge.time_field import TimeField
from es_bridge.transport import MAX_REPLY_BYTES, Transport

#: A page of more is asked for again in parts, so that memory stays flat with large documents.
MAX_PAGE_BYTES = 64 << 20
#: One document cannot be divided. By default the engines take none of more than 100 MiB (http.max_content_length).
MAX_DOCUMENT_BYTES = 256 << 20


_INSTANT = {"value": Maybe(NUMBER)}
_OVERVIEW = {
    **TOTAL,
    "aggregations": {"oldest": _INSTANT, "newest": _INSTANT, "without_time": {"doc_count": COUNT}},
}
_HISTOGRAM = {"aggregations": {"plan": {"buckets": [{"key": NUMBER, "doc_count": COUNT}]}}}


class Overview(NamedTuple):
    """How many documents match, and from when to when (epoch milliseconds, both inclusive)."""

    total: int
    without_time: int
    oldest_ms: Optional[int]
    newest_ms: Optional[int]


def page_bytes(size: int) -> int:
    """Return the bound of a reply with ``size`` documents."""
    return MAX_PAGE_BYTES if size > 1 else MAX_DOCUMENT_BYTES


class PitSearch:
    """One question against one PIT. Safe to use from several threads."""

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        time_field: TimeField,
        pit_id: str,
        access: Optional[IndexAccess] = None,
        keep_alive: str = KEEP_ALIVE,
        time_limit: Optional[EngineTimeLimit] = None,
    ) -> None:
        self.request = request
        self.access = access or IndexAccess(transport, request)
        self.time_field = time_field
        self.pit_id = pit_id
        #: Given with every request; less than ours where the cluster allows no more.
        self.keep_alive = keep_alive
        #: Steps of a histogram, where the cluster does not allow what we want.
        self.most_steps: Optional[int] = None
        self.time_limit = time_limit
        #: What was incomplete and allowed to be so; one entry a kind.
        self.incomplete: List[str] = []
        #: Documents of indices that do not store the source.
        self.without_source = 0
        self._transport = transport
        self._where = f"cluster {transport.config.name!r}"
        self._lock = threading.Lock()
        # The user's range stays in every query: a window only narrows it.
        self._clauses: List[Clause] = [
            *user_clauses(request),
            *range_clause(time_field.name, request.earliest_ms, request.latest_ms),
        ]

    def page(
        self,
        size: int,
        narrow: Sequence[Clause] = (),
        *,
        by_time: bool = True,
        tiebreak: Sequence[str] = (),
        search_after: Optional[Sequence[Any]] = None,
        with_total: Union[bool, int] = False,
    ) -> Reply:
        """Return one page of at most ``size`` documents, newest first. Raises `ReplyTooLarge`: ask for fewer.

        ``with_total``: count what matches, with a number only so far.
        """
        nonce = new_nonce()
        body: Dict[str, Any] = {
            "size": size,
            "query": {"bool": {"filter": [*self._clauses, *narrow], "_name": nonce}},
            "sort": [*([self.time_field.sort()] if by_time else []), *({name: "asc"} for name in tiebreak)],
            "track_total_hits": with_total,
        }
        if search_after is not None:
            body["search_after"] = search_after
        reply = parse_reply(self._search(body, page_bytes(size)), nonce, by_time, self._where)
        if with_total:
            checked(reply.head, TOTAL, self._where)
        self.access.check_hits(reply.hits)
        self._check(reply.head)
        self.note_incomplete([], reply.without_source)
        return reply

    def window_page(self, gte: int, lt: int, size: int, **options: Any) -> Reply:
        """Return one page of the documents with a time in [gte, lt), epoch milliseconds."""
        return self.page(size, range_clause(self.time_field.name, gte, lt), with_total=True, **options)

    def without_time_page(self, size: int, **options: Any) -> Reply:
        """Return one page of the documents that do not have the time field, in the order of the tiebreak.

        Not sorted by time: OpenSearch cannot continue after a missing date_nanos, and Elasticsearch gives it as 0.
        """
        return self.page(size, [missing_clause(self.time_field.name)], by_time=False, **options)

    def overview(self) -> Overview:
        """Count what matches and find its first and last time, in one request."""
        name = self.time_field.name
        head = self.aggregate(
            {
                "oldest": {"min": {"field": name}},
                "newest": {"max": {"field": name}},
                "without_time": {"filter": missing_clause(name)},
            },
            shape=_OVERVIEW,
        )
        found = head["aggregations"]
        oldest, newest = found["oldest"].get("value"), found["newest"].get("value")
        return Overview(
            total=head["hits"]["total"]["value"],
            without_time=found["without_time"]["doc_count"],
            # min and max are doubles; a date_nanos field has a fraction of a millisecond.
            oldest_ms=None if oldest is None else int(oldest // 1),
            newest_ms=None if newest is None else int(newest // 1),
        )

    def histogram(self, gte: int, lt: int, interval_ms: int) -> List[Tuple[int, int]]:
        """Return (start, documents) of each non-empty bucket in [gte, lt), oldest first."""
        name = self.time_field.name
        head = self.aggregate(
            {
                "plan": {
                    "date_histogram": {
                        "field": name,
                        "fixed_interval": f"{interval_ms}ms",
                        "offset": f"{gte % interval_ms}ms",
                        "min_doc_count": 1,
                    }
                }
            },
            range_clause(name, gte, lt),
            shape=_HISTOGRAM,
        )
        # A document with several times is in the bucket of each, also of those outside the window.
        buckets = [(int(b["key"]), int(b["doc_count"])) for b in head["aggregations"]["plan"]["buckets"]]
        return [(key, count) for key, count in buckets if gte <= key < lt]

    def count_without_time(self, narrow: Sequence[Clause] = ()) -> int:
        """Count the documents that match but for the time range, because they have no time."""
        clauses = [*user_clauses(self.request), missing_clause(self.time_field.name), *narrow]
        body = {
            "size": 0,
            "track_total_hits": True,
            "query": {"bool": {"filter": clauses}},
            "aggs": self.access.counting(),
        }
        head = self._decoded(body, TOTAL)
        self.access.check_counted(head)
        return int(head["hits"]["total"]["value"])

    def note_incomplete(self, problems_found: Sequence[str], without_source: int = 0) -> None:
        """Take note of what was incomplete and allowed to be so, here or in a worker process."""
        with self._lock:
            self.incomplete += [problem for problem in problems_found if problem not in self.incomplete]
            self.without_source += without_source

    def touch(self) -> None:
        """Touch the PIT, so that it outlives a reader who pauses."""
        self._search({"size": 0, "track_total_hits": False, "query": {"match_none": {}}})

    def aggregate(self, aggs: Mapping[str, Any], narrow: Sequence[Clause] = (), *, shape: Any) -> Dict[str, Any]:
        """Return the answer to aggregations over all documents, which has the ``shape``; its hits are counted."""
        query = {"bool": {"filter": [*self._clauses, *narrow]}}
        return self._decoded({"size": 0, "track_total_hits": True, "query": query, "aggs": aggs}, shape)

    def _decoded(self, body: Dict[str, Any], shape: Any) -> Dict[str, Any]:
        head = parse_reply(self._search(body), new_nonce(), where=self._where).head
        checked(head, shape, self._where)
        # OpenSearch 3.8 says so of every aggregation over all documents, with whole counts (measured). It is safe to
        # pass over: the documents that arrive are compared with these counts.
        head.pop("terminated_early", None)
        self._check(head)
        return head

    def _search(self, body: Dict[str, Any], max_body_bytes: int = MAX_REPLY_BYTES) -> bytes:
        body["pit"] = {"id": self.pit_id, "keep_alive": self.keep_alive}
        params: Dict[str, Any] = {"allow_partial_search_results": self.request.allow_partial}
        if self.time_limit:
            body.update(self.time_limit.body)
            params.update(self.time_limit.params)
        try:
            return self._transport.request(
                "POST",
                ("_search",),
                params,
                body,
                max_body_bytes=max_body_bytes,
            ).body
        except NotFound as exc:
            raise PartialResult(
                f"the point in time over {self.request.index!r} is gone in the middle of the search ({exc.reason}): a "
                "node of the cluster left, or the search paused for too long. Run it again"
            ) from exc

    def _check(self, head: Mapping[str, Any]) -> None:
        """Raise `PartialResult` for an incomplete reply, or note it where the request allows that."""
        newest = head.get("pit_id")
        if newest and newest != self.pit_id:
            with self._lock:
                self.pit_id = newest
        check_window(head)
        for problem in problems(head, self.request.index, self._transport, self.access):
            if not self.request.allow_partial:
                raise PartialResult(
                    f"{problem}. Run the search again, narrow it, or set partial=allow to accept an incomplete result",
                    failed_shards=head.get("_shards", {}).get("failed"),
                )
            self.note_incomplete([problem])


def check_window(head: Mapping[str, Any]) -> None:
    """Raise the `RejectedQuery` that some indices answered to a page larger than their ``index.max_result_window``.

    Under ``allow_partial_search_results`` the others answer all the same, and documents would be missing for no need.
    """
    for failure in (head.get("_shards") or {}).get("failures") or []:
        cause = failure.get("reason") if isinstance(failure, dict) else None
        reason = str(cause.get("reason")) if isinstance(cause, dict) else ""
        if "max_result_window" in reason:
            raise RejectedQuery(f"an index refused the page: {reason}", status=400, reason=reason)


def problems(head: Mapping[str, Any], index: str, transport: Transport, access: IndexAccess) -> List[str]:
    """Return what makes a reply with status 200 incomplete, in words; empty when it is complete."""
    where = f"index {index!r} at cluster {transport.config.name!r}"
    found: List[str] = []
    shards = head.get("_shards") or {}
    if shards.get("failed"):
        failures = [f for f in shards.get("failures") or [] if isinstance(f, dict)]
        reasons = [f.get("reason") or {} for f in failures if access.may_tell_of(f.get("index"))]
        said = next(
            (f" ({r.get('type')}: {transport.redact(str(r['reason']))})" for r in reasons if r.get("reason")), ""
        )
        found.append(f"{shards['failed']} of {shards.get('total')} shards failed on {where}{said}")
    if head.get("timed_out"):
        found.append(
            f"the search timed out on {where}, so documents are missing: the cluster's setting "
            "search.default_search_timeout may be too short"
        )
    if head.get("terminated_early"):
        found.append(f"the engine ended the search early on {where}, so documents are missing")
    clusters = head.get("_clusters") or {}
    lost = sum(int(clusters.get(state) or 0) for state in ("skipped", "partial", "failed"))
    if lost:
        found.append(f"{lost} of {clusters.get('total')} remote clusters were skipped or answered in part on {where}")
    return found
