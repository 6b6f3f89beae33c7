"""Every document once, newest first, on every engine; and what is missing is said."""

from __future__ import annotations

import json
import os
import random
import threading
import uuid
import warnings
from typing import Any, Dict, List, Set, Tuple

import pytest

from es_bridge.errors import BridgeError, NothingMatched, PartialResult, QueryError, RejectedQuery
from es_bridge.query import SearchRequest
from es_bridge.search import open_search

from .conftest import ASKED_FOR, START_MS, Cluster, assert_once_in_order, each_of

pytestmark = pytest.mark.fast
cluster = each_of(ASKED_FOR)

DOCUMENTS = 300_000 if os.environ.get("AWS_SIEM_BRIDGE_FULL") else 20_000


def iso(ms: int) -> str:
    from es_bridge.times import format_utc

    return format_utc(ms)


@pytest.fixture
def story(cluster: Cluster) -> Tuple[str, Dict[str, int]]:
    """An index pattern over two indices with many ties across shards, made once per engine, and its id -> time."""
    if not hasattr(cluster, "story"):
        rng = random.Random(7)
        names = [cluster.create(shards=4), cluster.create(shards=2)]
        times: Dict[str, int] = {}
        for number, name in enumerate(names):
            count = DOCUMENTS // 2
            documents = []
            for i in range(count):
                # CloudTrail has whole seconds: about seven documents share each one.
                at = START_MS + rng.randrange(DOCUMENTS // 7) * 1000
                doc_id = f"{number}-{i}"
                times[doc_id] = at
                documents.append(
                    (doc_id, {"@timestamp": at, "n": i, "errorCode": "AccessDenied" if i % 50 == 0 else "-"})
                )
            cluster.fill(name, documents)
        cluster.story = (",".join(names), times)  # type: ignore[attr-defined]
    return cluster.story  # type: ignore[attr-defined]


def test_all_documents_once_newest_first(cluster: Cluster, story: Tuple[str, Dict[str, int]]) -> None:
    index, times = story
    hits, search = cluster.ask(index)
    assert_once_in_order(hits, times)
    assert search.matched == DOCUMENTS
    assert search.warnings == []
    order = [(-hit.time, hit.index, hit.id) for hit in hits]
    assert order == sorted(order), "ties are not in the order of index and id"


def test_all_documents_once_while_the_index_is_written(cluster: Cluster) -> None:
    index = cluster.create(shards=3)
    before = {f"a{i}": START_MS + (i % 3000) * 1000 for i in range(15_000)}
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in before.items()))
    stop = threading.Event()
    other = Cluster(cluster.engine)

    def write() -> None:
        number = 0
        while not stop.is_set():
            batch = [(f"late{number + i}", {"@timestamp": START_MS + (i % 3000) * 1000}) for i in range(500)]
            other.fill(index, batch)
            number += 500

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            hits, search = cluster.ask(index, page_size_docs=1000)
            assert_once_in_order(hits, len(hits))
            assert len(hits) == search.matched
            assert set(before) <= {hit.id for hit in hits}
    finally:
        stop.set()
        writer.join()


def test_a_timestamp_that_holds_more_than_a_page(cluster: Cluster) -> None:
    index = cluster.create(shards=3)
    times = {f"crowd{i}": START_MS + 500 for i in range(12_500)}
    times.update({f"other{i}": START_MS + i for i in range(1000)})
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    hits, search = cluster.ask(index)
    assert_once_in_order(hits, times)
    assert search.warnings == []


@pytest.mark.parametrize("size", [1, 249, 250, 251, 1000, 5000, 5250, 10_000])
def test_size_cuts_and_says_so(cluster: Cluster, story: Tuple[str, Dict[str, int]], size: int) -> None:
    index, times = story
    hits, search = cluster.ask(index, size=size)
    assert_once_in_order(hits, size)
    newest = sorted(times.values(), reverse=True)[:size]
    assert [hit.time for hit in hits] == newest
    assert search.matched == DOCUMENTS
    assert len(search.warnings) == 1 and str(DOCUMENTS) in search.warnings[0] and "size=0" in search.warnings[0]


def test_size_that_fits_exactly_is_not_a_cut(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, ((str(i), {"@timestamp": START_MS + i}) for i in range(500)))
    hits, search = cluster.ask(index, size=500)
    assert_once_in_order(hits, 500)
    assert search.warnings == []


