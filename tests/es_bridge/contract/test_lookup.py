"""Events looked up on every engine: what a plain comparison of every event with every document finds, and no more."""

from __future__ import annotations

import json
import random
import threading
import uuid
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import pytest

from es_bridge.dialect import Dialect, Elasticsearch
from es_bridge.errors import (
    Aborted,
    BridgeError,
    CeilingReached,
    IndexNotAllowed,
    NothingMatched,
    PartialResult,
    QueryError,
    RejectedQuery,
)
from es_bridge.limits import Ceilings
from es_bridge.lookup.event_key import EventKey, LookupRequest, Matches
from es_bridge.lookup.lookup import Lookup
from es_bridge.lookup.match_types import MatchTypes
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from lab.front.faults import FaultyServer, Hang
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import ASKED_FOR, PLAIN, START_MS, Cluster, each_of

pytestmark = pytest.mark.fast

SECOND_MS = 1000
DAY_MS = 86_400_000
#: Few of each, so that values and times of events and documents meet often, and several documents have one time.
ADDRESSES = [f"10.0.0.{n}" for n in range(6)] + ["2001:db8::1", "web-1"]
PORTS = (22, 53, 443)


cluster = each_of(ASKED_FOR)
plain = each_of(PLAIN)


def look_up(
    transport: Transport,
    index: str,
    keys: Sequence[EventKey],
    fields: Tuple[str, ...] = ("srcaddr",),
    most: int = 100,
    ceilings: Optional[Ceilings] = None,
    **search: Any,
) -> Tuple[List[Optional[Matches]], Lookup]:
    """Return the matches of each event, and the lookup with its messages."""
    with Lookup(transport, LookupRequest(SearchRequest(index=index, **search), fields, most), ceilings) as lookup:
        found = list(lookup.answers(keys))
        lookup.finish()
    return found, lookup


def key(*values: Any, at: int = 0, before: int = 60_000, after: int = 60_000) -> EventKey:
    """Return the key of an event so many milliseconds after the start, of one value or several for each field."""
    texts = tuple((value,) if isinstance(value, str) else tuple(value) for value in values)
    return EventKey(texts, START_MS + at - before, START_MS + at + after + 1)


@pytest.fixture
def flows(cluster: Cluster) -> Tuple[str, List[Dict[str, Any]]]:
    """Two indices, in one of which addresses are text; made once an engine."""
    if not hasattr(cluster, "flows"):
        rng = random.Random(11)
        prefix = f"aws-flows-{uuid.uuid4().hex[:8]}"
        documents: List[Dict[str, Any]] = []
        for kind in ("ip", "keyword"):
            properties = {
                "@timestamp": {"type": "date"},
                "srcaddr": {"type": kind},
                "dstport": {"type": "integer"},
                "kind": {"type": "keyword"},
            }
            mappings = {"properties": properties, "dynamic": False}
            settings = {"number_of_shards": 2, "number_of_replicas": 0}
            cluster.transport.request("PUT", (f"{prefix}-{kind}",), body={"settings": settings, "mappings": mappings})
            here = [
                {
                    "@timestamp": START_MS + rng.randrange(120) * SECOND_MS,
                    "srcaddr": rng.choice(ADDRESSES if kind == "keyword" else ADDRESSES[:-1]),
                    "dstport": rng.choice(PORTS),
                    "kind": kind,
                    "id": f"{kind}{number:03d}",
                }
                for number in range(200)
            ]
            cluster.fill(f"{prefix}-{kind}", ((document["id"], document) for document in here))
            documents += here
        cluster.flows = (f"{prefix}-*", documents)  # type: ignore[attr-defined]
    return cluster.flows  # type: ignore[attr-defined]


