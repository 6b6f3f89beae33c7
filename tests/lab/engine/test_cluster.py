"""Three nodes form a cluster and live on when one is killed."""

from __future__ import annotations

import psutil
import pytest

from lab.engine import start_cluster


@pytest.mark.full
@pytest.mark.parametrize("engine_id", ["opensearch-2.19", "opensearch-3", "elasticsearch-7.10.2"])
def test_three_nodes_survive_the_kill_of_one(engine_id, call):
    with start_cluster(engine_id, nodes=3) as cluster:
        first, second, third = cluster.nodes
        assert len(set(cluster.urls)) == 3
        _, health = call(second, "GET", "/_cluster/health")
        assert health["number_of_nodes"] == 3
        settings = {"number_of_shards": 3, "number_of_replicas": 1}
        settings["index.unassigned.node_left.delayed_timeout"] = "0"
        assert call(first, "PUT", "/aws-lab?wait_for_active_shards=all", {"settings": settings})[0] == 200
        lines = "".join(f'{{"create":{{"_id":"{n}"}}}}\n{{"n":{n}}}\n' for n in range(300))
        assert call(first, "POST", "/aws-lab/_bulk?refresh=true", lines)[1]["errors"] is False

        third.kill()
        _, health = call(first, "GET", "/_cluster/health?wait_for_nodes=2&wait_for_status=green&timeout=60s")
        assert (health["number_of_nodes"], health["status"]) == (2, "green")
        for left in (first, second):
            _, found = call(left, "GET", "/aws-lab/_count")
            assert (found["count"], found["_shards"]["failed"]) == (300, 0)
        pids = [node.pid for node in cluster.nodes]
    assert not [pid for pid in pids if psutil.pid_exists(pid)]
