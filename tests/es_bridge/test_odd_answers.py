"""Every member of a cluster's answers, replaced by every other type: the right result, or an error anybody can read.

A real engine answers, a server in front changes one member of one kind of answer at a time.
"""

from __future__ import annotations

import copy
import json
import os
from dataclasses import astuple, replace
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

import pytest

from collectors.records.record import Record
from collectors.store.lifecycle import compare_policy, policy
from collectors.store.periods import daily_indices
from collectors.store.templates import compare, pieces, write
from collectors.verify.presence import Presence
from es_bridge.aggregations.request import stats_request
from es_bridge.aggregations.statistics import Statistics
from es_bridge.answers import COUNT, EACH, NUMBER, WHOLE, Maybe, checked
from es_bridge.bulk import Create, bulk_create
from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError, ResponseError
from es_bridge.field_summary.summary import FieldSummary, SummaryRequest
from es_bridge.index_summary import IndexSummary
from es_bridge.lookup.event_key import EventKey, LookupRequest
from es_bridge.lookup.lookup import Lookup
from es_bridge.ping import ping
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.engine import Engine
from lab.front.faults import FaultyServer
from lab.front.server import Received, Reply, forward

MISSING = object()
#: In place of a member; each is tried where it is another type than what is there.
VALUES = (None, "x", -7, 10**30, 1.5, True, [], {"a": {"b": [1]}})
#: Of them, one member is tried with every so many, and the next member with others: each costs a search. And every
#: member is left out.
EVERY = 1 if os.environ.get("AWS_SIEM_BRIDGE_FULL") else 3
START_MS = 1_700_000_000_000
INDEX = "aws-odd"
#: In no index, whatever else is in those of the log: it is asked for twice.
NOWHERE = Record("cloudtrail", 0, "aws-odd-nowhere", b"")


@pytest.fixture(scope="module")
def filled(engine: Engine) -> Engine:
    with Transport(ClusterConfig((engine.url,))) as transport:
        body = {"mappings": {"properties": {"@timestamp": {"type": "date"}}}}
        transport.request("PUT", (INDEX,), body=body)
        lines = [f'{{"create":{{"_id":"d{i}"}}}}\n{{"@timestamp":{START_MS + i}}}\n' for i in range(30)]
        transport.request("POST", (INDEX, "_bulk"), {"refresh": True}, "".join(lines).encode())
    return engine


def members(value: Any, path: Tuple[Any, ...] = ()) -> Iterator[Tuple[Any, ...]]:
    """Yield the place of every member, of lists the first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for name, each in inner:
        yield (*path, name)
        if name != "_source":
            yield from members(each, (*path, name))


def changed(reply: Any, path: Tuple[Any, ...], value: Any) -> Any:
    found = copy.deepcopy(reply)
    inner = found
    for name in path[:-1]:
        inner = inner[name]
    if value is MISSING:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return found


class Changing(FaultyServer):
    """Passes requests on; records the answers of one kind, and changes one member of the first of them."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream=upstream)
        self.kind: Callable[[Received], bool] = lambda received: False
        self.seen: List[Any] = []
        self.change: Optional[Tuple[Tuple[Any, ...], Any]] = None

    def answer(self, received: Received) -> Reply:
        reply = forward(self.upstream, received)
        if not self.kind(received) or reply.status != 200:
            return reply
        value = json.loads(reply.body)
        self.seen.append(value)
        if self.change is None:
            return reply
        try:
            odd = changed(value, *self.change)
        except (KeyError, IndexError, TypeError):
            return reply
        return Reply(200, json.dumps(odd, separators=(",", ":"), ensure_ascii=False).encode(), reply.headers)


def asks(*words: str) -> Callable[[Received], bool]:
    return lambda received: all(word in received.target + " " + received.body.decode() for word in words)


def search(**options: Any) -> Callable[[Transport], Any]:
    def run(transport: Transport) -> Any:
        request = SearchRequest(INDEX, **{"size": 0, "page_size_docs": 12, "first_page_docs": 5, **options})
        with open_search(transport, request) as found:
            return [(hit.index, hit.id, hit.time, hit.source) for page in found for hit in page.hits]

    return run


def looked_up(transport: Transport) -> Any:
    keys = [EventKey(((str(START_MS + n),),), START_MS, START_MS + 20) for n in (3, 5, 99)]
    with Lookup(transport, LookupRequest(SearchRequest(INDEX), ("@timestamp",))) as lookup:
        found = [
            (m.matched, [(hit.index, hit.id, hit.time, hit.source) for hit in m.hits])
            for m in lookup.answers(keys)
            if m
        ]
        return found, lookup.warnings