def expected(
    documents: List[Dict[str, Any]], event: EventKey, fields: Tuple[str, ...], **having: str
) -> List[Tuple[int, str, str]]:
    """Return (time, kind, id) of what matches an event, in order, by comparing each document."""
    found = []
    for document in documents:
        values = zip(fields, event.values)
        if (
            all(str(document[field]) in wanted for field, wanted in values)
            and event.earliest_ms <= document["@timestamp"] < event.latest_ms
            and all(document[name] == value for name, value in having.items())
        ):
            found.append((document["@timestamp"], document["kind"], document["id"]))
    return sorted(found)


def told(matches: Matches) -> List[Tuple[int, str, str]]:
    return [(hit.time or 0, json.loads(hit.source)["kind"], hit.id) for hit in matches.hits]


@pytest.mark.parametrize("most", [3, 100])
@pytest.mark.parametrize("fields", [("srcaddr",), ("srcaddr", "dstport")], ids=",".join)
def test_each_event_finds_what_a_plain_comparison_finds(
    cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]], fields: Tuple[str, ...], most: int
) -> None:
    index, documents = flows
    rng = random.Random(most)
    events: List[EventKey] = []
    for _ in range(100):
        several = rng.sample(ADDRESSES, rng.choice((1, 1, 1, 2, 3)))
        values = [several, rng.choice((["443"], ["22", "53"], ["9"]))][: len(fields)]
        events.append(key(*values, at=rng.randrange(120_000), before=rng.choice((0, 500, 9000)), after=3000))
    events += rng.sample(events, 20)  # the same again
    query = {"query": "kind:ip"} if most == 3 else {}
    having = {"kind": "ip"} if most == 3 else {}
    found, lookup = look_up(cluster.transport, index, events, fields, most, **query)
    for event, matches in zip(events, found):
        assert matches is not None
        all_of_them = expected(documents, event, fields, **having)
        assert matches.matched == len(all_of_them)
        assert matches.cut == max(0, len(all_of_them) - most)
        # Which of those that share the last time come is the engine's choice.
        last = told(matches)[-1][0] if matches.hits else 0
        assert [each for each in told(matches) if each[0] < last] == [each for each in all_of_them if each[0] < last]
        assert set(told(matches)) <= set(all_of_them) and len(set(told(matches))) == min(most, len(all_of_them))
        assert told(matches) == sorted(told(matches))
        # The name of a host is no address, and text in the other index.
        assert matches.unfit == () and not matches.is_refused
    assert (lookup.matched, lookup.asked) == (sum(matches.matched for matches in found if matches), len(events))
    assert lookup.warnings == []
    assert any(matches and matches.cut for matches in found) == (most == 3)


HOSTILE = [
    "*",
    "a*",
    '"',
    'a" OR "b',
    "a OR b",
    "\\",
    "x:y",
    "/.*/",
    "[1 TO 2]",
    "0.0.0.0/0",
    "{{value}}",
    '"}}}\n{}',
    "line\nend\r\ttab",
    "\x00\x01\x7f",
    "ünïcode \u202e",
    "\U0001f600",
    "now-1d",
    "_id",
    "x" * 8000,
    "",
]


