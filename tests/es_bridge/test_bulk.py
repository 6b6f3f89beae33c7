"""Bulk writing: against a real engine, one that is short of room, one with users, and a server that fails on demand."""

# ruff: noqa: SIM117 - the server and the client are one thing, what must fail is another
from __future__ import annotations

import json
import uuid
from collections import Counter
from typing import Dict, Iterator, List

import pytest

from es_bridge import bulk as bulk_module
from es_bridge import transport as transport_module
from es_bridge.backoff import Backoff
from es_bridge.bulk import ALREADY_THERE, REJECTED, STORED, Create, Outcome, bulk_create
from es_bridge.config import Auth, ClusterConfig
from es_bridge.errors import AuthenticationError, Overloaded, PermissionDenied, ResponseError, UnreachableError
from es_bridge.transport import Transport
from lab.engine import Engine, EngineUnavailable, start_engine
from lab.front.faults import CloseWithoutAnswer, FaultyServer, HalfBody, Reset
from lab.front.server import Reply

pytestmark = pytest.mark.fast

REFUSED = "http://127.0.0.1:1"


@pytest.fixture
def short_waits(monkeypatch):
    """The servers here recover at once, so nothing is gained by waiting for them."""
    for module in (bulk_module, transport_module):
        monkeypatch.setattr(module, "BACKOFF", Backoff(0.001, 0.002))


@pytest.fixture
def transport(engine: Engine) -> Iterator[Transport]:
    with Transport(ClusterConfig((engine.url,))) as transport:
        yield transport


@pytest.fixture
def index(transport: Transport) -> Iterator[str]:
    name = f"bulk-{uuid.uuid4().hex[:10]}"
    yield name
    transport.request("DELETE", (name + "*",), accept_status=(404,))


def documents(index: str, count: int, size: int = 20) -> List[Create]:
    return [Create(index, f"id-{n}", json.dumps({"n": n, "pad": "x" * size}).encode()) for n in range(count)]


def count(transport: Transport, index: str) -> int:
    transport.request("POST", (index, "_refresh"))
    return transport.request("GET", (index, "_count")).json()["count"]


def results(outcomes: List[Outcome]) -> Dict[str, int]:
    return dict(Counter(outcome.result for outcome in outcomes))


def item_reply(*items: object) -> Reply:
    """Return an answer to _bulk with a status, or (status, error type, reason), for each item."""
    made = []
    for item in items:
        if isinstance(item, int):
            made.append({"create": {"status": item}})
        else:
            status, kind, reason = item
            made.append({"create": {"status": status, "error": {"type": kind, "reason": reason}}})
    return Reply(200, json.dumps({"items": made}).encode())


def sent_ids(body: bytes) -> List[str]:
    return [json.loads(line)["create"]["_id"] for line in body.splitlines()[::2]]


# --- a real engine ---------------------------------------------------------------------------------------------------


def test_every_document_is_stored_once_and_recognised_the_second_time(transport, index):
    wanted = documents(index, 2_500)
    first = list(bulk_create(transport, iter(wanted), max_docs=300))
    assert results(first) == {STORED: 2_500}
    assert {outcome.document for outcome in first} == set(wanted)
    second = list(bulk_create(transport, wanted, max_docs=1000))
    assert results(second) == {ALREADY_THERE: 2_500}
    assert count(transport, index) == 2_500


def test_the_same_id_twice_in_one_request_is_stored_once(transport, index):
    twice = [Create(index, "same", b'{"n":1}'), Create(index, "same", b'{"n":2}')]
    assert [outcome.result for outcome in bulk_create(transport, twice)] == [STORED, ALREADY_THERE]
    assert transport.request("GET", (index, "_doc", "same")).json()["_source"] == {"n": 1}


def test_the_document_is_stored_byte_for_byte_but_for_newlines_between_tokens(transport, index):
    body = '{"big":12345678901234567890123,"price":1.10,"text":"a\\nb, 한글, \\ud83d"}'.encode()
    spread = b'{\n "a": 1\n}'
    transport.request("PUT", (index,), body={"mappings": {"dynamic": False}})
    outcomes = list(bulk_create(transport, [Create(index, "x/y?z#%", body), Create(index, "two", spread)]))
    assert results(outcomes) == {STORED: 2}
    for doc_id, expected in (("x/y?z#%", body), ("two", spread.replace(b"\n", b" "))):
        answer = transport.request("GET", (index, "_doc", doc_id)).body
        assert expected in answer


