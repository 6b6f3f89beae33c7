"""What a cluster does to an intake: full, overloaded, cut off, read-only, away, or refusing the account."""

# ruff: noqa: SIM117 - the cluster and the client are one thing, what must fail is another
from __future__ import annotations

import threading

import pytest

from collectors.delivery.outcome import DONE
from collectors.errors import IntakeStopped, StoreUnavailable
from es_bridge.config import Auth, ClusterConfig
from es_bridge.transport import Transport
from lab.engine import EngineUnavailable, start_engine
from lab.front.faults import CloseWithoutAnswer, FaultyServer, HalfBody, Reset
from lab.front.server import Reply
from tests.collectors.shelf import Shelf, done, lines, query


@pytest.fixture(scope="module")
def cramped():
    """An engine of its own: 64 KB a request (413), 100 KB of indexing at once (429), disk watched every 10 s."""
    settings = {
        "http.max_content_length": "64kb",
        "indexing_pressure.memory.limit": "100kb",
        "cluster.routing.allocation.disk.threshold_enabled": True,
    }
    try:
        engine = start_engine("opensearch-2.19", settings=settings)
    except EngineUnavailable as exc:
        pytest.skip(f"the engine cannot start here: {exc}")
    with engine, Transport(ClusterConfig((engine.url,))) as transport:
        yield transport


def cluster_setting(transport, **values):
    transport.request("PUT", ("_cluster", "settings"), body={"transient": values})


class Waits:
    """Does something when the intake waits for the first time, and keeps all the reasons."""

    def __init__(self, then):
        self.reasons = []
        self._then = then
        self._lock = threading.Lock()

    def __call__(self, reason):
        with self._lock:
            self.reasons.append(reason)
            if len(self.reasons) == 1:
                self._then()


def test_an_engine_short_of_room_gets_everything_in_the_end(cramped, tmp_path, day, index, short_waits):
    shelf = Shelf(tmp_path, cramped)
    huge = query(50, day, pad="x" * 80_000)
    texts = [query(n, day, pad="x" * 1_500) if n != 50 else huge for n in range(1, 601)]
    ref = shelf.put(lines(*texts))
    waited = Waits(lambda: None)
    result = shelf.intake(on_wait=waited, workers=6, max_bytes=50_000).take(ref)
    assert result.outcome == DONE
    assert (result.stored + result.already_there, result.dead) == (599, 1)
    (letter,) = shelf.dead()
    assert (letter.number, letter.error_type) == (50, "too_large")
    assert shelf.stored(index, ref) == [n for n in range(1, 601) if n != 50]
    assert any("429" in reason for reason in waited.reasons), "the engine never was short of room"


def test_a_flood_stage_disk_is_waited_out(cramped, tmp_path, day, index, short_waits):
    """The real block: the engine's own disk monitor puts it on, and takes it off when there is room again."""
    shelf = Shelf(tmp_path, cramped)
    done(shelf.take(shelf.put(lines(query(1, day)))))
    marks = [f"cluster.routing.allocation.disk.watermark.{name}" for name in ("low", "high", "flood_stage")]
    cluster_setting(cramped, **dict.fromkeys(marks, "1000000gb"))
    try:
        wait_for_block(cramped, index)
        waited = Waits(lambda: cluster_setting(cramped, **dict.fromkeys(marks)))
        ref = shelf.put(lines(*(query(n, day) for n in range(1, 11))))
        assert done(shelf.intake(on_wait=waited).take(ref)) == {"stored": 9, "already_there": 1, "dead": 0}
    finally:
        cluster_setting(cramped, **dict.fromkeys(marks))
    assert "disk usage exceeded flood-stage" in waited.reasons[0]
    assert shelf.dead() == []


def wait_for_block(transport, index):
    pause = threading.Event()
    for _ in range(600):
        found = transport.request("GET", (index, "_settings"), {"flat_settings": True}).json()
        if found[index]["settings"].get("index.blocks.read_only_allow_delete") == "true":
            return
        pause.wait(0.1)
    pytest.fail("the engine's disk monitor never blocked the index")