def test_values_are_values_whatever_is_in_them(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    index = cluster.create(shards=1, properties={"@timestamp": {"type": "date"}, "name": {"type": "keyword"}})
    cluster.fill(index, ((f"d{n}", {"@timestamp": START_MS + n, "name": value}) for n, value in enumerate(HOSTILE)))
    values = [*HOSTILE, "y" * 40_000]
    events = [key(value) for value in values]
    found, _ = look_up(cluster.transport, index, events, ("name",))
    finds = [*([f"d{n}"] for n in range(len(HOSTILE))), []]
    assert [[hit.id for hit in matches.hits] for matches in found if matches] == finds
    assert [matches.unfit for matches in found if matches][-1] == (("name", values[-1]),)
    # The same where nothing is known of the types: Elasticsearch then refuses the whole request for the long one.
    monkeypatch.setattr("es_bridge.lookup.lookup.match_types", lambda *_: MatchTypes(("name",), None))
    found, lookup = look_up(cluster.transport, index, events, ("name",), query="name:*")
    assert [[hit.id for hit in matches.hits] for matches in found if matches] == finds
    assert any("may not ask for the types" in text for text in lookup.notes)


NOT_HELD = {
    "ip": ["-", "0.0.0.0/0", "10.0.0.1 ", "10.0.0.*", "*", "", "fe80::1%eth0", "300.1.1.1"],
    "integer": ["-", "4.5", "9999999999", "1 OR 2", "*", "", "0x1", "٣"],
    "long": ["9223372036854775808", "1e30", "a"],
    "double": ["NaN", "Infinity", "1e999", "one"],
    "boolean": ["yes", "1", ""],
    "date": ["now", "now-1d", "2023-11-14||/y", "yesterday"],
}
HELD = {
    "ip": ["10.0.0.1", "2001:DB8:0::1"],
    "integer": ["443", "443.0", "+443", "4.43e2"],
    "long": ["9007199254740993"],
    "double": ["1.5", "1.50", "15e-1"],
    "boolean": ["true"],
    "date": ["1700000000000", "2023-11-14T22:13:20Z"],
}
STORED = {
    "ip": ["10.0.0.1", "2001:db8::1"],
    "integer": 443,
    "long": 9007199254740993,
    "double": 1.5,
    "boolean": True,
    "date": START_MS,
}


def test_a_value_that_a_type_cannot_hold_is_told_and_stops_no_other(cluster: Cluster) -> None:
    properties = {name: {"type": name} for name in STORED}
    index = cluster.create(shards=1, properties={"@timestamp": {"type": "date"}, **properties})
    cluster.fill(index, [("d", {"@timestamp": START_MS, **STORED})])
    for kind in STORED:
        events = [key(value) for value in [*NOT_HELD[kind], *HELD[kind]]]
        events.append(key([NOT_HELD[kind][0], HELD[kind][0]]))
        found, lookup = look_up(cluster.transport, index, events, (kind,))
        assert [len(matches.hits) for matches in found if matches] == [
            *(0 for _ in NOT_HELD[kind]),
            *(1 for _ in HELD[kind]),
            1,
        ], kind
        unfit = [matches.unfit for matches in found if matches]
        assert unfit == [
            *(((kind, value),) for value in NOT_HELD[kind]),
            *(() for _ in HELD[kind]),
            ((kind, NOT_HELD[kind][0]),),
        ]
        assert not any(matches.is_refused for matches in found if matches) and lookup.warnings == []


def test_what_only_the_engine_knows_it_cannot_look_for_is_told_and_stops_no_other(cluster: Cluster) -> None:
    properties = {"@timestamp": {"type": "date"}, "place": {"type": "geo_point"}, "name": {"type": "keyword"}}
    index = cluster.create(shards=1, properties=properties)
    cluster.fill(index, [("d", {"@timestamp": START_MS, "name": "x"})])
    found, _ = look_up(cluster.transport, index, [key("1,2"), key("3,4")], ("place",), query="name:x")
    assert [(matches.matched, matches.is_refused) for matches in found if matches] == [(0, True), (0, True)]


def test_a_query_that_cannot_be_read_is_no_fault_of_the_events(
    cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]]
) -> None:
    with pytest.raises(RejectedQuery, match="cannot be read"):
        look_up(cluster.transport, flows[0], [key("10.0.0.1")], query="kind:(ip", unknown_fields="ignore")


@pytest.mark.parametrize("how", ["warn", "fail", "ignore"])
def test_a_field_that_is_not_there_is_told(cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]], how: str) -> None:
    def ask() -> Lookup:
        fields = ("srcadr", "dstport")
        return look_up(cluster.transport, flows[0], [key("10.0.0.1", "443")], fields, unknown_fields=how)[1]

    if how == "fail":
        with pytest.raises(QueryError, match="no searchable field 'srcadr'|has a searchable field 'srcadr'"):
            ask()
        return
    lookup = ask()
    assert lookup.matched == 0
    assert [("'srcadr'" in text, "srcaddr" in text) for text in lookup.warnings] == ([(True, True)] * (how == "warn"))


