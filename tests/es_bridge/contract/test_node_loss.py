"""A node of a cluster is killed in the middle of a search: it continues or says why not, and never returns less."""

from __future__ import annotations

from typing import Dict, Iterator

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.engine import Cluster as Nodes
from lab.engine import start_cluster

from .conftest import START_MS, Cluster, assert_once_in_order

DOCUMENTS = 60_000
pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]


@pytest.fixture(params=["opensearch-2.19", "opensearch-3", "elasticsearch-8.15", "elasticsearch-7.10.2"])
def nodes(request: pytest.FixtureRequest) -> Iterator[Nodes]:
    with start_cluster(request.param, nodes=3) as cluster:
        yield cluster


@pytest.mark.parametrize("killed", [0, 2])
@pytest.mark.parametrize("replicas", [0, 1])
def test_killed_node_never_means_fewer_rows_in_silence(nodes: Nodes, replicas: int, killed: int) -> None:
    writer = Cluster(nodes.nodes[0])
    index = "aws-loss"
    body = {
        "settings": {"index": {"number_of_shards": 3, "number_of_replicas": replicas}},
        "mappings": {"properties": {"@timestamp": {"type": "date"}}},
    }
    writer.transport.request("PUT", (index,), body=body)
    times: Dict[str, int] = {f"d{i}": START_MS + (i // 5) * 1000 for i in range(DOCUMENTS)}
    writer.fill(index, ((doc_id, {"@timestamp": at, "pad": "x" * 200}) for doc_id, at in times.items()))
    writer.transport.request(
        "GET", ("_cluster", "health", index), {"wait_for_status": "green", "timeout": "60s"}, timeout_s=90
    )
    transport = Transport(ClusterConfig(tuple(nodes.urls), name="three-nodes", request_timeout_s=60))
    hits = []
    pages = 0
    error = None
    search = open_search(transport, SearchRequest(index=index, size=0, page_size_docs=1000))
    try:
        for page in search:
            hits += page.hits
            pages += 1
            if pages == 4:
                nodes.nodes[killed].kill()
    except BridgeError as exc:
        error = exc
    finally:
        search.close()
    assert pages >= 4
    if error is None:
        assert_once_in_order(hits, times)
    else:
        assert "aws-loss" in str(error) or "three-nodes" in str(error)
        assert len(hits) < DOCUMENTS
        assert_once_in_order(hits, len(hits))