def test_earliest_is_inclusive_and_latest_exclusive(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, ((str(i), {"@timestamp": START_MS + i}) for i in range(10)))
    hits, _ = cluster.ask(index, earliest_ms=START_MS + 2, latest_ms=START_MS + 7)
    assert [hit.id for hit in hits] == ["6", "5", "4", "3", "2"]
    assert [hit.id for hit in cluster.ask(index, earliest_ms=START_MS + 8)[0]] == ["9", "8"]
    assert [hit.id for hit in cluster.ask(index, latest_ms=START_MS + 1)[0]] == ["0"]


@pytest.mark.parametrize(
    "options",
    [
        {"query": "errorCode:AccessDenied"},
        {"query": "n:[100 TO 200] AND NOT errorCode:AccessDenied"},
        {"dsl": {"bool": {"must": [{"range": {"n": {"lt": 900}}}], "must_not": [{"term": {"n": 5}}]}}},
        {"query": "n:[* TO 3000]", "dsl": {"range": {"n": {"gte": 2990}}}},
    ],
)
def test_same_documents_as_the_official_client(
    cluster: Cluster, story: Tuple[str, Dict[str, int]], options: Dict[str, Any]
) -> None:
    index, _ = story
    hits, _ = cluster.ask(index, **options)
    clauses: List[Dict[str, Any]] = []
    if "query" in options:
        clauses.append({"query_string": {"query": options["query"]}})
    if "dsl" in options:
        clauses.append(options["dsl"])
    expected = official_scan(cluster, index, {"bool": {"filter": clauses}})
    assert expected, "the oracle found nothing, so the comparison says nothing"
    assert {(hit.index, hit.id) for hit in hits} == set(expected)
    for hit in hits:
        assert json.loads(hit.source) == expected[hit.index, hit.id]


def official_scan(cluster: Cluster, index: str, query: Dict[str, Any]) -> Dict[Tuple[str, str], Any]:
    """Return (index, id) -> source as the official client's scan helper finds them."""
    config = cluster.config
    options: Dict[str, Any] = {"ca_certs": config.ca_file} if config.ca_file else {}
    if config.auth.kind == "basic":
        login = (config.auth.username, config.auth.password)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if cluster.id.startswith("elasticsearch-") and not cluster.id.startswith("elasticsearch-7"):
            import elasticsearch
            import elasticsearch.helpers as helpers

            client: Any = elasticsearch.Elasticsearch(config.hosts[0], **options)
        else:
            # The Elasticsearch client refuses OpenSearch and 7.10-oss; OpenSearch's client speaks to all of them.
            import opensearchpy
            import opensearchpy.helpers as helpers  # type: ignore[no-redef]

            if config.auth.kind == "basic":
                options["http_auth"] = login
            client = opensearchpy.OpenSearch(config.hosts[0], **options)
        found = helpers.scan(client, index=index, query={"query": query}, size=1000)
        result = {(hit["_index"], hit["_id"]): hit["_source"] for hit in found}
        client.close()
    return result


def test_pattern_that_matches_nothing_is_an_error(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, [("1", {"@timestamp": START_MS})])
    for pattern in ("aws-nothing-*", "aws-nothing", f"{index},aws-nothing-*"):
        with pytest.raises(NothingMatched) as caught:
            cluster.ask(pattern)
        assert pattern in str(caught.value)
    hits, search = cluster.ask("aws-nothing-*", partial="allow")
    assert hits == [] and len(search.warnings) == 1
    hits, _ = cluster.ask(f"{index},aws-nothing-*", partial="allow")
    assert [hit.id for hit in hits] == ["1"]


def test_exclusions_in_a_pattern(cluster: Cluster) -> None:
    tag = "aws-t-" + uuid.uuid4().hex[:12]
    wanted, unwanted = cluster.create(name=f"{tag}-in"), cluster.create(name=f"{tag}-out")
    cluster.fill(wanted, [("1", {"@timestamp": START_MS})])
    cluster.fill(unwanted, [("2", {"@timestamp": START_MS})])
    for pattern in (f"{tag}-*,-{unwanted}", f"{wanted[:-1]}*,{unwanted[:-1]}*,-{unwanted[:-2]}*,-aws-nothing-*"):
        ids = {hit.index for hit in cluster.ask(pattern, query="_index:" + wanted + " OR _index:" + unwanted)[0]}
        assert ids == {wanted}
    with pytest.raises(NothingMatched):
        cluster.ask(f"{unwanted[:-1]}*,-{unwanted[:-1]}*")
    with pytest.raises(NothingMatched):
        cluster.ask(f"{wanted},aws-nothing-*,-aws-nowhere-*")