def test_a_field_of_words_is_told(cluster: Cluster) -> None:
    index = cluster.create(properties={"@timestamp": {"type": "date"}, "note": {"type": "text"}})
    _, lookup = look_up(cluster.transport, index, [key("a b")], ("note",))
    (warning,) = lookup.warnings
    assert "'note' holds text that is taken apart into words" in warning


def test_a_query_that_can_match_nothing_is_told(cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]]) -> None:
    _, lookup = look_up(cluster.transport, flows[0], [key("10.0.0.1")], query="knd:ip")
    assert any("knd" in text for text in lookup.warnings) and lookup.unmatched == "1"
    with pytest.raises(QueryError, match="knd"):
        look_up(cluster.transport, flows[0], [key("10.0.0.1")], query="knd:ip", unknown_fields="fail")


def test_members_of_an_object_indexed_as_a_whole(cluster: Cluster) -> None:
    """Their values are found; no mapping knows their names, so one that no document has is told in the end."""
    kind = {"elasticsearch-8.15": "flattened", "elasticsearch-9.0": "flattened"}.get(cluster.id, "flat_object")
    if cluster.id in ("elasticsearch-7.10.2", "opensearch-1.3"):
        pytest.skip("no such type here")
    index = cluster.create(properties={"@timestamp": {"type": "date"}, "params": {"type": kind}})
    cluster.fill(index, [("d", {"@timestamp": START_MS, "params": {"bucket": "x*", "deep": {"key": "0.0.0.0/0"}}})])
    for field, value in (("params.bucket", "x*"), ("params.deep.key", "0.0.0.0/0"), ("params.bucket", "x")):
        found, lookup = look_up(cluster.transport, index, [key(value)], (field,))
        assert [len(matches.hits) for matches in found if matches] == [int(value != "x")], field
        assert lookup.warnings == []
    for search in ({"fields": ("params.bukket",)}, {"fields": ("params.bucket",), "query": "params.bukket:x"}):
        _, lookup = look_up(cluster.transport, index, [key("x*")], **search)  # type: ignore[arg-type]
        assert ["'params.bukket'" in text for text in lookup.warnings] == [True]


def test_times_of_nanoseconds_are_compared_by_the_millisecond(cluster: Cluster) -> None:
    prefix = f"aws-nanos-{uuid.uuid4().hex[:8]}"
    for kind in ("date", "date_nanos"):
        properties = {"@timestamp": {"type": kind}, "name": {"type": "keyword"}}
        cluster.transport.request("PUT", (f"{prefix}-{kind}",), body={"mappings": {"properties": properties}})
    moment = "2023-11-14T22:13:20"  # the start
    cluster.fill(f"{prefix}-date", [("ms", {"@timestamp": f"{moment}.001Z", "name": "a"})])
    cluster.fill(
        f"{prefix}-date_nanos",
        [(f"ns{n}", {"@timestamp": f"{moment}.001{n:06d}Z", "name": "a"}) for n in (999_999, 1)],
    )
    events = [
        key("a", at=1, before=0, after=0),
        key("a", before=2 * START_MS, after=0),
        key("a", before=0, after=10**13),
    ]
    found, lookup = look_up(cluster.transport, f"{prefix}-*", events, ("name",))
    assert [[hit.id for hit in matches.hits] for matches in found if matches] == [
        ["ms", "ns1", "ns999999"],
        [],
        ["ms", "ns1", "ns999999"],
    ]
    assert lookup.ticks_per_s == 10**9