@pytest.mark.parametrize("block", ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"])
def test_a_cluster_that_is_read_only_as_a_whole_fills_no_letters(shelf, day, index, short_waits, block):
    """2.19 answers the whole request with 403 cluster_block_exception: no document and no index is to blame."""
    ref = shelf.put(lines(*(query(n, day) for n in range(1, 1_501))))
    waited = Waits(lambda: cluster_setting(shelf.transport, **{block: None}))
    cluster_setting(shelf.transport, **{block: True})
    try:
        before = shelf.transport.requests_sent
        assert done(shelf.intake(on_wait=waited).take(ref)) == {"stored": 1_500, "already_there": 0, "dead": 0}
        assert shelf.transport.requests_sent - before < 50, "the request was split although no document is to blame"
    finally:
        cluster_setting(shelf.transport, **{block: None})
    assert "FORBIDDEN" in waited.reasons[0]
    assert shelf.dead() == []


def test_a_cluster_with_all_the_shards_it_may_have_fills_no_letters(shelf, day, index, short_waits):
    ref = shelf.put(lines(query(1, day), query(2, day)))
    waited = Waits(lambda: cluster_setting(shelf.transport, **{"cluster.max_shards_per_node": None}))
    cluster_setting(shelf.transport, **{"cluster.max_shards_per_node": 1})
    try:
        assert done(shelf.intake(on_wait=waited).take(ref)) == {"stored": 2, "already_there": 0, "dead": 0}
    finally:
        cluster_setting(shelf.transport, **{"cluster.max_shards_per_node": None})
    assert "maximum shards open" in waited.reasons[0]


def test_cut_connections_and_gateways_lose_and_double_nothing(engine, shelf, day, index, short_waits):
    faults = [Reset(), Reply(503, b"<html>"), CloseWithoutAnswer(), None, HalfBody(), None, Reply(502), Reset()] * 3
    ref = shelf.put(lines(*(query(n, day) for n in range(1, 1_001))))
    with FaultyServer(faults, upstream=engine.url) as server:
        with Transport(ClusterConfig((server.url,), max_retries=1)) as transport:
            result = shelf.intake(transport=transport, max_docs=50).take(ref)
        assert not server.faults
    counts = done(result)
    assert counts["stored"] + counts["already_there"] == 1_000
    assert shelf.stored(index, ref) == list(range(1, 1_001))


def test_a_cluster_that_is_away_is_no_fault_of_the_object(shelf, day, short_waits):
    ref = shelf.put(lines(query(1, day), "{"))
    with Transport(ClusterConfig(("http://127.0.0.1:1",), max_retries=0)) as nobody:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            shelf.intake(transport=nobody, give_up_after_s=0.0).take(ref)


def test_an_answer_of_something_else_than_a_cluster_is_no_fault_of_the_object(shelf, day):
    ref = shelf.put(lines(query(1, day)))
    with FaultyServer([Reply(200, b"<html>a login page</html>")]) as server:
        with Transport(ClusterConfig((server.url,))) as transport:
            with pytest.raises(StoreUnavailable, match="not JSON"):
                shelf.intake(transport=transport).take(ref)


@pytest.mark.parametrize(("user", "says"), [("loader", "does not accept the credentials"), ("reader", "permission")])
def test_a_refused_account_stops_the_intake_and_fills_no_letters(engine_by_id, tmp_path, day, user, says):
    secured = engine_by_id("opensearch-2.19-secured")
    password = "wrong" if user == "loader" else secured.users[user]
    config = ClusterConfig((secured.url,), auth=Auth("basic", user, password), ca_file=str(secured.ca_file))
    with Transport(config) as transport:
        shelf = Shelf(tmp_path, transport)
        with pytest.raises(IntakeStopped, match=says) as stopped:
            shelf.take(shelf.put(lines(query(1, day), query(2, day))))
    assert password not in str(stopped.value)
    assert shelf.dead() == []
