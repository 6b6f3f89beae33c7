"""A search that was told which engine answers asks one request less; told wrongly, one more, and finds the same."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.dialect import Dialect, detect, identity, remembered
from es_bridge.errors import NothingMatched
from es_bridge.query import SearchRequest
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import START_MS, Cluster, assert_once_in_order

pytestmark = pytest.mark.fast

DOCUMENTS = 40
#: What may be remembered of an engine that another one has taken the place of.
MEMORIES = [
    {"name": "opensearch", "number": "2.19.4", "flavor": ""},
    {"name": "opensearch", "number": "3.8.0", "flavor": ""},
    {"name": "opensearch", "number": "", "flavor": ""},
    {"name": "elasticsearch", "number": "7.17.0", "flavor": "default"},
    {"name": "elasticsearch", "number": "8.15.0", "flavor": "default"},
    {"name": "elasticsearch", "number": "9.0.1", "flavor": "default"},
]


_indices: Dict[str, str] = {}


def filled(cluster: Cluster) -> str:
    """Return an index of `DOCUMENTS`, made once an engine."""
    if cluster.id not in _indices:
        _indices[cluster.id] = cluster.create()
        cluster.fill(_indices[cluster.id], ((f"d{n}", {"@timestamp": START_MS + n}) for n in range(DOCUMENTS)))
    return _indices[cluster.id]


def requests_of(cluster: Cluster, index: str, known: Optional[Dialect], **options: str) -> Tuple[int, str, bool]:
    """Return how many requests a search took, which engine it named, and whether it found that out."""
    before = cluster.transport.requests_sent
    request = SearchRequest(index=index, size=0, **options)  # type: ignore[arg-type]
    with open_search(cluster.transport, request, remembered=known) as search:
        hits = [hit for page in search for hit in page.hits]
    assert_once_in_order(hits, {f"d{n}": START_MS + n for n in range(DOCUMENTS)})
    assert [text for text in search.warnings if "store holds" not in text] == []
    # Nothing of what was tried in vain; where there is no point in time, that is said once.
    assert [text for text in search.notes if f"on {search.engine}, so a scroll is used" not in text] == []
    assert len(search.notes) <= 1
    return cluster.transport.requests_sent - before, search.engine, search.learnt is not None


def test_what_is_right_saves_a_request(cluster: Cluster) -> None:
    if not cluster.has_pit:
        pytest.skip("only engines with a point in time are remembered")
    index = filled(cluster)
    usual, engine, learnt = requests_of(cluster, index, None)
    assert learnt
    known = remembered(identity(detect(cluster.transport)), "auto")
    assert requests_of(cluster, index, known) == (usual - 1, engine, False)


@pytest.mark.parametrize("partial", ["fail", "allow"])
@pytest.mark.parametrize("memory", MEMORIES, ids=lambda memory: "-".join(memory.values()))
def test_what_is_wrong_costs_a_request_and_no_row(cluster: Cluster, memory: dict, partial: str) -> None:
    index = filled(cluster)
    usual, engine, _ = requests_of(cluster, index, None, partial=partial)
    known = remembered(memory, "auto")
    assert known is not None
    took, told, learnt = requests_of(cluster, index, known, partial=partial)
    assert took <= usual + 1
    if told != engine:  # another version of the same kind, which is searched in the same way
        assert told == str(known) and known.name == engine.split()[0] and took < usual and cluster.has_pit
    else:
        assert learnt == (cluster.has_pit and took > usual)


def test_an_index_that_is_not_there_is_told_as_always(cluster: Cluster) -> None:
    texts: List[str] = []
    for known in (None, remembered(MEMORIES[0], "auto"), remembered(MEMORIES[4], "auto")):
        with (
            pytest.raises(NothingMatched) as raised,
            open_search(cluster.transport, SearchRequest(index="aws-nosuch-1"), remembered=known) as search,
        ):
            list(search)
        texts.append(str(raised.value))
    assert len(set(texts)) == 1


class Refusing(LocalServer):
    """Passes requests on, but refuses the first ``_field_caps``, when it has seen a point in time opened."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.refused = False
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine, or refuse."""
        if "_field_caps" in received.target and not self.refused:
            self.refused = True
            return Reply(400, b'{"error": {"type": "x", "reason": "no"}, "status": 400}')
        return forward(self.upstream, received)


def test_a_point_in_time_beside_a_failure_is_closed(cluster: Cluster) -> None:
    # The fixture counts what is left open.
    if cluster.id not in ("opensearch-2.19", "elasticsearch-8.15"):
        pytest.skip("one of each kind is enough")
    index = filled(cluster)
    known = remembered(identity(detect(cluster.transport)), "auto")
    with Refusing(cluster.engine.url) as server, Transport(ClusterConfig((server.url,))) as transport:
        with open_search(transport, SearchRequest(index=index, size=0), remembered=known) as search:
            assert sum(page.count for page in search) == DOCUMENTS
        assert server.refused