@pytest.mark.parametrize(
    "remembered", [Dialect((2, 19, 4), "2.19.4"), Elasticsearch((9, 0, 1), "9.0.1", "default")], ids=str
)
def test_a_remembered_engine_that_is_another_one_costs_no_match(
    cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]], remembered: Dialect
) -> None:
    index, documents = flows
    events = [key(address, at=60_000) for address in ADDRESSES]
    request = LookupRequest(SearchRequest(index=index), ("srcaddr",))
    with Lookup(cluster.transport, request, remembered=remembered) as lookup:
        found = list(lookup.answers(events))
        lookup.finish()
    assert [told(matches) for matches in found if matches] == [expected(documents, e, ("srcaddr",)) for e in events]
    if cluster.id.startswith("elasticsearch") and remembered.name == "opensearch":
        assert lookup.engine.startswith("elasticsearch") and lookup.learnt is not None


def test_nothing_to_look_up_finds_out_what_is_wrong_all_the_same(cluster: Cluster) -> None:
    with pytest.raises(NothingMatched, match="names no index that exists"):
        look_up(cluster.transport, f"aws-none-{uuid.uuid4().hex}", [])
    assert look_up(cluster.transport, cluster.create(properties={"@timestamp": {"type": "date"}}), [])[0] == []


def test_an_index_that_may_not_be_read_is_refused(cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]]) -> None:
    index = flows[0]
    narrow = index.replace("*", "ip")
    with pytest.raises(IndexNotAllowed):
        look_up(cluster.transport, index, [key("10.0.0.1")], allowed_indices=(narrow,))
    found, _ = look_up(cluster.transport, narrow, [key("10.0.0.1")], allowed_indices=(index.replace("*", "i*"),))
    assert found[0] and {hit.index for hit in found[0].hits} == {narrow}


class Between(LocalServer):
    """Passes requests on, and before the first ``_msearch`` does something behind the back of who asks."""

    def __init__(self, upstream: str, change: Callable[[], None]) -> None:
        self.upstream = upstream
        self.change: Optional[Callable[[], None]] = change
        super().__init__()

    def answer(self, received: Received) -> Reply:
        if "_msearch" in received.target and self.change:
            change, self.change = self.change, None
            change()
        return forward(self.upstream, received)


@pytest.mark.parametrize("most", [1, 100])
def test_what_an_alias_gets_after_the_check_is_neither_shown_nor_counted(plain: Cluster, most: int) -> None:
    u = uuid.uuid4().hex[:8]
    for name, at in ((f"aws-{u}-mine", 0), (f"sec-{u}-theirs", -5)):
        properties = {"@timestamp": {"type": "date"}, "name": {"type": "keyword"}}
        plain.transport.request("PUT", (name,), body={"mappings": {"properties": properties}})
        plain.fill(name, ((f"{name}-{n}", {"@timestamp": START_MS + at + n, "name": "x"}) for n in range(3)))

    def add(index: str) -> None:
        actions = [{"add": {"index": index, "alias": f"aws-{u}-alias"}}]
        plain.transport.request("POST", ("_aliases",), body={"actions": actions})

    add(f"aws-{u}-mine")
    with Between(plain.config.hosts[0], lambda: add(f"sec-{u}-theirs")) as between:
        transport = Transport(replace(plain.config, hosts=(between.url,)))
        found, lookup = look_up(
            transport, f"aws-{u}-alias", [key("x")], ("name",), most, allowed_indices=(f"aws-{u}-*",)
        )
        assert between.change is None
    assert found[0] and found[0].matched == lookup.matched == 3
    assert {hit.index for hit in found[0].hits} == {f"aws-{u}-mine"}


class Crowded(LocalServer):
    """Passes requests on; of the first answers to many searches it says of every second one that there was no room."""

    def __init__(self, upstream: str, times: int) -> None:
        self.upstream = upstream
        self.times = times
        super().__init__()

    def answer(self, received: Received) -> Reply:
        reply = forward(self.upstream, received)
        if "_msearch" not in received.target or not self.times:
            return reply
        self.times -= 1
        decoded = json.loads(reply.body)
        error = {"type": "es_rejected_execution_exception", "reason": "rejected execution"}
        decoded["responses"][::2] = [{"error": error, "status": 429} for _ in decoded["responses"][::2]]
        return Reply(200, json.dumps(decoded, separators=(",", ":")).encode())