def test_documents_without_the_time_field_come_last_and_are_counted(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, ((f"t{i}", {"@timestamp": START_MS + i}) for i in range(3000)))
    cluster.fill(index, ((f"none{i}", {"k": i}) for i in range(6000)))
    hits, search = cluster.ask(index)
    assert_once_in_order(hits, 9000)
    assert [hit.time for hit in hits[:3000]] == [START_MS + i for i in reversed(range(3000))]
    assert {hit.time for hit in hits[3000:]} == {None}
    assert any("6000 documents have no @timestamp" in text for text in search.warnings)
    few = cluster.create()
    cluster.fill(few, [("a", {"@timestamp": START_MS}), ("b", {})])
    hits, search = cluster.ask(few)
    assert [(hit.id, hit.time) for hit in hits] == [("a", START_MS), ("b", None)]
    assert any("1 documents have no @timestamp" in text for text in search.warnings)


def test_index_without_the_time_field_in_the_pattern(cluster: Cluster) -> None:
    dated = cluster.create()
    cluster.fill(dated, ((f"t{i}", {"@timestamp": START_MS + i}) for i in range(400)))
    undated = cluster.create(properties={"k": {"type": "keyword"}})
    cluster.fill(undated, ((f"none{i}", {"k": str(i)}) for i in range(700)))
    hits, search = cluster.ask(f"{dated},{undated}")
    assert_once_in_order(hits, 1100)
    assert any("700" in text for text in search.warnings)
    hits, search = cluster.ask(f"{dated},{undated}", earliest_ms=START_MS, latest_ms=START_MS + 100)
    assert_once_in_order(hits, 100)
    if cluster.has_pit:
        assert any("700" in text and undated in text for text in search.warnings)
    with pytest.raises(QueryError, match="no index"):
        cluster.ask(undated, earliest_ms=START_MS)


def test_date_and_date_nanos_in_one_pattern(cluster: Cluster) -> None:
    millis = cluster.create()
    nanos = cluster.create(properties={"@timestamp": {"type": "date_nanos"}})
    cluster.fill(millis, ((f"m{i}", {"@timestamp": iso(START_MS + i)}) for i in range(2000)))
    written = ((f"n{i}", {"@timestamp": iso(START_MS + i)[:-1] + "000500Z"}) for i in range(2000))
    cluster.fill(nanos, written)
    hits, _ = cluster.ask(f"{millis},{nanos}", page_size_docs=700)
    expected = {f"m{i}": (START_MS + i) * 10**6 for i in range(2000)}
    expected.update({f"n{i}": (START_MS + i) * 10**6 + 500 for i in range(2000)})
    assert_once_in_order(hits, expected)
    assert [hit.id for hit in hits[:4]] == ["n1999", "m1999", "n1998", "m1998"]


def test_time_field_that_is_no_date_is_an_error(cluster: Cluster) -> None:
    index = cluster.create(properties={"@timestamp": {"type": "keyword"}})
    cluster.fill(index, [("1", {"@timestamp": "yesterday"})])
    with pytest.raises(QueryError, match="keyword"):
        cluster.ask(index)


def test_documents_with_several_times_come_once(cluster: Cluster) -> None:
    index = cluster.create()
    documents = [(f"t{i}", {"@timestamp": START_MS + i * 10}) for i in range(2000)]
    documents += [(f"multi{i}", {"@timestamp": [START_MS + i * 40, START_MS + i * 40 + 7000]}) for i in range(400)]
    cluster.fill(index, documents)
    hits, _ = cluster.ask(index, page_size_docs=300)
    assert_once_in_order(hits, 2400)
    hits, _ = cluster.ask(index, earliest_ms=START_MS + 5000, latest_ms=START_MS + 12_000, page_size_docs=300)
    assert_once_in_order(hits, len(hits))
    expected = {f"t{i}" for i in range(2000) if 5000 <= i * 10 < 12_000}
    expected |= {f"multi{i}" for i in range(400) if 5000 <= i * 40 < 12_000 or 5000 <= i * 40 + 7000 < 12_000}
    assert {hit.id for hit in hits} == expected