def grouped(transport: Transport) -> Any:
    stats = stats_request(stats="count, max(@timestamp) as last, dc(@timestamp), latest(@timestamp) as x", by="index")
    with Statistics(transport, SearchRequest(INDEX, size=0), stats) as statistics:
        return [row for page in statistics for row in page]


def by_scroll(transport: Transport) -> Any:
    """As where an account may not open a point in time."""
    return search()(transport)


def written(transport: Transport) -> Any:
    outcomes = bulk_create(transport, [Create(INDEX, "d1", b"{}"), Create(INDEX, "d2", b"{}")], give_up_after_s=0)
    return sorted(outcome.result for outcome in outcomes)


def indices(transport: Transport) -> Any:
    with IndexSummary(transport, SearchRequest(INDEX, size=0)) as summary:
        return [replace(facts, lag_s=None, ingest_lag_s=None) for found in summary for facts in found]


def fields(transport: Transport) -> Any:
    with FieldSummary(transport, SummaryRequest(SearchRequest(INDEX, size=0))) as summary:
        return [field for found in summary for field in found]


#: What is answered -> what asks for it, and what is done.
KINDS: Dict[str, Tuple[Callable[[Received], bool], Callable[[Transport], Any]]] = {
    "GET /": (lambda received: received.target == "/", search()),
    "field capabilities": (asks("_field_caps"), search()),
    "field capabilities under rules": (asks("_field_caps"), search(allowed_indices=(INDEX,))),
    "open a PIT": (asks("point_in_time?"), search()),
    "overview": (asks('"oldest"'), search()),
    "histogram": (asks("date_histogram"), search()),
    "page": (asks('"track_total_hits":6', '"sort"'), search()),
    "only page": (asks('"track_total_hits":251', '"sort"'), search(first_page_docs=250, page_size_docs=250)),
    "window": (asks('"track_total_hits":true', '"sort"'), search()),
    "scroll": (asks("scroll=5m"), by_scroll),
    "next of a scroll": (lambda received: received.target == "/_search/scroll", by_scroll),
    "many searches": (asks("_msearch"), looked_up),
    "types to look up by": (asks("_field_caps", "ignore_unavailable"), looked_up),
    "groups": (asks('"composite"', '"stats @timestamp"'), grouped),
    "values of groups": (asks('"composite"', '"first"'), grouped),
    "what groups do not show": (asks('"grouped"'), grouped),
    "types to group by": (asks("_field_caps", "ignore_unavailable"), grouped),
    "mappings": (asks("/_mapping/field/"), grouped),
    "indices": (asks("by_index"), indices),
    "indices, fields": (asks("_field_caps"), indices),
    "indices, resolved": (asks("_resolve"), indices),
    "indices, sizes": (asks("/_stats/"), indices),
    "indices, health": (asks("_cluster/health"), indices),
    "fields": (asks('"having"'), fields),
    "ping": (asks("/" + INDEX), lambda transport: ping(transport, INDEX).can_search),
    "bulk": (asks("_bulk"), written),
    "presence": (
        asks("/_search"),
        lambda transport: Presence(transport).find("cloudtrail", [NOWHERE]),
    ),
    "documents": (
        asks("/_mget"),
        lambda transport: Presence(transport).find("cloudtrail", [NOWHERE]),
    ),
}
#: A worker process of a search tells its own, and these members are said to people only.
FREE = {"took", "name", "cluster_name", "cluster_uuid", "tagline", "max_score", "relation", "creation_time"}


@pytest.mark.one_python
@pytest.mark.parametrize("kind", KINDS)
def test_a_member_of_another_type(filled: Engine, kind: str) -> None:
    """The result is the same, or an error says which cluster; nothing else is ever raised."""
    of_kind, act = KINDS[kind]
    problems: List[str] = []
    with Changing(filled.url) as server:
        if "scroll" in kind:
            original = server.answer

            def without_pit(received: Received) -> Reply:
                if "point_in_time" in received.target:
                    return Reply(403, b'{"error":{"type":"security_exception","reason":"no point_in_time"}}')
                return original(received)

            server.answer = without_pit  # type: ignore[method-assign]
        config = ClusterConfig((server.url,), name="odd", max_retries=0, request_timeout_s=20)
        with Transport(config) as transport:
            server.kind = of_kind
            right = act(transport)
            assert right
            (first, *_) = server.seen
            for number, path in enumerate(members(first)):
                for value in (*VALUES[number % EVERY :: EVERY], MISSING):
                    at = first
                    for name in path:
                        at = at[name]
                    if path[-1] in FREE or (value is not MISSING and type(value) is type(at) and at != 0):
                        continue
                    server.change = (path, value)
                    what = f"{'.'.join(map(str, path))} = {'missing' if value is MISSING else value!r}"
                    try:
                        result = act(transport)
                    except BridgeError as exc:
                        if "'odd'" not in str(exc) and server.url not in str(exc):
                            problems.append(f"{what}: names no cluster: {exc}")
                    except Exception as exc:
                        problems.append(f"{what}: {type(exc).__name__}: {exc}")
                    else:
                        if result != right and not _tolerable(kind, path, result, right):
                            problems.append(f"{what}: {str(result)[:200]}")
    assert not problems, f"{len(problems)} of them:\n" + "\n".join(problems[:40])


