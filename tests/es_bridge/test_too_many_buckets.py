"""The ways in which an engine says that a page of groups has too many buckets: a smaller page is asked for."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Mapping

import pytest

from es_bridge.aggregations.buckets import Source, pages
from es_bridge.config import ClusterConfig
from es_bridge.errors import ResponseError
from es_bridge.failures import refused
from es_bridge.http_response import Response

REASON = (
    "Trying to create too many buckets. Must be less than or equal to: [500] but was [7193]. This limit can be set by "
    "changing the [search.max_buckets] cluster level setting."
)
TOO_MANY = {"type": "too_many_buckets_exception", "reason": REASON, "max_buckets": 500}
CONFIG = ClusterConfig(("http://localhost:9200",), name="prod")
SOURCE = Source({"terms": {"field": "user"}}, str)


def refusal(error: Mapping[str, Any]) -> ResponseError:
    """Return what the transport raises for an answer with this error."""
    body = json.dumps({"error": error, "status": 503}).encode()
    return refused(CONFIG, Response(503, {}, body, "localhost", "cluster 'prod'", str), attempts=1)


@pytest.mark.parametrize(
    "error",
    [
        TOO_MANY,
        {**TOO_MANY, "root_cause": [TOO_MANY]},
        {"type": "search_phase_execution_exception", "reason": "all shards failed", "root_cause": [TOO_MANY]},
        # Elasticsearch 7.10 that merges the answers of shards in parts: only its cause says it.
        {"type": "search_phase_execution_exception", "reason": "", "root_cause": [], "caused_by": TOO_MANY},
    ],
    ids=["as the type", "as the root cause too", "of a shard", "while it merges"],
)
def test_a_smaller_page_is_asked_for(error: Mapping[str, Any]) -> None:
    asked: List[int] = []

    def ask(aggs: Mapping[str, Any], narrow: Any, shape: Any) -> Dict[str, Any]:
        (group,) = aggs.values()
        asked.append(group["composite"]["size"])
        if asked[-1] > 500:
            raise refusal(error)
        bucket = {"key": {"0": "kim"}, "doc_count": 3}
        return {"aggregations": {name: {"buckets": [bucket]} for name in aggs}}

    (page,) = pages(ask, [SOURCE], {}, page_buckets=10_000)
    assert asked == [10_000, 1_000, 100]
    assert [(bucket.key, bucket.documents) for bucket in page.buckets] == [(["kim"], 3)]


def test_another_refusal_is_not_asked_again() -> None:
    asked: List[int] = []

    def ask(*_: Any) -> Dict[str, Any]:
        asked.append(1)
        raise refusal({"type": "x", "reason": "no"})

    with pytest.raises(ResponseError):
        list(pages(ask, [SOURCE], {}))
    assert asked == [1]