HOSTILE = [
    b'{"@timestamp":1700000000000,"a":"\\",\\"sort\\":[1],\\"matched_queries\\":[\\"x\\"]},{\\"_index\\":\\"y\\""}',
    b'{"@timestamp": 1700000000000,  "hits":{"hits":[{"_index":"x","_source":{"a":1},"sort":[1]}]}, "n": 1.50}',
    '{"@timestamp":1700000000000,"\u00fc\u6f22\U0001f600":"\u00fc\u6f22\U0001f600","e":1E+3,"z":-0.0,"big":12345678901234567890}'.encode(),
    b'{"@timestamp":1700000000000,"x":{"_source":{"_source":"x"}},"sort":[5],"text":"a\\nb\\u0000\\ud83d\\ude00\\\\"}',
]


def test_source_is_byte_for_byte_as_stored(cluster: Cluster) -> None:
    index = cluster.create(dynamic=False)
    weird_ids = ['a","sort":[9]', "\u00e4\u6f22", "back\\slash", "plain"]
    cluster.fill(index, zip(weird_ids, HOSTILE))
    hits, _ = cluster.ask(index)
    assert {hit.id: hit.source for hit in hits} == dict(zip(weird_ids, HOSTILE))


def test_unparsable_query_gives_the_engines_reason(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, [("1", {"@timestamp": START_MS})])
    with pytest.raises(RejectedQuery) as caught:
        cluster.ask(index, query="errorCode:[")
    assert "errorCode:[" in str(caught.value)
    assert "arse" in caught.value.reason


def test_small_result_window_is_obeyed(cluster: Cluster) -> None:
    index = cluster.create(max_result_window=300)
    cluster.fill(index, ((str(i), {"@timestamp": START_MS + i // 2}) for i in range(4000)))
    hits, _ = cluster.ask(index)
    assert_once_in_order(hits, 4000)


def test_large_documents_make_small_pages(cluster: Cluster) -> None:
    index = cluster.create(properties={"@timestamp": {"type": "date"}, "text": {"type": "object", "enabled": False}})
    cluster.fill(index, ((str(i), {"@timestamp": START_MS + i, "text": "x" * 60_000}) for i in range(900)))
    largest = 0
    with open_search(cluster.transport, SearchRequest(index=index, size=0)) as search:
        seen: Set[str] = set()
        for page in search:
            largest = max(largest, sum(len(hit.source) for hit in page.hits))
            seen |= {hit.id for hit in page.hits}
    assert len(seen) == 900
    if cluster.has_pit:
        assert largest < 20 << 20


def test_leaving_early_ends_the_search(cluster: Cluster, story: Tuple[str, Dict[str, int]]) -> None:
    index, _ = story
    with open_search(cluster.transport, SearchRequest(index=index, size=0)) as search:
        for page in search:
            assert page.count
            break
    unused = open_search(cluster.transport, SearchRequest(index=index))
    unused.close()


def test_opaque_id_reaches_the_cluster(cluster: Cluster, story: Tuple[str, Dict[str, int]]) -> None:
    reply = cluster.transport.request("GET", ("_tasks",), {"detailed": True, "group_by": "none"})
    tasks = reply.json()["tasks"]
    assert any(task.get("headers", {}).get("X-Opaque-Id") == "contract-suite" for task in tasks)


def test_failed_shards_are_an_error_unless_allowed(cluster: Cluster) -> None:
    fine = cluster.create(properties={"@timestamp": {"type": "date"}, "n": {"type": "integer"}})
    broken = cluster.create(properties={"@timestamp": {"type": "date"}, "n": {"type": "keyword"}})
    cluster.fill(fine, [("1", {"@timestamp": START_MS, "n": 1})])
    cluster.fill(broken, [("2", {"@timestamp": START_MS, "n": "one"})])
    # A prefix query is fine on a keyword and an error on a number: one index fails, the other answers.
    prefix = {"prefix": {"n": {"value": "on"}}}
    with pytest.raises(BridgeError) as caught:
        cluster.ask(f"{fine},{broken}", dsl=prefix)
    assert isinstance(caught.value, (PartialResult, RejectedQuery)) and "prefix" in str(caught.value).lower()
    hits, search = cluster.ask(f"{fine},{broken}", dsl=prefix, partial="allow")
    assert [hit.id for hit in hits] == ["2"]
    assert any("shards failed" in text for text in search.warnings)
