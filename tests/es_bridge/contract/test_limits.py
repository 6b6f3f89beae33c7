"""Limits of an index or a cluster that a search does not ask for: it keeps to them, or names the setting."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

import pytest

from es_bridge.errors import PartialResult, RejectedQuery, ResponseError
from es_bridge.windows import STEPS

from .conftest import START_MS, Cluster, assert_once_in_order


@contextmanager
def settings(cluster: Cluster, **names: Any) -> Iterator[None]:
    """Set transient settings of the cluster, dots written as two underscores, for the time of the block."""
    wanted = {name.replace("__", "."): value for name, value in names.items()}
    cluster.transport.request("PUT", ("_cluster", "settings"), body={"transient": wanted})
    try:
        yield
    finally:
        cluster.transport.request("PUT", ("_cluster", "settings"), body={"transient": dict.fromkeys(wanted)})


@pytest.mark.parametrize("most", [1, 10, 100, 600])
def test_max_result_window(cluster: Cluster, most: int) -> None:
    """Below the wanted size, the first page, the pages; with milliseconds more crowded than a page may be."""
    documents = 12 * most if most > 1 else 6
    index = cluster.create(shards=2, max_result_window=most)
    crowded = {f"c{i}": START_MS + 77 for i in range(2 * most + 1)}
    times = {**{f"d{i}": START_MS + i * 10 for i in range(documents)}, **crowded}
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    hits, search = cluster.ask(index)
    assert_once_in_order(hits, times)
    assert search.matched == len(times)
    for size in (1, most, most + 1, most + 30):
        newest, _ = cluster.ask(index, size=size)
        assert [hit.time for hit in newest] == sorted(times.values(), reverse=True)[:size]
    cluster.fill(index, ((f"n{i}", {"k": 1}) for i in range(2 * most + 1)))
    if cluster.has_pit or most > 1:
        assert len(cluster.ask(index)[0]) == len(times) + 2 * most + 1


def test_max_result_window_of_one_index_among_others(cluster: Cluster) -> None:
    narrow, wide = cluster.create(max_result_window=7), cluster.create()
    times = {f"{name}{i}": START_MS + i for i in range(400) for name in "nw"}
    cluster.fill(narrow, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items() if doc_id[0] == "n"))
    cluster.fill(wide, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items() if doc_id[0] == "w"))
    for partial in ("fail", "allow"):
        hits, search = cluster.ask(f"{narrow},{wide}", partial=partial)
        assert_once_in_order(hits, times)
        assert search.warnings == []
        assert len(cluster.ask(f"{narrow},{wide}", partial=partial, size=10)[0]) == 10


def test_max_buckets(cluster: Cluster) -> None:
    if not cluster.has_pit:
        pytest.skip("a scroll needs no histogram")
    index = cluster.create()
    times = {f"d{i}": START_MS + i * 1000 for i in range(2500)}
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    with settings(cluster, search__max_buckets=60):
        hits, _ = cluster.ask(index, page_size_docs=200)
        assert_once_in_order(hits, times)
    with settings(cluster, search__max_buckets=1):
        sent = cluster.transport.requests_sent
        with pytest.raises(RejectedQuery, match="search.max_buckets"):
            cluster.ask(index, page_size_docs=200)
        assert cluster.transport.requests_sent - sent < 12, "it is not asked again and again"
    assert STEPS > 60


def test_max_keep_alive(cluster: Cluster) -> None:
    index = cluster.create()
    times = {f"d{i}": START_MS + i for i in range(3000)}
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    name = "search__max_keep_alive"
    if cluster.id.startswith("opensearch") and cluster.has_pit:
        name = "point_in_time__max_keep_alive"
    with settings(cluster, **{"search__default_keep_alive": "40s", name: "90s"}):
        hits, search = cluster.ask(index, page_size_docs=500)
    assert_once_in_order(hits, times)
    assert search.notes == [] or not cluster.has_pit


def test_default_search_timeout_is_named(cluster: Cluster) -> None:
    index = cluster.create(shards=1)
    cluster.fill(index, ((f"d{i}", {"@timestamp": START_MS + i, "text": f"word{i}"}) for i in range(20_000)))
    with settings(cluster, search__default_search_timeout="1nanos"):
        try:
            hits, _ = cluster.ask(index, query="text:*1*")
        except (PartialResult, ResponseError) as exc:
            assert "search.default_search_timeout" in str(exc)
        else:
            assert hits  # an engine looks at its clock only now and then


def test_partial_results_by_default_are_not_ours(cluster: Cluster) -> None:
    index = cluster.create()
    cluster.fill(index, [("1", {"@timestamp": START_MS})])
    for default in (True, False):
        with settings(cluster, search__default_allow_partial_results=default):
            assert len(cluster.ask(index)[0]) == 1


def test_indices_settings_on_what_is_not_used_change_nothing(cluster: Cluster) -> None:
    index = cluster.create(
        max_docvalue_fields_search=0, max_inner_result_window=1, max_terms_count=1, max_slices_per_scroll=1
    )
    times = {f"d{i}": START_MS + i for i in range(900)}
    cluster.fill(index, ((doc_id, {"@timestamp": at}) for doc_id, at in times.items()))
    hits, _ = cluster.ask(index, page_size_docs=200)
    assert_once_in_order(hits, times)
    with pytest.raises(ResponseError, match="max_terms_count"):
        cluster.ask(index, dsl={"terms": {"@timestamp": [1, 2]}})
