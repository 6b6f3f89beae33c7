"""`IndexSummary` on every engine of the catalogue. What ISM and ILM answer is the examples of their documentation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import pytest

from es_bridge import times
from es_bridge.errors import NothingMatched
from es_bridge.index_summary import IndexFacts, IndexSummary
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import PLAIN, Cluster

pytestmark = pytest.mark.fast
PROPERTIES = {
    "@timestamp": {"type": "date"},
    "event": {"properties": {"ingested": {"type": "date"}}},
}


def summary_of(
    cluster: Cluster, index: str, ceilings: Optional[Ceilings] = None, transport: Any = None, **options: Any
) -> Tuple[Dict[str, IndexFacts], IndexSummary]:
    request = SearchRequest(index=index, **{"size": 0, **options})
    with IndexSummary(transport or cluster.transport, request, ceilings) as summary:
        found = [facts for some in summary for facts in some]
    assert [facts.name for facts in found] == sorted({facts.name for facts in found})
    return {facts.name: facts for facts in found}, summary


def test_documents_times_sizes_health_and_what_is_closed(cluster: Cluster) -> None:
    dated, empty, timeless, closed = (
        cluster.create(properties=PROPERTIES),
        cluster.create(properties={"@timestamp": {"type": "date_nanos"}}),
        cluster.create(properties={}, number_of_replicas=1),
        cluster.create(),
    )
    now = times.now_ms()
    cluster.fill(dated, [
        ("a", {"@timestamp": now - 60_000, "event": {"ingested": now - 30_000}}),
        ("b", {"@timestamp": now - 3_600_000, "event": {"ingested": now - 20_000}}),
    ])  # fmt: skip
    cluster.fill(timeless, [("a", {"n": 1}), ("b", {"n": 2}), ("c", {"n": 3})])
    cluster.transport.request("POST", (closed, "_close"))
    # By a wildcard, for a closed index that is named is an error.
    found, summary = summary_of(cluster, ",".join([dated, empty, timeless, closed[:-1] + "*"]))
    assert set(found) == {dated, empty, timeless, closed}
    assert (summary.matched, summary.warnings) == (4, [])
    first = found[dated]
    assert (first.documents, first.earliest_ms, first.latest_ms) == (2, now - 3_600_000, now - 60_000)
    assert (first.time_type, first.ingested_ms) == ("date", now - 20_000)
    assert first.lag_s is not None and 60 <= first.lag_s < 90
    assert first.ingest_lag_s is not None and 20 <= first.ingest_lag_s < 50
    assert (first.status, first.health, first.data_stream) == ("open", "green", "")
    assert first.primary_bytes == first.total_bytes and (first.total_bytes or 0) > 1000
    assert (found[empty].documents, found[empty].time_type, found[empty].lag_s) == (0, "date_nanos", None)
    assert (found[timeless].documents, found[timeless].time_type) == (3, "")
    assert found[timeless].health == "yellow"  # there is no second node for its replica
    assert (found[closed].status, found[closed].documents, found[closed].latest_ms) == ("closed", None, None)
    # No engine of the lab has the plug-ins.
    assert {facts.phase for facts in found.values()} == {"unknown"}
    assert summary.notes == ["lifecycle phases: not known, because the engine does not offer it"]


def test_a_time_field_that_is_no_date_is_left_out(cluster: Cluster) -> None:
    index = cluster.create(properties={"@timestamp": {"type": "keyword"}, **{"event": PROPERTIES["event"]}})
    cluster.fill(index, [("a", {"@timestamp": "x", "event": {"ingested": 5}})])
    found, _ = summary_of(cluster, index)
    assert (found[index].documents, found[index].time_type, found[index].latest_ms) == (1, "keyword", None)
    assert found[index].ingested_ms == 5


def test_nothing_there(cluster: Cluster) -> None:
    for pattern in ("aws-nothing-of-this-name", "aws-nothing-of-this-name-*"):
        with pytest.raises(NothingMatched, match="names no index"):
            summary_of(cluster, pattern)
    assert summary_of(cluster, "aws-nothing-of-this-name-*", partial="allow")[0] == {}


def test_a_ceiling_of_rows(cluster: Cluster) -> None:
    index = ",".join(cluster.create(shards=1) for _ in range(3))
    found, summary = summary_of(cluster, index, Ceilings(max_rows=2))
    assert len(found) == 2
    (warning,) = summary.warnings
    assert "first 2 indices" in warning and "max_rows = 2" in warning


#: https://docs.opensearch.org/latest/im-plugin/ism/api/#explain-index, an index without a policy as in its source
ISM: Dict[str, Any] = {
    "total_managed_indices": 3,
    "hot": {
        "index.plugins.index_state_management.policy_id": "aws-waf",
        "index.opendistro.index_state_management.policy_id": "aws-waf",
        "index": "hot",
        "index_uuid": "CgKsxFmQSIa8dWqpbSJmyA",
        "policy_id": "aws-waf",
        "policy_seq_no": -2,
        "policy_primary_term": 0,
        "rolled_over": False,
        "state": {"name": "hot", "start_time": 1667410766045},
        "action": {"name": "transition", "start_time": 1667411127803, "index": -1, "failed": False},
        "retry_info": {"failed": False, "consumed_retries": 0},
        "info": {"message": "Evaluating transition conditions"},
        "enabled": True,
    },
    "stuck": {
        "index.plugins.index_state_management.policy_id": "aws-waf",
        "policy_id": "aws-waf",
        "state": {"name": "warm", "start_time": 1667410766045},
        "action": {"name": "force_merge", "failed": True},
        "retry_info": {"failed": True, "consumed_retries": 3},
        "info": {"message": "Failed to force merge"},
        "enabled": True,
    },
    "new": {"index.plugins.index_state_management.policy_id": "aws-waf", "policy_id": "aws-waf", "enabled": True},
    "free": {
        "index.plugins.index_state_management.policy_id": None,
        "index.opendistro.index_state_management.policy_id": None,
        "enabled": None,
    },
}
#: https://www.elastic.co/guide/en/elasticsearch/reference/8.15/ilm-explain-lifecycle.html
ILM: Dict[str, Any] = {
    "hot": {"index": "hot", "managed": True, "policy": "aws-waf", "age": "15s", "phase": "hot", "step": "complete"},
    "stuck": {"index": "stuck", "managed": True, "policy": "aws-waf", "phase": "warm", "action": "shrink",
              "step": "ERROR", "failed_step": "shrink"},
    "new": {"index": "new", "managed": True, "policy": "aws-waf"},
    "free": {"index": "free", "managed": False},
}  # fmt: skip
PHASES = {
    "hot": ("hot", "aws-waf", False),
    "stuck": ("warm", "aws-waf", True),
    "new": ("unknown", "aws-waf", False),
    "free": ("unmanaged", "", False),
}


class WithLifecycle(LocalServer):
    """An engine whose lifecycle plug-in is played by this server."""

    def __init__(self, upstream: str, answers: List[Reply]) -> None:
        self.upstream = upstream
        self.answers = answers
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine, but for what the plug-in would."""
        if "/explain" in received.target.partition("?")[0]:
            return self.answers.pop(0)
        return forward(self.upstream, received)