def test_searches_that_found_no_room_are_asked_again(plain: Cluster) -> None:
    index = plain.create(properties={"@timestamp": {"type": "date"}, "name": {"type": "keyword"}})
    plain.fill(index, ((f"d{n}", {"@timestamp": START_MS, "name": f"n{n}"}) for n in range(9)))
    events = [key(f"n{n}") for n in range(9)]
    with Crowded(plain.config.hosts[0], 2) as crowded:
        transport = Transport(replace(plain.config, hosts=(crowded.url,)))
        found, _ = look_up(transport, index, events, ("name",))
        assert [[hit.id for hit in matches.hits] for matches in found if matches] == [[f"d{n}"] for n in range(9)]
        crowded.times = 10**6
        with pytest.raises(BridgeError, match="overloaded"):
            look_up(Transport(replace(plain.config, hosts=(crowded.url,), max_retries=1)), index, events, ("name",))


class TestCeilings:
    @pytest.mark.parametrize("max_rows", [1, 7, 1000])
    def test_rows(self, cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]], max_rows: int) -> None:
        index, documents = flows
        events = [key(address, at=60_000) for address in ADDRESSES]
        found, lookup = look_up(cluster.transport, index, events, ceilings=Ceilings(max_rows=max_rows))
        whole = [len(expected(documents, event, ("srcaddr",))) for event in events]
        assert [matches.matched for matches in found if matches] == whole
        assert sum(len(matches.hits) for matches in found if matches) == lookup.emitted == min(max_rows, sum(whole))
        assert [f"max_rows = {max_rows}" in text for text in lookup.warnings] == [True] * (max_rows < sum(whole))

    @pytest.mark.parametrize("partial", ["fail", "allow"])
    def test_mib(self, cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]], partial: str) -> None:
        events = [key(address, at=at) for at in range(20) for address in ADDRESSES]
        transport = Transport(cluster.config)

        def ask() -> Tuple[List[Optional[Matches]], Lookup]:
            return look_up(transport, flows[0], events, ceilings=Ceilings(max_mib=0.05), partial=partial)

        if partial == "fail":
            with pytest.raises(CeilingReached, match="max_mib = 0.05"):
                ask()
            return
        found, lookup = ask()
        looked_up = [matches for matches in found if matches is not None]
        assert 0 < len(looked_up) < len(found) == len(events)
        assert found[: len(looked_up)] == looked_up and lookup.asked == len(looked_up)
        assert any("max_mib = 0.05" in text and "were not looked up" in text for text in lookup.warnings)

    @pytest.mark.parametrize("partial", ["fail", "allow"])
    def test_run_time(self, plain: Cluster, flows_of: Callable[[Cluster], str], partial: str) -> None:
        with FaultyServer([None, None, None, Hang()], upstream=plain.config.hosts[0]) as server:
            transport = Transport(replace(plain.config, hosts=(server.url,)))
            ceilings = Ceilings(max_run_time_s=0.5)
            ask = lambda: look_up(transport, flows_of(plain), [key("10.0.0.1")], ceilings=ceilings, partial=partial)  # noqa: E731
            if partial == "fail":
                with pytest.raises(CeilingReached, match="max_run_time_s = 0.5"):
                    ask()
                return
            found, lookup = ask()
        assert found == [None]
        assert any("max_run_time_s = 0.5" in text for text in lookup.warnings)


@pytest.fixture
def flows_of() -> Callable[[Cluster], str]:
    """Return a function that gives an index of flows on an engine."""

    def make(cluster: Cluster) -> str:
        index = cluster.create(properties={"@timestamp": {"type": "date"}, "srcaddr": {"type": "ip"}})
        cluster.fill(index, [("d", {"@timestamp": START_MS, "srcaddr": "10.0.0.1"})])
        return index

    return make


