"""The contract suite: the same questions to every engine of the catalogue, each answered exactly."""

from __future__ import annotations

import json
import os
import time
import uuid
from typing import Any, Callable, Dict, Iterable, Iterator, List, Sequence, Tuple

import pytest

from es_bridge.config import Auth, ClusterConfig
from es_bridge.query import SearchRequest
from es_bridge.reply import Hit
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from lab.engine import ENGINES, Engine

START_MS = 1_700_000_000_000


def config_of(engine: Engine, user: str = "root") -> ClusterConfig:
    """Return the configuration that reaches an engine of the lab."""
    auth = Auth("basic", user, engine.users[user]) if engine.users else Auth()
    return ClusterConfig((engine.url,), name=engine.id, auth=auth, ca_file=engine.ca_file and str(engine.ca_file))


class Cluster:
    """One engine under test, and short ways to fill it and ask it."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.id = engine.id
        self.config = config_of(engine)
        self.transport = Transport(self.config, "contract-suite")

    @property
    def has_pit(self) -> bool:
        """Whether the engine has points in time (the others are searched by scroll)."""
        return self.id not in ("elasticsearch-7.10.2", "opensearch-1.3")

    def create(
        self, shards: int = 3, properties: Any = None, dynamic: bool = True, name: str = "", **settings: Any
    ) -> str:
        """Create an index of its own name with a date field ``@timestamp`` and return the name."""
        name = name or "aws-t-" + uuid.uuid4().hex[:12]
        fields = {"@timestamp": {"type": "date"}} if properties is None else properties
        body = {
            "settings": {"index": {"number_of_shards": shards, "number_of_replicas": 0, **settings}},
            "mappings": {"properties": fields, "dynamic": dynamic},
        }
        self.transport.request("PUT", (name,), body=body)
        return name

    def fill(self, index: str, documents: Iterable[Tuple[str, Any]], refresh: bool = True) -> None:
        """Write (id, document) pairs; a document given as bytes is stored as it is."""
        lines: List[bytes] = []
        size = 0
        for doc_id, document in documents:
            lines.append(json.dumps({"create": {"_id": doc_id}}).encode())
            lines.append(document if isinstance(document, bytes) else json.dumps(document).encode())
            size += len(lines[-1])
            if len(lines) >= 20_000 or size > 5_000_000:
                self._bulk(index, lines, False)
                lines, size = [], 0
        self._bulk(index, lines, refresh)

    def _bulk(self, index: str, lines: List[bytes], refresh: bool) -> None:
        if lines:
            body = b"\n".join(lines) + b"\n"
            reply = self.transport.request(
                "POST", (index, "_bulk"), body=body, content_type="application/x-ndjson"
            ).json()
            assert not reply["errors"], str(reply)[:600]
        if refresh:
            self.transport.request("POST", (index, "_refresh"))

    def ask(self, index: str, **options: Any) -> Tuple[List[Hit], Search]:
        """Return all hits of a search, and the search with its warnings."""
        options.setdefault("size", 0)
        with open_search(self.transport, SearchRequest(index=index, **options)) as search:
            hits = [hit for page in search for hit in page.hits]
        assert len(hits) == search.emitted
        return hits, search

    def contexts_left(self, before: int = 0) -> int:
        """Return how many more PITs and scrolls are open than before, once requests that were cut off have ended."""
        for _ in range(200):
            if self.open_contexts() <= before:
                return 0
            time.sleep(0.1)
        return self.open_contexts() - before

    def open_contexts(self) -> int:
        """Return how many PITs and scrolls are open on the node now."""
        stats = self.transport.request("GET", ("_nodes", "stats", "indices", "search")).json()
        (node,) = stats["nodes"].values()
        search: Dict[str, int] = node["indices"]["search"]
        return search["open_contexts"] + search.get("point_in_time_current", 0)


def assert_once_in_order(hits: List[Hit], expected: Dict[str, int] | int) -> None:
    """Assert that hits are distinct, newest first with ties by index and id, and as many (or the ids) as expected."""
    keys = [(hit.index, hit.id) for hit in hits]
    assert len(set(keys)) == len(keys), "a document came twice"
    if isinstance(expected, dict):
        assert {hit.id: hit.time for hit in hits} == expected
    else:
        assert len(hits) == expected
    times = [hit.time for hit in hits]
    assert all(b is None or (a is not None and a >= b) for a, b in zip(times, times[1:])), "not newest first"


_clusters: Dict[str, Cluster] = {}


#: All of the catalogue, or those that AWS_SIEM_BRIDGE_ENGINES names (comma-separated).
ASKED_FOR = [name for name in os.environ.get("AWS_SIEM_BRIDGE_ENGINES", "").split(",") if name] or list(ENGINES)

#: Those that speak plain HTTP, so that a server of a test can stand before them.
PLAIN = [name for name in ASKED_FOR if not name.endswith("-secured")]

#: One for each way in which a search is read: a point in time of OpenSearch's, one of Elasticsearch's, a scroll. For
#: what is our doing alone, whatever the engine answers.
EACH_WAY = [name for name in PLAIN if name in ("opensearch-2.19", "elasticsearch-8.15", "elasticsearch-7.10.2")]
EACH_WAY = EACH_WAY or PLAIN[:1]

#: The newest majors answer as those before them, and a secured engine as the plain one of its version, once the account
#: may ask. Reading, counting, looking up, and what the engine reads of a query is tried on every engine; the rest on
#: these, and on the others under --full.
EACH_LINE = [name for name in PLAIN if name not in ("opensearch-3", "elasticsearch-9.0")] or ASKED_FOR


def each_of(engine_ids: Sequence[str]) -> Any:
    """Return a fixture ``cluster``: these engines in turn. No search may leave a context open."""

    @pytest.fixture(params=engine_ids)
    def cluster(request: pytest.FixtureRequest, engine_by_id: Callable[[str], Engine]) -> Iterator[Cluster]:
        yield from watched_cluster(request.param, engine_by_id)

    return cluster


cluster = each_of(ASKED_FOR if os.environ.get("AWS_SIEM_BRIDGE_FULL") else EACH_LINE)


def watched_cluster(engine_id: str, engine_by_id: Callable[[str], Engine]) -> Iterator[Cluster]:
    """Yield an engine; assert afterwards that no search context was left open."""
    if engine_id not in _clusters:
        _clusters[engine_id] = Cluster(engine_by_id(engine_id))
    found = _clusters[engine_id]
    # Other tests ask with accounts that may not close what they open; those contexts end by themselves.
    before = found.open_contexts()
    yield found
    assert found.contexts_left(before) == 0, "a search context was left open"
