"""Patterns, indices and documents that are legal and rare: each answered exactly, or refused with the reason."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from typing import Any, Dict, Iterator, List

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.errors import Aborted, BridgeError, ConfigError, NothingMatched, QueryError, RejectedQuery
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport

from .conftest import START_MS, Cluster, assert_once_in_order
from .test_search import iso

NANOS = {"@timestamp": {"type": "date_nanos"}}
FIRST_NANOS, LAST_NANOS = "1970-01-01T00:00:00.000000000Z", "2262-04-11T23:47:16.854775807Z"


def test_date_nanos_at_the_edges_of_what_it_holds(cluster: Cluster) -> None:
    index = cluster.create(properties=NANOS)
    expected = {f"n{i}": (START_MS + i // 3) * 10**6 + 999_999 - i % 3 for i in range(1500)}
    written = [(f"n{i}", {"@timestamp": iso(START_MS + i // 3)[:-1] + f"{999_999 - i % 3:06d}Z"}) for i in range(1500)]
    expected.update(first=0, last=2**63 - 1)
    cluster.fill(index, [*written, ("first", {"@timestamp": FIRST_NANOS}), ("last", {"@timestamp": LAST_NANOS})])
    hits, search = cluster.ask(index, page_size_docs=200)
    assert_once_in_order(hits, expected)
    assert search.warnings == []


@pytest.mark.parametrize("documents", [3, 1500])
def test_date_nanos_without_a_time_is_no_time_of_1970(cluster: Cluster, documents: int) -> None:
    if not cluster.has_pit:
        pytest.skip("the zero is Elasticsearch 8's, which has points in time")
    nanos, millis = cluster.create(properties=NANOS), cluster.create()
    cluster.fill(nanos, ((f"n{i}", {"@timestamp": iso(START_MS + i)}) for i in range(documents)))
    cluster.fill(nanos, [("first", {"@timestamp": FIRST_NANOS})])
    cluster.fill(nanos, ((f"none{i}", {"k": i}) for i in range(documents)))
    cluster.fill(millis, ((f"never{i}", {"k": i}) for i in range(documents)))
    for pattern, without in ((nanos, documents), (f"{nanos},{millis}", 2 * documents)):
        hits, search = cluster.ask(pattern, page_size_docs=400)
        assert_once_in_order(hits, documents + 1 + without)
        assert [(hit.id, hit.time) for hit in hits[:documents]] == [
            (f"n{i}", (START_MS + i) * 10**6) for i in reversed(range(documents))
        ]
        assert (hits[documents].id, hits[documents].time) == ("first", 0)
        assert {hit.time for hit in hits[documents + 1 :]} == {None}
        assert any(f"{without} documents have no @timestamp" in text for text in search.warnings)


def test_a_range_beyond_what_date_nanos_holds_is_narrowed(cluster: Cluster) -> None:
    index = cluster.create(properties=NANOS)
    cluster.fill(index, [("a", {"@timestamp": iso(START_MS)})])
    hits, search = cluster.ask(index, earliest_ms=-(10**11), latest_ms=253_402_300_799_999)
    assert [hit.id for hit in hits] == ["a"]
    assert any("1970 to 2262" in text for text in search.warnings)
    assert cluster.ask(index, earliest_ms=0, latest_ms=START_MS)[0] == []


def test_dates_that_date_nanos_cannot_hold_in_one_pattern_with_it(cluster: Cluster) -> None:
    if not cluster.has_pit:
        pytest.skip("a scroll fails with the engine's own words")
    nanos, millis = cluster.create(properties=NANOS), cluster.create()
    cluster.fill(nanos, ((f"n{i}", {"@timestamp": iso(START_MS + i)}) for i in range(100)))
    cluster.fill(millis, [("future", {"@timestamp": 253_402_300_799_999}), ("past", {"@timestamp": -1})])
    hits, search = cluster.ask(f"{nanos},{millis}")
    expected = {f"n{i}": START_MS + i for i in range(100)}
    assert_once_in_order(hits, {**expected, "future": 253_402_300_799_999, "past": -1})
    assert any("order is by ms" in text for text in search.notes)
    cluster.fill(millis, ((f"m{i}", {"@timestamp": START_MS + i}) for i in range(500)))
    with pytest.raises(QueryError, match="1970"):
        cluster.ask(f"{nanos},{millis}")
    hits, _ = cluster.ask(f"{nanos},{millis}", earliest_ms=0, latest_ms=START_MS + 1000)
    assert_once_in_order(hits, 600)


def test_garbage_times_far_away_cost_few_requests(cluster: Cluster) -> None:
    index = cluster.create(properties={"@timestamp": {"type": "date", "format": "epoch_millis||strict_date_time"}})
    times = {f"d{i}": START_MS + i * 10 for i in range(9000)}
    # Microseconds taken for milliseconds, the largest date people write, the smallest, and one before 1970.
    times.update(micros=START_MS * 1000, year9999=253_402_300_799_999)
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    times["before"] = -1
    cluster.fill(index, [("before", {"@timestamp": "1969-12-31T23:59:59.999Z"})])
    sent = cluster.transport.requests_sent
    hits, search = cluster.ask(index, page_size_docs=3000)
    assert_once_in_order(hits, times)
    assert search.warnings == []
    assert cluster.transport.requests_sent - sent < 30


def test_index_without_source_says_how_many_documents_it_could_not_show(cluster: Cluster) -> None:
    name = cluster.create() + "-bare"
    mappings = {"_source": {"enabled": False}, "properties": {"@timestamp": {"type": "date"}}}
    cluster.transport.request("PUT", (name,), body={"mappings": mappings})
    cluster.fill(name, ((f"d{i}", {"@timestamp": START_MS + i}) for i in range(2000)))
    hits, search = cluster.ask(name, page_size_docs=700)
    assert_once_in_order(hits, 2000)
    assert {hit.source for hit in hits} == {b""}
    if cluster.has_pit:
        assert any("2000 documents came without their source" in text for text in search.warnings)


def test_a_filtered_alias_shows_no_more_than_its_filter(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, ((f"d{i}", {"@timestamp": START_MS + i, "n": i % 2}) for i in range(2000)))
    add = {"index": index, "alias": index + "-odd", "filter": {"term": {"n": 1}}}
    cluster.transport.request("POST", ("_aliases",), body={"actions": [{"add": add}]})
    hits, search = cluster.ask(index + "-odd", page_size_docs=300)
    assert_once_in_order(hits, 1000)
    assert {int(hit.id[1:]) % 2 for hit in hits} == {1}


def test_a_list_of_indices_with_spaces_and_date_math(cluster: Cluster) -> None:
    first, second = cluster.create(), cluster.create()
    dated = f"<{first}-{{now/M}}>"
    cluster.transport.request("PUT", (dated,), body={"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
    for index in (first, second, dated):
        cluster.fill(index, [("1", {"@timestamp": START_MS})])
    hits, _ = cluster.ask(f" {first}, {second} ,,{dated}")
    assert len(hits) == 3


def test_a_list_too_long_for_the_engine_says_what_to_do(cluster: Cluster) -> None:
    with pytest.raises(RejectedQuery, match="wildcards"):
        cluster.ask(",".join(f"aws-cloudtrail-2026.01.{i:04d}" for i in range(300)))


def test_a_closed_index_is_named_as_the_reason(cluster: Cluster) -> None:
    opened, closed = cluster.create(), cluster.create()
    cluster.fill(opened, [("1", {"@timestamp": START_MS})])
    cluster.transport.request("POST", (closed, "_close"))
    with pytest.raises((RejectedQuery, NothingMatched)):
        cluster.ask(closed)
    with pytest.raises(RejectedQuery, match="closed.*leave it out"):
        cluster.ask(f"{opened},{closed}")
    # A wildcard passes over closed indices.
    assert len(cluster.ask(f"{opened},{closed[:-1]}*", partial="allow")[0]) == 1


def test_a_cluster_that_is_not_the_configured_engine(cluster: Cluster) -> None:
    wrong = "elasticsearch" if cluster.id.startswith("opensearch") else "opensearch"
    transport = Transport(replace(cluster.config, engine=wrong))
    with pytest.raises(ConfigError, match=f"settings say {wrong}"):
        list(open_search(transport, SearchRequest(index="aws-*")))


@pytest.mark.parametrize("pattern", ["elsewhere:aws-*", "aws-t-*,elsewhere:aws-x"])
def test_a_remote_cluster_that_is_not_connected(cluster: Cluster, pattern: str) -> None:
    cluster.create()
    with pytest.raises(BridgeError, match="elsewhere"):
        cluster.ask(pattern)


@pytest.fixture
def one_context(cluster: Cluster) -> Iterator[Dict[str, Any]]:
    """The engine allows one search context of the kind that OpenSearch counts a shard."""
    if not cluster.id.startswith("opensearch") or not cluster.has_pit:
        pytest.skip("only OpenSearch 2.4 and later limits points in time")
    name = "search.max_open_pit_context"
    cluster.transport.request("PUT", ("_cluster", "settings"), body={"transient": {name: 1}})
    yield {name: 1}
    cluster.transport.request("PUT", ("_cluster", "settings"), body={"transient": {name: None}})


def test_more_shards_than_points_in_time_are_read_by_scroll(cluster: Cluster, one_context: Dict[str, Any]) -> None:
    index = cluster.create(shards=3)
    cluster.fill(index, ((f"d{i}", {"@timestamp": START_MS + i // 3}) for i in range(5000)))
    config: ClusterConfig = replace(cluster.config, max_retries=0)
    with open_search(Transport(config), SearchRequest(index=index, size=0)) as search:
        hits = [hit for page in search for hit in page.hits]
    assert_once_in_order(hits, 5000)
    assert any("too many Point In Time contexts" in note for note in search.notes)


def test_large_documents_at_one_time_make_small_pages(cluster: Cluster) -> None:
    if not cluster.has_pit:
        pytest.skip("a scroll has one page size")
    index = cluster.create(
        shards=1, properties={"@timestamp": {"type": "date"}, "text": {"type": "object", "enabled": False}}
    )
    cluster.fill(index, ((str(i), {"@timestamp": START_MS + i // 20, "text": "x" * 1_500_000}) for i in range(60)))
    largest = 0
    seen = []
    with open_search(cluster.transport, SearchRequest(index=index, size=0)) as search:
        for page in search:
            largest = max(largest, sum(len(hit.source) for hit in page.hits))
            seen += [hit.id for hit in page.hits]
    assert sorted(seen, key=int) == [str(i) for i in range(60)]
    assert largest < 64 << 20


def test_closing_a_search_ends_the_engines_work(cluster: Cluster) -> None:
    index = cluster.create(shards=1, properties={"@timestamp": {"type": "date"}, "text": {"type": "keyword"}})
    letters = random.Random(1)
    long = "".join(letters.choices("abcdefgh", k=16_000))
    cluster.fill(index, ((str(i), {"@timestamp": START_MS, "text": long[i * 7 : i * 7 + 8000]}) for i in range(1000)))
    # Reads every term to its end, 200 times: seconds of work that nobody will wait for.
    slow = [
        {"wildcard": {"text": {"value": "*".join(letters.choices("abcdefgh", k=40)) + f"*{i}z*"}}} for i in range(200)
    ]
    search = open_search(
        Transport(cluster.config, "to-be-closed"),
        SearchRequest(index, dsl={"bool": {"should": slow}}),
        ceilings=Ceilings(max_query_wildcards=100_000),
    )

    def at_work() -> bool:
        reply = cluster.transport.request(
            "GET", ("_tasks",), {"actions": "*data/read/search", "group_by": "none"}
        ).json()
        return any(task["headers"].get("X-Opaque-Id") == "to-be-closed" for task in reply["tasks"])

    ends: List[BaseException] = []

    def read() -> None:
        try:
            list(search)
        except BridgeError as exc:
            ends.append(exc)

    reader = threading.Thread(target=read)
    reader.start()
    while not at_work():
        assert reader.is_alive()
        time.sleep(0.02)
    search.close()
    reader.join()
    assert [type(exc) for exc in ends] == [Aborted]
    while at_work():  # an engine looks up only now and then whether anybody still wants to know
        time.sleep(0.1)
    shards = cluster.transport.request("GET", (index, "_stats", "search")).json()["_all"]["primaries"]["search"]
    assert shards["query_total"] == 0, "the engine went on to the end of a search that was closed"