def test_what_does_not_fit_is_rejected_with_the_engines_reason_and_the_rest_is_stored(transport, index):
    transport.request("PUT", (index,), body={"mappings": {"properties": {"n": {"type": "integer"}}}})
    mixed = documents(index, 10)
    mixed.insert(4, Create(index, "bad", b'{"n":"not a number"}'))
    mixed.insert(7, Create(index, "broken", b'{"n":'))
    mixed.append(Create("UPPER CASE", "x", b"{}"))
    outcomes = {outcome.document.id: outcome for outcome in bulk_create(transport, mixed)}
    assert Counter(outcome.result for outcome in outcomes.values()) == {STORED: 10, REJECTED: 3}
    assert "failed to parse field [n]" in outcomes["bad"].reason
    assert "400" in outcomes["broken"].reason
    assert "invalid" in outcomes["x"].reason.lower()
    assert count(transport, index) == 10


def test_one_index_that_cannot_be_written_does_not_hold_up_the_others(transport, index):
    open_index, read_only, closed = index, index + "-read-only", index + "-closed"
    list(bulk_create(transport, documents(read_only, 2) + documents(closed, 2)))
    transport.request("PUT", (read_only, "_settings"), body={"index.blocks.write": True})
    transport.request("POST", (closed, "_close"))
    mixed = [doc for trio in zip(*(documents(name, 5) for name in (open_index, read_only, closed))) for doc in trio]
    outcomes = list(bulk_create(transport, mixed))
    by_index = {name: [o for o in outcomes if o.document.index == name] for name in (open_index, read_only, closed)}
    assert results(by_index[open_index]) == {STORED: 5}
    for name in (read_only, closed):
        assert results(by_index[name]) == {REJECTED: 5}
        assert all(o.reason.startswith(f"index not writable: {name}") for o in by_index[name])


def test_a_missing_index_that_may_not_be_created_is_a_rejection(transport, index):
    transport.request(
        "PUT", ("_cluster", "settings"), body={"transient": {"action.auto_create_index": f"-{index}*,+*"}}
    )
    try:
        (outcome,) = bulk_create(transport, documents(index, 1))
    finally:
        transport.request("PUT", ("_cluster", "settings"), body={"transient": {"action.auto_create_index": None}})
    assert outcome.result == REJECTED
    assert "index_not_found_exception" in outcome.reason


# --- a real engine short of room -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cramped() -> Iterator[Transport]:
    """An engine that refuses bodies over 64 KB (413) and more than 100 KB of indexing at once (429)."""
    settings = {"http.max_content_length": "64kb", "indexing_pressure.memory.limit": "100kb"}
    try:
        engine = start_engine("opensearch-2.19", settings=settings)
    except EngineUnavailable as exc:
        pytest.skip(f"the engine cannot start here: {exc}")
    with engine, Transport(ClusterConfig((engine.url,))) as transport:
        yield transport


def test_a_request_that_is_too_large_is_split_until_it_fits(cramped):
    wanted = documents("split", 60, size=5_000)
    outcomes = list(bulk_create(cramped, wanted, workers=1))
    assert results(outcomes) == {STORED: 60}
    assert [outcome.document.id for outcome in outcomes] == [document.id for document in wanted]
    assert count(cramped, "split") == 60


def test_a_single_document_that_is_too_large_is_rejected_and_its_neighbours_are_stored(cramped):
    wanted = documents("large", 9)
    wanted.insert(5, Create("large", "huge", json.dumps({"pad": "x" * 80_000}).encode()))
    outcomes = {outcome.document.id: outcome for outcome in bulk_create(cramped, wanted, workers=1)}
    assert outcomes["huge"].result == REJECTED
    assert "more than the cluster accepts" in outcomes["huge"].reason
    assert Counter(outcome.result for outcome in outcomes.values()) == {STORED: 9, REJECTED: 1}


