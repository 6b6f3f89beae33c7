"""All buckets of a composite aggregation, page by page, on a point in time or, where there is none, on the indices.

A composite aggregation orders its buckets by their keys and goes on after a key, so no bucket is cut. The engine looks
at every document again for each page, so pages are large; a cluster that allows fewer buckets in one answer gets
smaller ones.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from es_bridge.answers import COUNT, SEARCH, TOTAL, Maybe
from es_bridge.errors import PartialResult, ReplyTooLarge, ResponseError
from es_bridge.failures import MAX_BUCKETS
from es_bridge.index_access import IndexAccess
from es_bridge.pit import PitSearch, problems
from es_bridge.query import Clause, SearchRequest, range_clause, user_clauses
from es_bridge.stopping import EngineTimeLimit
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport

#: Engines allow 65,535 buckets in one answer by default; the answer stays far below what is read of one.
PAGE_BUCKETS = 10_000
#: Counting distinct values holds this many bytes a bucket in the engine times the threshold, so those pages are small.
APPROXIMATE_PAGE_BUCKETS = 500
_GROUPS = "groups"

#: Sends an aggregation and returns the engine's answer: aggregations, further clauses, the answer's shape.
Ask = Callable[[Mapping[str, Any], Sequence[Clause], Any], Dict[str, Any]]


class Source(NamedTuple):
    """What buckets are made by: a part of a composite aggregation, and the shape of its keys."""

    source: Mapping[str, Any]
    key: Any


class Bucket(NamedTuple):
    """One bucket: its key in the order of the sources, its documents, and what else the engine computed of it."""

    key: List[Any]
    documents: int
    computed: Mapping[str, Any]


class Page(NamedTuple):
    """Buckets, and the whole answer they came in."""

    buckets: List[Bucket]
    head: Mapping[str, Any]


def of_pit(pit_search: PitSearch) -> Ask:
    """Return what asks a point in time."""
    return lambda aggs, narrow, shape: pit_search.aggregate(aggs, narrow, shape=shape)


def of_indices(
    transport: Transport,
    request: SearchRequest,
    time_field: TimeField,
    access: IndexAccess,
    time_limit: EngineTimeLimit,
    incomplete: List[str],
) -> Ask:
    """Return what asks the indices themselves; what was incomplete and allowed to be so is added to ``incomplete``."""
    clauses = [
        *user_clauses(request),
        *range_clause(time_field.name, request.earliest_ms, request.latest_ms),
    ]

    def ask(aggs: Mapping[str, Any], narrow: Sequence[Clause], shape: Any) -> Dict[str, Any]:
        body = {
            "size": 0,
            "track_total_hits": True,
            "query": {"bool": {"filter": [*clauses, *narrow]}},
            "aggs": aggs,
            **time_limit.body,
        }
        params = {
            **time_limit.params,
            "allow_partial_search_results": request.allow_partial,
            "allow_no_indices": request.allow_partial or request.included != request.index,
        }
        head: Dict[str, Any] = transport.request("POST", (request.index, "_search"), params, body).json(
            {**SEARCH, **shape}
        )
        head.pop("terminated_early", None)  # see PitSearch.aggregate
        for problem in problems(head, request.index, transport, access):
            if not request.allow_partial:
                raise PartialResult(
                    f"{problem}. Run the search again, narrow it, or set partial=allow to accept an incomplete result"
                )
            if problem not in incomplete:
                incomplete.append(problem)
        return head

    return ask


def compared(ask: Ask, access: IndexAccess) -> Ask:
    """Return ``ask``, with the indices of each answer compared with the rules: a name may become an alias."""

    def ask_and_compare(aggs: Mapping[str, Any], narrow: Sequence[Clause], shape: Any) -> Dict[str, Any]:
        head = ask({**aggs, **access.counting()}, narrow, shape)
        access.check_counted(head)
        return head

    return ask_and_compare


def pages(
    ask: Ask,
    sources: Sequence[Source],
    computed: Mapping[str, Any],
    narrow: Sequence[Clause] = (),
    page_buckets: int = PAGE_BUCKETS,
) -> Iterator[Page]:
    """Yield all buckets of ``sources``. ``computed``: aggregations in each."""
    names = [str(number) for number in range(len(sources))]
    keys = {name: each.key for name, each in zip(names, sources)}
    after: Optional[Dict[str, Any]] = None
    shape = {
        **TOTAL,
        "aggregations": {
            _GROUPS: {"buckets": [{"key": keys, "doc_count": COUNT}], "after_key": Maybe(keys)},
        },
    }
    while True:
        composite: Dict[str, Any] = {
            "size": page_buckets,
            "sources": [{name: each.source} for name, each in zip(names, sources)],
        }
        if after is not None:
            composite["after"] = after
        aggs: Dict[str, Any] = {_GROUPS: {"composite": composite}}
        if computed:
            aggs[_GROUPS]["aggs"] = computed
        try:
            head = ask(aggs, narrow, shape)
        except (ReplyTooLarge, ResponseError) as exc:
            smaller = _smaller(exc, page_buckets)
            if smaller is None:
                raise
            page_buckets = smaller
            continue
        groups = head["aggregations"][_GROUPS]
        yield Page([Bucket([b["key"][name] for name in names], b["doc_count"], b) for b in groups["buckets"]], head)
        after = groups.get("after_key")
        # A page that is not full is the last one; a full one may be.
        if after is None or len(groups["buckets"]) < page_buckets:
            return


def _smaller(error: Exception, page_buckets: int) -> Optional[int]:
    """Return the size of a page that may do, if one of ``page_buckets`` was refused for its size."""
    is_too_large = isinstance(error, ReplyTooLarge) or (
        isinstance(error, ResponseError)
        # One that finds out while it merges the shards' answers has another type, and the setting in its reason.
        and (error.error_type == "too_many_buckets_exception" or MAX_BUCKETS in str(error))
    )
    return max(1, page_buckets // 10) if is_too_large and page_buckets > 1 else None
