"""What the policies do, done by hand on three nodes: indices move between the tiers, and a snapshot brings one back.

The plugins that would do it are in no registry, but every step of theirs is a change of settings, which is tested here.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List

import pytest

from collectors.store.lifecycle import policy
from collectors.store.templates import DEPLOY, pieces
from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import EngineUnavailable, start_cluster

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]
INDEX, LATER = "aws-waf-1998.04.05", "aws-waf-1998.04.06"
DOCUMENTS = 200
TIERS = ["hot", "warm", "cold"]


class Nodes:
    """A cluster asked as its administrator. The nodes are called by their tier."""

    def __init__(self, transport: Transport, tiers: Dict[str, str]) -> None:
        self.transport = transport
        self.tiers = tiers

    def get(self, *path: str, **parameters: Any) -> Any:
        return self.transport.request("GET", path, parameters).json()

    def change(self, index: str, settings: Dict[str, Any]) -> None:
        self.transport.request("PUT", (index, "_settings"), body=settings)

    def settled(self, index: str) -> List[str]:
        """Return the tiers of the nodes that hold an index, when nothing moves any more."""
        parameters = {"wait_for_no_relocating_shards": "true", "wait_for_no_initializing_shards": "true"}
        health = self.get("_cluster", "health", wait_for_events="languid", timeout="60s", **parameters)
        assert not health["timed_out"]
        shards = self.get("_cat", "shards", index, format="json", h="state,node")
        return sorted(self.tiers[each["node"]] for each in shards if each["state"] == "STARTED")

    def write(self, index: str) -> List[Dict[str, Any]]:
        lines = "".join(
            f'{{"create":{{"_index":"{index}","_id":"{number}"}}}}\n{{"@timestamp":"1998-04-05T00:00:00Z","n":{number}}}\n'
            for number in range(DOCUMENTS)
        )
        reply = self.transport.request("POST", ("_bulk",), {"refresh": "true"}, lines.encode()).json()
        return [item["create"] for item in reply["items"]]

    def count(self, index: str) -> int:
        found = self.get(index, "_count")
        assert not found["_shards"]["failed"]
        return found["count"]


def nodes_of(engine_id: str, settings: List[Dict[str, Any]], repository: str) -> Iterator[Nodes]:
    try:
        cluster = start_cluster(engine_id, nodes=3, settings={"path.repo": repository}, node_settings=settings)
    except EngineUnavailable as error:
        pytest.skip(str(error))
    with cluster, Transport(ClusterConfig(tuple(cluster.urls))) as transport:
        yield Nodes(transport, {f"node-{number + 1}": tier for number, tier in enumerate(TIERS)})


@pytest.fixture(scope="module", params=["opensearch-2.19", "opensearch-3"])
def opensearch(request, tmp_path_factory) -> Iterator[Nodes]:
    """Three nodes, of which one says that it is hot, one warm, one cold."""
    repository = tmp_path_factory.mktemp("snapshots")
    yield from nodes_of(request.param, [{"node.attr.temp": tier} for tier in TIERS], str(repository))


def actions_of(state: str) -> Dict[str, Any]:
    """Return the actions of a state of the self-managed policy by their names."""
    [found] = [
        each for each in policy("waf", "opensearch", "self-managed").body["policy"]["states"] if each["name"] == state
    ]
    return {name: value for action in found["actions"] for name, value in action.items() if name != "retry"}


def as_settings(allocation: Dict[str, Any]) -> Dict[str, Any]:
    """Return the settings that ISM makes of an allocation action."""
    return {
        f"index.routing.allocation.{kind}.{name}": value
        for kind in ("require", "include", "exclude")
        for name, value in allocation[kind].items()
    }


def test_an_index_goes_from_hot_to_warm_to_cold_and_stays_searchable(opensearch):
    for piece in pieces("waf", lifecycle="self-managed"):
        opensearch.transport.request("PUT", piece.path, body=piece.body)
    assert {item["status"] for item in opensearch.write(INDEX)} == {201}
    assert {item["status"] for item in opensearch.write(LATER)} == {201}
    # One hot node: the replica has nowhere to go, and may not go to a slower one.
    assert opensearch.settled(INDEX) == opensearch.settled(LATER) == ["hot"]

    # Nor could the primary leave for a node that has the replica: a tier needs as many nodes as an index has copies.
    opensearch.change(INDEX, {"index.number_of_replicas": 0})
    warm = actions_of("warm")
    assert list(warm) == ["read_only", "index_priority", "allocation", "force_merge"]
    opensearch.change(INDEX, {"index.blocks.write": True})
    opensearch.change(INDEX, {"index.priority": warm["index_priority"]["priority"]})
    opensearch.change(INDEX, as_settings(warm["allocation"]))
    assert opensearch.settled(INDEX) == ["warm"]
    opensearch.transport.request("POST", (INDEX, "_forcemerge"), warm["force_merge"])
    segments = opensearch.get("_cat", "segments", INDEX, format="json", h="prirep,segment")
    assert len([each for each in segments if each["prirep"] == "p"]) == 1
    assert opensearch.count(INDEX) == DOCUMENTS
    # A read-only index refuses even what it has: the loader makes dead letters of these and goes on.
    refused = opensearch.write(INDEX)
    assert {(item["status"], item["error"]["type"]) for item in refused} == {(403, "cluster_block_exception")}

    cold = actions_of("cold")
    assert list(cold) == ["index_priority", "replica_count", "allocation"]
    opensearch.change(INDEX, {"index.number_of_replicas": cold["replica_count"]["number_of_replicas"]})
    opensearch.change(INDEX, as_settings(cold["allocation"]))
    assert opensearch.settled(INDEX) == ["cold"]
    assert opensearch.get("_cluster", "health", INDEX)["status"] == "green"
    assert (opensearch.count(INDEX), opensearch.count("aws-waf")) == (DOCUMENTS, 2 * DOCUMENTS)
    assert opensearch.settled(LATER) == ["hot"]


def test_a_snapshot_of_what_the_policy_names_brings_an_index_back(opensearch):
    config = json.loads((DEPLOY / "opensearch" / "snapshots" / "policy.json").read_text("utf-8"))["snapshot_config"]
    index = "aws-waf-1998.04.07"
    opensearch.write(index)
    location = opensearch.get("_nodes", "settings")["nodes"]
    repository = {"type": "fs", "settings": {"location": next(iter(location.values()))["settings"]["path"]["repo"]}}
    opensearch.transport.request("PUT", ("_snapshot", config["repository"]), body=repository)
    options = {name: config[name] for name in ("indices", "ignore_unavailable", "include_global_state", "partial")}
    path = ("_snapshot", config["repository"], "night-1")
    taken = opensearch.transport.request("PUT", path, {"wait_for_completion": "true"}, options).json()["snapshot"]
    assert (taken["state"], taken["failures"]) == ("SUCCESS", [])
    assert index in taken["indices"]
    opensearch.transport.request("DELETE", (index,))
    opensearch.transport.request("POST", (*path, "_restore"), {"wait_for_completion": "true"}, {"indices": index})
    assert opensearch.count(index) == DOCUMENTS


def test_nodes_without_the_attribute_take_every_tier(tmp_path):
    # A cluster that has no tiers: the policy moves nothing, and nothing loses its place.
    for nodes in nodes_of("opensearch-2.19", [], str(tmp_path)):
        for piece in pieces("waf", lifecycle="self-managed"):
            nodes.transport.request("PUT", piece.path, body=piece.body)
        nodes.write(INDEX)
        before = nodes.settled(INDEX)
        assert len(before) == 2
        for state in ("warm", "cold"):
            nodes.change(INDEX, as_settings(actions_of(state)["allocation"]))
            assert nodes.settled(INDEX) == before
        assert nodes.count(INDEX) == DOCUMENTS