def lifecycle(
    cluster: Cluster, indices: Dict[str, str], *answers: Tuple[int, Any]
) -> Tuple[Dict[str, Tuple[str, str, bool]], List[str], List[str]]:
    """Return (phase, policy, whether it failed) by the name in the example; the notes; what was asked for."""
    replies = [Reply(status, json.dumps(body).encode()) for status, body in answers]
    with WithLifecycle(cluster.config.hosts[0], replies) as server:
        with Transport(replace(cluster.config, hosts=(server.url,))) as transport:
            found, summary = summary_of(cluster, ",".join(indices.values()), transport=transport)
        asked = [each.target.partition("?")[0] for each in server.received if "/explain" in each.target]
    said = {name: found[index] for name, index in indices.items()}
    phases = {name: (facts.phase, facts.policy, facts.lifecycle_has_failed) for name, facts in said.items()}
    return phases, summary.notes, asked


def test_phases_of_lifecycles(cluster: Cluster) -> None:
    if cluster.id not in PLAIN:
        pytest.skip("a server of a test cannot stand before TLS")
    indices = {name: cluster.create(shards=1) for name in PHASES}

    def renamed(example: Dict[str, Any]) -> Dict[str, Any]:
        return {indices.get(name, name): facts for name, facts in example.items()}

    refused = (403, {"error": {"type": "security_exception", "reason": "no permissions for [%s]"}, "status": 403})
    if cluster.engine.product == "elasticsearch":
        phases, notes, asked = lifecycle(cluster, indices, (200, {"indices": renamed(ILM)}))
        assert asked[0].endswith("/_ilm/explain")
        permission = "indices:admin/ilm/explain"
    else:
        no_handler = (400, {"error": "no handler found for uri [/_plugins/_ism/explain] and method [GET]"})
        phases, notes, asked = lifecycle(cluster, indices, no_handler, (200, renamed(ISM)))
        assert [path.split("/")[1] for path in asked] == ["_plugins", "_opendistro"]
        assert (phases, notes) == (PHASES, [])
        phases, notes, asked = lifecycle(cluster, indices, (200, renamed(ISM)))
        assert len(asked) == 1
        permission = "cluster:admin/opendistro/ism/managedindex/explain"
    assert (phases, notes) == (PHASES, [])
    refused[1]["error"]["reason"] %= permission  # type: ignore[index]
    phases, notes, _ = lifecycle(cluster, indices, refused)
    assert set(phases.values()) == {("unknown", "", False)}
    assert notes == [f"lifecycle phases: not known, because the cluster's account lacks {permission}"]