def _tolerable(kind: str, path: Tuple[Any, ...], result: Any, right: Any) -> bool:
    # ping reports what failed; of a document another source, time or name is another document.
    # That an index has no time, or no document, may be so.
    if kind == "types to look up by":  # a field that is not there is told
        return len(result[1]) == 1 and path[:2] == ("fields", "@timestamp")
    if kind == "types to group by":  # as above: it is warned of
        return path[:2] == ("fields", "@timestamp")
    if kind in ("indices, resolved", "indices, sizes", "indices, health"):  # what some accounts may not know either
        (facts,), (true,) = result, right
        return all(now in (None, "unknown", was) for now, was in zip(astuple(facts), astuple(true)))
    if kind.endswith("groups"):  # other numbers, or a group less, are what the engine says
        return path[-1] in ("max", "value", "1") or path[-2:] == ("buckets", 0)
    if kind == "fields":
        return path[-1] == "key_as_string" or path[-2:] == ("buckets", 0)
    if kind.startswith("indices"):
        return path[-1] in ("value", "@timestamp", "date") or path[-2:] == ("buckets", 0)
    return kind == "ping" or path[-1] in ("_id", "_index", "_source", "sort") or "sort" in path or kind == "bulk"


# --- the other answers, by their shape -------------------------------------------------------------------------------


def test_templates_policies_and_periods(filled: Engine) -> None:
    """One odd answer each; their members are read through the same shapes."""
    piece = pieces("waf")[0]
    for body in (b"[]", b"{}", b"null", b'{"component_templates":[]}', b'{"component_templates":[[]]}', b'"x"', b"1"):
        with FaultyServer([Reply(200, body)] * 3) as server, Transport(ClusterConfig((server.url,))) as transport:
            asked: List[Callable[[], Any]] = [
                lambda: compare(transport, piece),
                lambda: compare_policy(transport, policy("waf", "opensearch", "self-managed")),
            ]
            for ask in asked:
                try:
                    ask()
                except BridgeError as exc:
                    assert "cluster 'default'" in str(exc)
    assert write and daily_indices


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (1, COUNT),
        (-1, WHOLE),
        (1.5, NUMBER),
        ({"a": None}, {"a": Maybe(str)}),
        ({}, {"a": Maybe(str)}),
        ({"x": {"n": 1}, "y": {"n": 0}}, {EACH: {"n": COUNT}}),
        ([], [str]),
    ],
)
def test_what_fits(value: Any, shape: Any) -> None:
    assert checked(value, shape, "cluster 'c'") is value


@pytest.mark.parametrize(
    ("value", "shape", "says"),
    [
        (True, COUNT, "it is true or false, where a whole number from 0 on"),
        (-1, COUNT, "it is another number"),
        (10**400, WHOLE, "it is another number"),
        (float("nan"), NUMBER, "it is another number"),
        (float("inf"), NUMBER, "it is another number"),
        ({"a": {"b": []}}, {"a": {"b": str}}, "its member 'a.b' is a list, where a text"),
        ({"a": None}, {"a": str}, "its member 'a' is null"),
        ({}, {"a": str}, "its member 'a' is missing"),
        ({"x": {"n": "1"}}, {EACH: {"n": COUNT}}, "its member 'x.n' is a text"),
        ([1, "2"], [COUNT], "its member '1' is a text"),
    ],
)
def test_what_does_not_fit_is_named(value: Any, shape: Any, says: str) -> None:
    with pytest.raises(ResponseError, match="cluster 'c' gave an answer that cannot be understood") as caught:
        checked(value, shape, "cluster 'c'")
    assert says in str(caught.value)