def test_an_engine_that_has_no_room_gets_the_same_documents_again(cramped, short_waits):
    wanted = documents("pressure", 1_000, size=1_500)
    before = cramped.requests_sent
    outcomes = list(bulk_create(cramped, wanted, max_bytes=50_000, workers=8))
    chunks = -(-1_000 // (50_000 // 1_600))
    assert results(outcomes).keys() <= {STORED, ALREADY_THERE}
    assert len(outcomes) == 1_000
    assert count(cramped, "pressure") == 1_000
    stats = cramped.request("GET", ("_nodes", "stats", "indexing_pressure")).json()
    (node,) = stats["nodes"].values()
    memory = node["indexing_pressure"]["memory"]["total"]
    assert memory["coordinating_rejections"] + memory["primary_rejections"] > 0, "the engine never was short of room"
    assert cramped.requests_sent - before > chunks


# --- a real engine with users ----------------------------------------------------------------------------------------


def test_an_account_that_may_not_write_is_told_so_and_what_it_may_write_is_stored(engine_by_id):
    engine = engine_by_id("opensearch-2.19-secured")
    auth = Auth("basic", "loader", engine.users["loader"])
    name = f"aws-bulk-{uuid.uuid4().hex[:8]}"
    with Transport(ClusterConfig((engine.url,), auth=auth, ca_file=str(engine.ca_file))) as transport:
        assert results(list(bulk_create(transport, documents(name, 5)))) == {STORED: 5}
        seen = []
        with pytest.raises(PermissionDenied) as refused:
            for outcome in bulk_create(transport, documents(name, 7) + documents("hr-salaries-2026.11.21", 2)):
                seen.append(outcome)
    assert "hr-salaries" in str(refused.value)
    assert engine.users["loader"] not in str(refused.value)
    assert results(seen) == {ALREADY_THERE: 5, STORED: 2}


def test_wrong_credentials_end_the_work_at_once(engine_by_id):
    engine = engine_by_id("opensearch-2.19-secured")
    auth = Auth("basic", "loader", "wrong")
    with Transport(ClusterConfig((engine.url,), auth=auth, ca_file=str(engine.ca_file))) as transport:
        with pytest.raises(AuthenticationError):
            list(bulk_create(transport, documents("aws-x", 3)))


# --- a server that fails on demand -----------------------------------------------------------------------------------


def test_only_the_refused_items_are_sent_again(short_waits):
    busy = (429, "rejected_execution_exception", "queue full")
    faults = [item_reply(201, busy, 409, (503, "unavailable_shards_exception", "x"), busy), item_reply(201, busy, 201)]
    with FaultyServer([*faults, item_reply(201)]) as server, Transport(ClusterConfig((server.url,))) as transport:
        outcomes = {o.document.id: o.result for o in bulk_create(transport, documents("i", 5))}
        bodies = [sent_ids(received.body) for received in server.received]
    assert bodies == [["id-0", "id-1", "id-2", "id-3", "id-4"], ["id-1", "id-3", "id-4"], ["id-3"]]
    assert outcomes == {"id-0": STORED, "id-1": STORED, "id-2": ALREADY_THERE, "id-3": STORED, "id-4": STORED}


def test_lost_connections_and_gateways_without_a_cluster_are_tried_again(engine, index, short_waits):
    faults = [Reset(), Reply(503, b"<html>no backend</html>"), CloseWithoutAnswer(), HalfBody(), Reply(502), Reset()]
    with FaultyServer(faults * 3, upstream=engine.url) as server:
        with Transport(ClusterConfig((server.url,), max_retries=1)) as transport:
            outcomes = list(bulk_create(transport, documents(index, 100), max_docs=30))
            assert results(outcomes) == {STORED: 100}
            assert count(transport, index) == 100
        assert not server.faults


def test_a_document_stored_by_an_attempt_whose_answer_was_lost_is_there_once(engine, index, short_waits):
    class LosesTheFirstAnswer(FaultyServer):
        def answer(self, received):
            reply = super().answer(received)
            return Reply(504) if len(self.received) == 1 else reply

    with LosesTheFirstAnswer(upstream=engine.url) as server, Transport(ClusterConfig((server.url,))) as transport:
        assert results(list(bulk_create(transport, documents(index, 10)))) == {ALREADY_THERE: 10}
        assert count(transport, index) == 10


def test_a_fault_in_the_engine_is_tried_three_times_then_it_is_a_rejection(short_waits):
    fault = (500, "null_pointer_exception", "oops")
    faults = [item_reply(fault, fault, 201), item_reply(fault, fault), item_reply(fault, 201)]
    with FaultyServer(faults) as server, Transport(ClusterConfig((server.url,))) as transport:
        outcomes = {o.document.id: o for o in bulk_create(transport, documents("i", 3))}
        assert len(server.received) == 3
    assert outcomes["id-0"].result == REJECTED
    assert "oops" in outcomes["id-0"].reason
    assert outcomes["id-1"].result == outcomes["id-2"].result == STORED


def test_an_engine_without_room_for_good_is_reported_and_what_was_stored_is_yielded(short_waits):
    full = (429, "cluster_block_exception", "index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded]")

    class Full(FaultyServer):
        def answer(self, received):
            return item_reply(*(201 if number % 2 else full for number in map(int_of, sent_ids(received.body))))

    seen = []
    with Full() as server, Transport(ClusterConfig((server.url,))) as transport:
        with pytest.raises(Overloaded) as stuck:
            for outcome in bulk_create(transport, documents("i", 10), give_up_after_s=0.0):
                seen.append(outcome)
    assert "disk usage exceeded" in str(stuck.value)
    assert sorted(int_of(outcome.document.id) for outcome in seen) == [1, 3, 5, 7, 9]


def test_the_caller_hears_why_it_waits(short_waits):
    full = (429, "cluster_block_exception", "disk usage exceeded")
    heard = []
    faults = [item_reply(201, full), item_reply(full), item_reply(201)]
    with FaultyServer(faults) as server, Transport(ClusterConfig((server.url,))) as transport:
        assert results(list(bulk_create(transport, documents("i", 2), on_wait=heard.append))) == {STORED: 2}
    assert heard == ["HTTP 429 cluster_block_exception: disk usage exceeded"] * 2


def int_of(doc_id: str) -> int:
    return int(doc_id.rpartition("-")[2])


def test_no_cluster_there_is_an_error_not_a_loss(short_waits):
    with Transport(ClusterConfig((REFUSED,), max_retries=0)) as transport:
        with pytest.raises(UnreachableError):
            list(bulk_create(transport, documents("i", 3), give_up_after_s=0.0))


def test_an_answer_for_fewer_documents_than_sent_is_not_trusted():
    with FaultyServer([item_reply(201, 201)]) as server, Transport(ClusterConfig((server.url,))) as transport:
        with pytest.raises(ResponseError, match="2 of 3 documents"):
            list(bulk_create(transport, documents("i", 3)))


def test_an_error_of_the_source_comes_after_the_outcomes_of_what_was_sent(transport, index):
    def source():
        yield from documents(index, 50)
        raise RuntimeError("the file broke")

    seen = []
    with pytest.raises(RuntimeError, match="the file broke"):
        for outcome in bulk_create(transport, source(), max_docs=10):
            seen.append(outcome)
    # The fifth chunk was still being filled when the source broke; those that no worker had begun were taken back.
    assert set(results(seen)) == {STORED}
    assert 20 <= len(seen) <= 40
    assert count(transport, index) == len(seen)


def test_a_caller_that_stops_listening_leaves_nothing_running(transport, index):
    outcomes = bulk_create(transport, documents(index, 5_000), max_docs=100)
    assert next(outcomes).result == STORED
    outcomes.close()
    written = count(transport, index)
    assert 100 <= written < 5_000
    assert count(transport, index) == written


def test_documents_are_read_only_as_fast_as_they_are_written(transport, index):
    read = 0

    def source():
        nonlocal read
        for document in documents(index, 3_000):
            read += 1
            yield document

    finished = 0
    for _ in bulk_create(transport, source(), max_docs=50, workers=2):
        finished += 1
        assert read - finished <= 50 * 4
    assert finished == read == 3_000


def test_requests_keep_to_both_limits(short_waits):
    class Accepts(FaultyServer):
        def answer(self, received):
            return item_reply(*[201] * len(sent_ids(received.body)))

    sizes = [10, 10, 10, 5_000, 10, 4_000, 3_000, 3_000, 10, 10]
    wanted = [Create("i", f"id-{n}", json.dumps({"pad": "x" * size}).encode()) for n, size in enumerate(sizes)]
    with Accepts() as server, Transport(ClusterConfig((server.url,))) as transport:
        assert len(list(bulk_create(transport, wanted, max_docs=3, max_bytes=6_500, workers=1))) == 10
        bodies = [received.body for received in server.received]
    assert [len(sent_ids(body)) for body in bodies] == [3, 2, 1, 3, 1]
    assert all(len(body) <= 6_500 for body in bodies)


def test_a_rejection_carries_the_engines_error_type(transport, index):
    transport.request("PUT", (index,), body={"mappings": {"properties": {"n": {"type": "integer"}}}})
    mixed = [Create(index, "bad", b'{"n":"x"}', 7), Create(index, "good", b'{"n":1}', 8)]
    outcomes = {outcome.document.about: outcome for outcome in bulk_create(transport, mixed)}
    assert outcomes[7].error_type == "mapper_parsing_exception"
    assert outcomes[8] == Outcome(mixed[1], STORED, "", "")


@pytest.mark.parametrize("setting", ["cluster.blocks.read_only", "cluster.blocks.read_only_allow_delete"])
def test_a_cluster_that_is_read_only_as_a_whole_is_waited_out(transport, index, short_waits, setting):
    heard = []

    def free(reason):
        heard.append(reason)
        transport.request("PUT", ("_cluster", "settings"), body={"transient": {setting: None}})

    wanted = documents(index, 300)
    transport.request("PUT", ("_cluster", "settings"), body={"transient": {setting: True}})
    try:
        assert results(list(bulk_create(transport, wanted, on_wait=free))) == {STORED: 300}
    finally:
        transport.request("PUT", ("_cluster", "settings"), body={"transient": {setting: None}})
    assert "cluster_block_exception" in heard[0]
    assert count(transport, index) == 300


def test_blocks_and_limits_of_a_cluster_in_single_items_are_waited_out(short_waits):
    faults = [
        item_reply(
            (403, "cluster_block_exception", "index [i] blocked by: [FORBIDDEN/6/cluster read-only (api)];"), 201
        ),
        item_reply((403, "cluster_block_exception", "blocked by: [FORBIDDEN/10/cluster create-index blocked (api)];")),
        item_reply((400, "validation_exception", "this cluster currently has [1000]/[1000] maximum shards open;")),
        item_reply((400, "validation_exception", "this cluster has [9]/[9] maximum normal shards open;")),
        item_reply(201),
    ]
    with FaultyServer(faults) as server, Transport(ClusterConfig((server.url,))) as transport:
        assert results(list(bulk_create(transport, documents("i", 2)))) == {STORED: 2}
        assert not server.faults


def test_ids_and_indices_of_any_characters_arrive_as_they_are(short_waits):
    class Accepts(FaultyServer):
        def answer(self, received):
            return item_reply(*[201] * len(received.body.splitlines()[::2]))

    odd = ['a"b', "a\\b", "a\nb", "한글", "\U0001f600", "\ud83d", "x" * 512, "{}", ""]
    with Accepts() as server, Transport(ClusterConfig((server.url,))) as transport:
        wanted = [Create(f"i-{text}", text, b"{}") for text in odd]
        assert results(list(bulk_create(transport, wanted))) == {STORED: len(odd)}
        (received,) = server.received
    actions = [json.loads(line)["create"] for line in received.body.splitlines()[::2]]
    assert [(action["_index"], action["_id"]) for action in actions] == [(f"i-{text}", text) for text in odd]


def test_what_the_caller_raises_while_it_is_told_of_waiting_ends_the_writing(short_waits):
    class Full(FaultyServer):
        def answer(self, received):
            busy = (429, "rejected_execution_exception", "queue full")
            return item_reply(*(busy if number == 4 else 201 for number in map(int_of, sent_ids(received.body))))

    def enough(reason):
        raise TimeoutError(reason)

    seen = []
    with Full() as server, Transport(ClusterConfig((server.url,))) as transport:
        with pytest.raises(TimeoutError, match="queue full"):
            for outcome in bulk_create(transport, documents("i", 20), max_docs=3, on_wait=enough):
                seen.append(int_of(outcome.document.id))
    assert 4 not in seen
    assert {0, 1, 2, 3, 5} <= set(seen)


def test_ctrl_c_while_a_request_is_under_way_reports_what_it_stored(transport, index, monkeypatch):
    """A signal ends the wait for an answer; the answer is reported all the same."""
    waits = 0

    class Interrupted(bulk_module.Future):
        def result(self, timeout=None):
            nonlocal waits
            waits += 1
            found = super().result(timeout)
            if waits == 3:
                raise KeyboardInterrupt
            return found

    monkeypatch.setattr("concurrent.futures.thread._base.Future", Interrupted)
    seen = []
    with pytest.raises(KeyboardInterrupt):
        for outcome in bulk_create(transport, documents(index, 1_000), max_docs=50):
            seen.append(outcome.document.id)
    assert len(seen) == len(set(seen)) == count(transport, index)
    assert len(seen) >= 150