def test_closed_by_another_thread_while_the_engine_does_not_answer(
    plain: Cluster, flows_of: Callable[[Cluster], str]
) -> None:
    index = flows_of(plain)
    with FaultyServer([None, None, None, Hang()], upstream=plain.config.hosts[0]) as server:
        transport = Transport(replace(plain.config, hosts=(server.url,)))
        lookup = Lookup(transport, LookupRequest(SearchRequest(index=index), ("srcaddr",)))
        threading.Thread(target=lambda: (server.hanging.wait(30), lookup.close())).start()
        with pytest.raises(Aborted):
            list(lookup.answers([key("10.0.0.1")]))
        lookup.close()


def test_a_reply_that_is_too_large_is_asked_for_in_parts(
    cluster: Cluster, flows: Tuple[str, List[Dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    index, documents = flows
    events = [key(address, at=60_000) for address in ADDRESSES]
    monkeypatch.setattr("es_bridge.lookup.batch.page_bytes", lambda docs: 40_000)
    before = cluster.transport.requests_sent
    found, _ = look_up(cluster.transport, index, events)
    assert [told(matches) for matches in found if matches] == [expected(documents, e, ("srcaddr",)) for e in events]
    assert cluster.transport.requests_sent > before + 4


def test_days_that_events_touch_and_the_store_does_not_hold_are_named(cluster: Cluster) -> None:
    prefix = f"aws-d{uuid.uuid4().hex[:8]}"
    today = datetime.now(timezone.utc).date()
    days = [today - timedelta(back) for back in (9, 8, 7, 6, 5)]

    def noon(day: date) -> int:
        return int(datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc).timestamp() * 1000) - START_MS

    for number in (0, 1, 4):
        name = f"{prefix}-{days[number]:%Y.%m.%d}"
        properties = {"@timestamp": {"type": "date"}, "name": {"type": "keyword"}}
        cluster.transport.request("PUT", (name,), body={"mappings": {"properties": properties}})
    for touched, named in (((0, 4), ()), ((0, 3, 4), (3,)), ((2, 3), (2, 3))):
        events = [key("a", at=noon(days[number])) for number in touched]
        _, lookup = look_up(cluster.transport, f"{prefix}-*", events, ("name",))
        said = " ".join(text for text in lookup.warnings if "beyond what the store holds" in text)
        assert [number for number in range(5) if str(days[number]) in said] == list(named)


def test_failed_shards_fail_it_or_are_told(plain: Cluster, flows_of: Callable[[Cluster], str]) -> None:
    class HalfOfTheShards(LocalServer):
        def answer(self, received: Received) -> Reply:
            reply = forward(plain.config.hosts[0], received)
            if "_msearch" not in received.target:
                return reply
            decoded = json.loads(reply.body)
            for response in decoded["responses"]:
                response["_shards"]["failed"] = 1
            return Reply(200, json.dumps(decoded, separators=(",", ":")).encode())

    index = flows_of(plain)
    with HalfOfTheShards() as server:
        transport = Transport(replace(plain.config, hosts=(server.url,)))
        with pytest.raises(PartialResult, match="shards failed"):
            look_up(transport, index, [key("10.0.0.1")])
        found, lookup = look_up(transport, index, [key("10.0.0.1")], partial="allow")
    assert found[0] and found[0].matched == 1
    assert [text for text in lookup.warnings if "shards failed" in text]


@pytest.mark.parametrize(
    ("fields", "most"),
    [((), 1), (("a*",), 1), (("_id",), 1), (("a", "a"), 1), (("a,b",), 1), (("a",), 0), (("a",), 10_001)],
)
def test_what_cannot_be_asked_is_an_error_before_anything_is_sent(fields: Tuple[str, ...], most: int) -> None:
    with pytest.raises(QueryError):
        LookupRequest(SearchRequest(index="aws-x"), fields, most).checked()
