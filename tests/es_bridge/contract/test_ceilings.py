"""An administrator's ceilings in each way of reading: what they cut, what they end, and what they leave alone."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any, Dict, List, Optional, Tuple

import pytest

from es_bridge.errors import BridgeError, CeilingReached, ConfigError
from es_bridge.limits import MIB, Ceilings, RunTime
from es_bridge.query import SearchRequest
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from lab.front.faults import FaultyServer, Hang, HangInBody
from lab.front.server import Handler, Received

from .conftest import EACH_WAY, START_MS, Cluster, each_of

pytestmark = pytest.mark.fast

DOCUMENTS = 1200
_indices: Dict[str, str] = {}


cluster = each_of(EACH_WAY)


@pytest.fixture
def index(cluster: Cluster) -> str:
    """Return an index of 1200 documents of one second each, made once an engine."""
    if cluster.id not in _indices:
        _indices[cluster.id] = cluster.create()
        text = "x" * 200
        cluster.fill(
            _indices[cluster.id],
            ((f"d{n:04d}", {"@timestamp": START_MS + n * 1000, "text": text}) for n in range(DOCUMENTS)),
        )
    return _indices[cluster.id]


def ask(
    transport: Transport, ceilings: Ceilings, **request: Any
) -> Tuple[List[str], Search, Optional[BridgeError], Ceilings]:
    """Return the ids of what a search gives, the search, and its error."""
    ids: List[str] = []
    request = {"size": 0, "page_size_docs": 200, **request}
    with open_search(transport, SearchRequest(**request), ceilings=ceilings) as search:
        try:
            for page in search:
                ids += [hit.id for hit in page.hits]
        except BridgeError as exc:
            return ids, search, exc, ceilings
    return ids, search, None, ceilings


class EngineThatHangs(FaultyServer):
    """Meets requests with faults, but closes contexts: what a search leaves open shall be its own doing."""

    def serve(self, handler: Handler, received: Received) -> None:
        """Do the next wrong thing, or answer."""
        if received.method == "DELETE":
            return handler.send(self.answer(received))
        return super().serve(handler, received)


def newest(count: int) -> List[str]:
    return [f"d{n:04d}" for n in range(DOCUMENTS - 1, DOCUMENTS - 1 - count, -1)]


class TestRows:
    @pytest.mark.parametrize(
        ("max_rows", "size"),
        # Around the first page; all rows are wanted by either way of saying so.
        [(1, 0), (249, 0), (250, DOCUMENTS), (251, 0), (DOCUMENTS - 1, 0), (DOCUMENTS - 1, DOCUMENTS)],
    )
    def test_rest_is_cut_and_the_warning_names_the_ceiling(
        self, cluster: Cluster, index: str, max_rows: int, size: int
    ) -> None:
        ids, search, error, _ = ask(cluster.transport, Ceilings(max_rows=max_rows), index=index, size=size)
        assert error is None
        assert ids == newest(max_rows)
        (warning,) = search.warnings
        for words in (f"max_rows = {max_rows}", str(DOCUMENTS), cluster.id, "configuration page, tab Clusters"):
            assert words in warning

    @pytest.mark.parametrize("max_rows", [DOCUMENTS, DOCUMENTS + 1, 10**9])
    def test_nothing_is_said_of_a_ceiling_that_cuts_nothing(self, cluster: Cluster, index: str, max_rows: int) -> None:
        ids, search, error, _ = ask(cluster.transport, Ceilings(max_rows=max_rows), index=index)
        assert (error, search.warnings) == (None, [])
        assert ids == newest(DOCUMENTS)

    def test_a_smaller_size_is_the_users_own_cut(self, cluster: Cluster, index: str) -> None:
        for size in (300, 400):  # 400 is the ceiling as well
            ids, search, _, _ = ask(cluster.transport, Ceilings(max_rows=400), index=index, size=size)
            assert ids == newest(size)
            (warning,) = search.warnings
            assert f"size={size}" in warning and "max_rows" not in warning


class TestMib:
    def test_search_ends_with_an_error_that_names_the_ceiling(self, cluster: Cluster, index: str) -> None:
        ceilings = Ceilings(max_mib=0.05)
        ids, _, error, _ = ask(Transport(cluster.config), ceilings, index=index)
        assert isinstance(error, CeilingReached)
        for words in ("max_mib = 0.05", cluster.id, "configuration page, tab Clusters"):
            assert words in str(error)
        assert 0 < len(ids) < DOCUMENTS
        assert ids == newest(len(ids))

    def test_partial_allow_keeps_what_arrived_and_warns(self, cluster: Cluster, index: str) -> None:
        ids, search, error, _ = ask(Transport(cluster.config), Ceilings(max_mib=0.05), index=index, partial="allow")
        assert error is None
        assert 0 < len(ids) < DOCUMENTS
        assert ids == newest(len(ids))
        assert any("max_mib = 0.05" in warning for warning in search.warnings)

    def test_a_result_that_is_complete_is_no_error(self, cluster: Cluster, index: str) -> None:
        transport = Transport(cluster.config)
        last = START_MS + (DOCUMENTS - 1) * 1000
        ids, search, error, ceilings = ask(transport, Ceilings(max_mib=0.0001), index=index, earliest_ms=last)
        assert transport.bytes_received > ceilings.max_mib * MIB
        assert error is None
        assert ids == newest(1)
        assert not any("max_mib" in warning for warning in search.warnings)


class TestRunTime:
    @pytest.mark.parametrize("served", range(8))
    def test_a_request_that_hangs_is_ended(self, cluster: Cluster, index: str, served: int) -> None:
        with EngineThatHangs([None] * served + [Hang()] * 8, upstream=cluster.config.hosts[0]) as server:
            transport = Transport(replace(cluster.config, hosts=(server.url,)))
            ids, _, error, _ = ask(transport, Ceilings(max_run_time_s=1.5), index=index)
            assert server.hanging.is_set()
        assert isinstance(error, CeilingReached)
        for words in ("max_run_time_s = 1.5", cluster.id, "configuration page, tab Clusters"):
            assert words in str(error)
        assert ids == newest(len(ids))

    def test_a_reply_that_hangs_in_its_middle_is_ended(self, cluster: Cluster, index: str) -> None:
        with EngineThatHangs([None, None, None, HangInBody()], upstream=cluster.config.hosts[0]) as server:
            transport = Transport(replace(cluster.config, hosts=(server.url,)))
            _, _, error, _ = ask(transport, Ceilings(max_run_time_s=1.5), index=index)
        assert isinstance(error, CeilingReached)

    def test_partial_allow_keeps_what_arrived_and_warns(self, cluster: Cluster, index: str) -> None:
        hang: List[Any] = [None] * 7 + [Hang()] * 20
        with EngineThatHangs(hang, upstream=cluster.config.hosts[0]) as server:
            transport = Transport(replace(cluster.config, hosts=(server.url,)))
            ids, search, error, _ = ask(transport, Ceilings(max_run_time_s=1.5), index=index, partial="allow")
            assert server.hanging.is_set()
        assert error is None
        assert 0 < len(ids) < DOCUMENTS
        assert ids == newest(len(ids))
        assert any("max_run_time_s = 1.5" in warning for warning in search.warnings)

    def test_a_search_that_ends_in_time_is_left_alone(self, cluster: Cluster, index: str) -> None:
        ids, search, error, _ = ask(cluster.transport, Ceilings(600.0, 600.0, 600.0), index=index, size=10)
        assert (error, len(ids)) == (None, 10)

    def test_reader_who_pauses_beyond_it_gets_the_error(self, cluster: Cluster, index: str) -> None:
        ceilings = Ceilings(max_run_time_s=0.3)
        request = SearchRequest(index=index, size=0, page_size_docs=100)
        search = open_search(cluster.transport, request, ceilings=ceilings)
        with search, pytest.raises(CeilingReached):
            for _ in search:
                while not search._run_time.is_over:
                    time.sleep(0.01)


def test_run_time_that_was_stopped_ends_nothing_any_more() -> None:
    ended = threading.Semaphore(0)
    before = set(threading.enumerate())
    run_time = RunTime(0.001, ended.release)
    run_time.start()
    (watching,) = set(threading.enumerate()) - before
    for _ in range(3):  # again and again
        assert ended.acquire(timeout=30)
    assert run_time.is_over
    run_time.stop()
    while ended.acquire(blocking=False):
        pass
    watching.join(30)
    assert not watching.is_alive()
    assert not ended.acquire(blocking=False)


def test_without_a_limit_nothing_is_watched() -> None:
    before = threading.active_count()
    run_time = RunTime(None, lambda: None)
    run_time.start()
    assert threading.active_count() == before
    run_time.stop()


@pytest.mark.parametrize("ceiling", ["max_rows", "max_run_time_s", "max_mib"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_a_ceiling_that_lets_nothing_through_is_a_mistake(ceiling: str, value: float) -> None:
    with pytest.raises(ConfigError, match=ceiling):
        Ceilings(**{ceiling: value})


@pytest.mark.parametrize(("size", "max_rows", "rows"), [(0, None, 0), (5, None, 5), (0, 7, 7), (5, 7, 5), (9, 7, 7)])
def test_rows_of_a_request(size: int, max_rows: Optional[int], rows: int) -> None:
    assert Ceilings(max_rows=max_rows).rows(size) == rows
