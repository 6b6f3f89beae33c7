"""Aggregations on every engine: what a plain loop over the documents computes, exactly."""

from __future__ import annotations

import os
import random
import threading
import uuid
from functools import cache
from typing import Any, Dict, List, Optional, Tuple

import pytest

from es_bridge.aggregations import reading
from es_bridge.aggregations import top as choosing
from es_bridge.aggregations.request import stats_request
from es_bridge.aggregations.statistics import Statistics
from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError, CeilingReached, IndexNotAllowed, QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import PLAIN, START_MS, Cluster, each_of

#: Values of `id` make several pages of 10,000 groups of either number.
EVENTS = 200_000 if os.environ.get("AWS_SIEM_BRIDGE_FULL") else 8_000
#: Values of `id`: each event has three of its own, so there are three times as many groups as events.
IDS = 3
SEED = 11
PROPERTIES = {
    "@timestamp": {"type": "date"},
    "name": {"type": "keyword"},
    "user": {"type": "keyword"},
    "id": {"type": "keyword"},
    "n": {"type": "long"},
    "x": {"type": "double"},
    "ok": {"type": "boolean"},
    "ip": {"type": "ip"},
    "when": {"type": "date"},
    "start": {"type": "date", "format": "epoch_second"},
}
_filled: Dict[str, str] = {}

cluster = each_of(PLAIN)


@cache
def events() -> List[Tuple[str, Dict[str, Any]]]:
    """Return (id, document): missing fields, several values, ties in time, groups without any number."""
    made = []
    chance = random.Random(SEED)
    for number in range(EVENTS):
        # Ten events a second, so that many are at the same time.
        document: Dict[str, Any] = {"@timestamp": START_MS + number // 10 * 1000}
        name = f"name-{chance.randrange(40)}"
        if chance.random() < 0.95:
            document["name"] = name
        if chance.random() < 0.9:
            users = chance.sample(range(300), chance.choice((1, 1, 1, 2, 3)))
            document["user"] = [f"user {user} é" for user in users] if users[1:] else f"user {users[0]} é"
        document["id"] = [f"{number}-{each}" for each in range(IDS)]
        if name not in ("name-7", "name-13") and chance.random() < 0.8:
            document["n"] = chance.randrange(-50, 10_000)
            document["x"] = chance.randrange(1000) / 8
        if chance.random() < 0.7:
            document["ok"] = chance.random() < 0.5
        document["ip"] = f"10.{chance.randrange(3)}.0.{chance.randrange(50)}"
        document["text"] = f"a text {chance.randrange(5)}"
        document["when"] = f"2026-11-21T10:00:{chance.randrange(60):02d}Z"
        document["start"] = 1_700_000_000 + chance.randrange(100)
        made.append((str(number), document))
    return made


@pytest.fixture
def index(cluster: Cluster) -> str:
    if cluster.id not in _filled:
        _filled[cluster.id] = cluster.create(properties=PROPERTIES)
        cluster.fill(_filled[cluster.id], events())
    return _filled[cluster.id]


def texts(value: Any) -> List[str]:
    """Return the values of a field as | elasticsearch gives them."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text for each in value for text in texts(each)]
    if isinstance(value, bool):
        return ["true" if value else "false"]
    return [str(value)]


def number(text: str) -> Optional[float]:
    try:
        return float(text)
    except ValueError:
        return None


def measured(function: str, field: str, rows: List[Dict[str, Any]]) -> Any:
    """Return one aggregate of documents, as Splunk's manual describes it."""
    if not field:
        return len(rows)
    values = [text for row in rows for text in texts(row.get(field))]
    numbers = [found for found in map(number, values) if found is not None]
    if function == "count":
        return len(values)
    if function == "dc":
        return len(set(values))
    if function == "values":
        return sorted(set(values)) or None
    if function in ("min", "max"):
        chosen: Any = min if function == "min" else max
        whole = numbers if len(numbers) == len(values) else values
        return chosen(whole) if whole else None
    if function in ("sum", "avg"):
        return (sum(numbers) / (len(numbers) if function == "avg" else 1)) if numbers else None
    timed = [row for row in rows if texts(row.get(field))]
    if not timed:
        return None
    at = (min if function == "earliest" else max)(row["@timestamp"] for row in timed)
    return sorted({text for row in timed if row["@timestamp"] == at for text in texts(row[field])})


@cache
def expected(
    measures: Tuple[Tuple[str, str], ...], by: Tuple[str, ...], span_s: int
) -> Dict[Tuple[str, ...], List[Any]]:
    """Return group -> aggregates."""
    groups: Dict[Tuple[str, ...], List[Dict[str, Any]]] = {} if by or span_s else {(): []}
    for _, row in events():
        keys: List[Tuple[str, ...]] = [(str(row["@timestamp"] // 1000 // span_s * span_s),) if span_s else ()]
        for field in by:
            keys = [(*key, text) for key in keys for text in texts(row.get(field))]
        for key in keys:
            groups.setdefault(key, []).append(row)
    return {key: [measured(*measure, rows) for measure in measures] for key, rows in groups.items()}


def ask(cluster: Cluster, index: str, **options: Any) -> Tuple[List[Dict[str, Any]], Statistics]:
    """Return the rows of an aggregation, and the aggregation with its messages."""
    more = {name: options.pop(name) for name in ("ceilings",) if name in options}
    transport = options.pop("transport", cluster.transport)
    names = ("stats", "by", "span", "where", "sort", "limit", "top", "zone")
    stats = stats_request(**{name: options.pop(name) for name in names if name in options})
    with Statistics(transport, SearchRequest(index=index, size=0, **options), stats, **more) as statistics:
        rows = [row for page in statistics for row in page]
    assert statistics.emitted == len(rows)
    return rows, statistics


QUESTIONS = [
    ("count", "", ""),
    ("count, count(user), dc(user), sum(n), min(n), max(n), avg(n), min(x), avg(x), sum(x)", "", ""),
    ("count, dc(user), dc(ip), sum(n), avg(n), min(x), max(x), values(text), count(n)", "name", ""),
    ("count, dc(name), values(ok), min(name), max(user), earliest(user), latest(name)", "user", ""),
    ("count, sum(n), latest(n)", "name, ok", ""),
    ("count, dc(user), max(when), min(start), values(start)", "text", "5m"),
    ("count, earliest(when)", "ip, name", "1h"),
    ("count", "when", ""),
    ("count, sum(start)", "start", "30s"),
    ("count, values(n)", "x", ""),
]


@pytest.mark.parametrize(("stats", "by", "span"), QUESTIONS)
def test_equals_a_loop_over_the_documents(cluster: Cluster, index: str, stats: str, by: str, span: str) -> None:
    rows, statistics = ask(cluster, index, stats=stats, by=by, span=span)
    measures = tuple((part.partition("(")[0], part.partition("(")[2].rstrip(")")) for part in stats.split(", "))
    fields = tuple(by.split(", ")) if by else ()
    wanted = expected(measures, fields, {"5m": 300, "1h": 3600, "30s": 30, "": 0}[span])
    found: Dict[Tuple[str, ...], Dict[str, Any]] = {}
    for row in rows:
        key = tuple(str(row[name]) for name in (*(("_time",) if span else ()), *fields))
        assert key not in found, "a group came twice"
        found[key] = row
    if by == "x":  # shown in the shortest form
        found = {(str(float(key[0])),): row for key, row in found.items()}
    assert found.keys() == wanted.keys()
    for key, aggregates in wanted.items():
        for column, (function, _), value in zip(stats.split(", "), measures, aggregates):
            got = found[key].get(column)
            if function in ("earliest", "latest") and value:
                assert str(got) in value, (key, column)
            elif isinstance(value, float):
                assert got == pytest.approx(value, rel=1e-12), (key, column)
            elif isinstance(value, list):
                assert (got if isinstance(got, list) else [got]) == value, (key, column)
            else:
                assert got == value, (key, column)
    assert statistics.matched == EVENTS
    assert statistics.warnings == []
    assert any("pages may shift" in note for note in statistics.notes) != cluster.has_pit
    assert any("several values" in note for note in statistics.notes) == ("user" in fields)


def test_every_bucket_comes(cluster: Cluster, index: str) -> None:
    rows, statistics = ask(cluster, index, by="id", where="count = 1", sort="-id")
    ids = {f"{number}-{each}" for number in range(EVENTS) for each in range(IDS)}
    assert [row["id"] for row in rows] == sorted(ids, reverse=True)
    assert (statistics.matched, statistics.cut, statistics.warnings) == (EVENTS, 0, [])


def test_a_limit_cuts_sorted_rows_and_says_so(cluster: Cluster, index: str) -> None:
    rows, statistics = ask(cluster, index, stats="count, max(n) as most", by="user", sort="-most, user", limit=3)
    everything, _ = ask(cluster, index, stats="count, max(n) as most", by="user")
    assert rows == sorted(everything, key=lambda row: (-row["most"], row["user"]))[:3]
    assert statistics.cut == 297
    assert statistics.warnings == ["300 rows, the first 3 are returned (limit=3). Use limit=0 for all"]


@pytest.mark.parametrize(
    ("stats", "by", "top", "fields", "within", "rank"),
    [
        ("count, dc(ip)", "user, name", "4 user by name", ("user",), "name", "count"),
        ("count, max(n) as most", "name", "3 name on most", ("name",), "", "most"),
        ("count, sum(n) as all", "name, ip", "2 name ip on all", ("name", "ip"), "", "all"),
        ("count, values(name)", "ip, n", "5 n", ("n",), "", "count"),
    ],
)
def test_top_gives_the_groups_of_the_best_values(
    cluster: Cluster, index: str, stats: str, by: str, top: str, fields: Tuple[str, ...], within: str, rank: str
) -> None:
    """Exact rows of the best values, which a ranking of all groups finds, too."""
    everything, whole = ask(cluster, index, stats=stats, by=by)
    rows, statistics = ask(cluster, index, stats=stats, by=by, top=top)
    assert statistics.matched == whole.matched == EVENTS and statistics.warnings == []
    of = len({row[fields[0]] for row in everything})
    assert [row.pop("top_of") for row in rows] == pytest.approx([of] * len(rows), rel=0.05)
    chosen = {tuple(row[name] for name in fields) for row in rows}
    assert rows == [row for row in everything if tuple(row[name] for name in fields) in chosen]
    number, totals = int(top.partition(" ")[0]), ranked(fields, within, rank)
    for part in totals.values():
        best = sorted(part.values(), reverse=True)[:number]
        if len(fields) == 1:  # of several the first is ranked first
            assert {key for key, value in part.items() if value > best[-1]} <= {tuple(map(str, key)) for key in chosen}
    if not within:
        assert len(chosen) == number


@cache
def ranked(fields: Tuple[str, ...], within: str, rank: str) -> Dict[str, Dict[Tuple[str, ...], float]]:
    """Return value of ``within`` -> values of ``fields`` -> what they are ranked on."""
    found: Dict[str, Dict[Tuple[str, ...], float]] = {}
    measure = {"count": ("count", ""), "most": ("max", "n"), "all": ("sum", "n")}[rank]
    for key, (value,) in expected((measure,), (*fields, *([within] if within else [])), 0).items():
        found.setdefault(key[len(fields)] if within else "", {})[key[: len(fields)]] = value or 0
    return found


def test_top_says_what_it_does_not_know(cluster: Cluster, index: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, statistics = ask(cluster, index, by="id", top="2 id")
    assert len(rows) == 2 and "top_of: estimated by the engine, usually within a few percent" in statistics.notes
    assert rows[0]["top_of"] == pytest.approx(EVENTS * IDS, rel=0.1)
    monkeypatch.setattr(choosing, "_LEAST_OF_A_SHARD", 1)
    monkeypatch.setattr(choosing, "_EACH_SHARD", 1)
    _, statistics = ask(cluster, index, by="user", top="1 user")
    assert any(note.startswith("top: a value of user with up to") for note in statistics.notes)
    nothing = {"query": "name:nobody", "unknown_fields": "ignore"}
    assert ask(cluster, index, by="user", top="1 user", **nothing)[0] == []
    assert ask(cluster, index, by="nosuch", top="1 nosuch", unknown_fields="ignore")[0] == []
    with pytest.raises(QueryError, match="ok is of type boolean"):
        ask(cluster, index, by="ok", top="1 ok")


def test_estdc_is_the_engines_estimate(cluster: Cluster, index: str) -> None:
    rows, statistics = ask(
        cluster, index, stats="dc(ip) as exact, estdc(ip) as ips, estdc(id) as ids, count", by="name"
    )
    for row in rows:
        assert row["ips"] == row["exact"] and row["ids"] == pytest.approx(row["count"] * IDS, rel=0.1)
    assert statistics.warnings == []


@pytest.mark.parametrize("by", ["", "name"])
def test_beyond_the_limit_distinct_values_are_estimated_and_marked(
    cluster: Cluster, index: str, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_VALUES", 5000)
    rows, statistics = ask(cluster, index, stats="count, dc(id) as ids, dc(ok)", by=by)
    (warning,) = statistics.warnings
    assert warning.startswith("ids: estimated")
    for row in rows:
        assert row["ids"] == pytest.approx(row["count"] * IDS, rel=0.1)
        assert row["dc(ok)"] == 2
    with pytest.raises(QueryError, match=r"values\(id\) would read more than 5000 different values"):
        ask(cluster, index, stats="values(id)", by=by)


def test_nothing_matches(cluster: Cluster, index: str) -> None:
    nothing = {"query": "name:nobody", "unknown_fields": "ignore"}
    rows, statistics = ask(cluster, index, stats="count, dc(user), sum(n), values(user), max(n)", **nothing)
    assert (rows, statistics.matched) == ([{"count": 0, "dc(user)": 0}], 0)
    assert ask(cluster, index, stats="count", by="user", **nothing)[0] == []
    assert ask(cluster, index, stats="count", span="1h", **nothing)[0] == []


def test_what_is_written_meanwhile_is_not_counted_where_there_is_a_point_in_time(cluster: Cluster) -> None:
    index = cluster.create(properties=PROPERTIES)
    cluster.fill(index, ((f"a{n}", {"@timestamp": START_MS, "id": f"a{n}"}) for n in range(12_000)))
    stop = threading.Event()
    written = []

    def write() -> None:
        while not stop.is_set():
            number = len(written)
            cluster.fill(index, [(f"b{number}", {"@timestamp": START_MS, "id": f"a{number * 7}-b"})])
            written.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while not written:
            stop.wait(0.01)
        rows, statistics = ask(cluster, index, stats="count, dc(id) as ids", by="id")
    finally:
        stop.set()
        writer.join()
    assert len(rows) == len({row["id"] for row in rows})
    if cluster.has_pit:
        assert len(rows) == statistics.matched
        assert all(row["count"] == row["ids"] == 1 for row in rows)
    else:
        assert len(rows) >= 12_000


def types_index(cluster: Cluster) -> str:
    """Return an index with fields whose values an aggregation does not see as the events have them."""
    whole = "flattened" if cluster.id in ("elasticsearch-8.15", "elasticsearch-9.0") else "flat_object"
    properties: Dict[str, Any] = {
        **PROPERTIES,
        "short": {"type": "keyword", "ignore_above": 5},
        "port": {"type": "integer", "ignore_malformed": True},
        "float": {"type": "float"},
        "domain": {"type": "keyword", "normalizer": "lowercase"},
        "level": {"type": "keyword", "null_value": "none"},
        "nanos": {"type": "date_nanos"},
        "parts": {"type": "nested", "properties": {"name": {"type": "keyword"}}},
        "stored": {"type": "object", "enabled": False},
    }
    if cluster.id not in ("elasticsearch-7.10.2", "opensearch-1.3"):
        properties["whole"] = {"type": whole}
    index = cluster.create(properties=properties)
    document = {
        "@timestamp": START_MS,
        "short": "abc",
        "port": 443,
        "float": 0.1,
        "domain": "Web.Example",
        "level": "low",
        "ip": "2001:DB8:0::1",
        "ok": "true",
        "nanos": "2026-11-21T10:00:00.123456789Z",
        "parts": [{"name": "a"}],
        "stored": {"name": "a"},
        "when": "2026-11-21T10:00:00.5+00:00",
        "whole": {"name": "a", "count": 5},
        "text": "a text",
    }
    others = [
        {"short": "too long", "port": "https", "text": "b" * 300},
        {"short": ""},
        {"short": ["abc", "abc", "def"]},
    ]
    cluster.fill(index, ((str(n), {**document, **other}) for n, other in enumerate([{}, *others])))
    return index


def test_types_are_converted_back_or_said(cluster: Cluster) -> None:
    index = types_index(cluster)
    rows, _ = ask(cluster, index, by="ip, ok, when, float")
    assert rows == [{"ip": "2001:db8::1", "ok": "true", "when": "2026-11-21T10:00:00.500Z", "float": "0.1", "count": 4}]
    _, said = ask(cluster, index, by="ip")
    assert any("all spellings of one address count as one" in note for note in said.notes)
    _, said = ask(cluster, index, by="when")
    assert any("all spellings of one instant count as one" in note for note in said.notes)
    rows, said = ask(cluster, index, by="domain")
    assert rows == [{"domain": "web.example", "count": 4}] and not said.warnings
    assert any("domain is indexed in small letters" in note for note in said.notes)
    _, said = ask(cluster, index, by="level")
    assert any("level has a null_value in its mapping" in warning for warning in said.warnings)
    _, said = ask(cluster, index, stats="sum(float)")
    assert any("fewer digits than the events" in note for note in said.notes)
    # An empty text is no value in Splunk; one that is too long is not indexed; what is twice in a list is once there.
    rows, said = ask(cluster, index, stats="count, count(short)", by="short")
    assert rows == [
        {"short": "abc", "count": 2, "count(short)": 3},
        {"short": "def", "count": 1, "count(short)": 2},
    ]
    assert any("the groups count 1 events more" in note for note in said.notes)
    assert any("short has 1 values more than events" in note for note in said.notes)
    marks = cluster.id in ("elasticsearch-8.15", "elasticsearch-9.0")
    assert any("1 events have a value of short that is not indexed" in text for text in said.warnings) == marks
    assert any("1 events count as without short" in note for note in said.notes) != marks
    _, said = ask(cluster, index, stats="max(port)")
    assert any("1 events have a value of port that is not indexed" in text for text in said.warnings)
    rows, said = ask(cluster, index, by="text")
    assert rows == [{"text": "a text", "count": 3}]
    assert any("1 events have a value of text that is not indexed" in text for text in said.warnings)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"by": "parts.name"}, "nested"),
        ({"by": "nanos"}, "date_nanos"),
        ({"by": "sourcetype"}, "made by | elasticsearch"),
        ({"by": "_id"}, "engine's own"),
        ({"stats": "sum(when)"}, "of type date"),
        ({"stats": "avg(ok)"}, "of type boolean"),
        ({"by": "stored.name", "unknown_fields": "fail"}, "stored there and not indexed"),
        ({"by": "wheen", "unknown_fields": "fail"}, "Write instead: when"),
    ],
)
def test_what_cannot_be_counted_is_refused(cluster: Cluster, options: Dict[str, str], said: str) -> None:
    with pytest.raises(QueryError, match=said.replace("|", r"\|")):
        ask(cluster, types_index_once(cluster), **options)


_types: Dict[str, str] = {}


def types_index_once(cluster: Cluster) -> str:
    if cluster.id not in _types:
        _types[cluster.id] = types_index(cluster)
    return _types[cluster.id]


def test_members_of_an_object_that_is_indexed_as_a_whole(cluster: Cluster) -> None:
    index = types_index_once(cluster)
    if cluster.id in ("elasticsearch-7.10.2", "opensearch-1.3"):  # the object is mapped member by member
        rows, _ = ask(cluster, index, stats="count, sum(whole.count)", by="whole.name")
        assert rows == [{"whole.name": "a", "count": 4, "sum(whole.count)": 20}]
    elif cluster.id.startswith("elasticsearch"):
        rows, _ = ask(cluster, index, stats="count, sum(whole.count), count(whole.name)", by="whole.name")
        assert rows == [{"whole.name": "a", "count": 4, "sum(whole.count)": 20, "count(whole.name)": 4}]
        with pytest.raises(QueryError, match="name one of its members"):
            ask(cluster, index, by="whole")
    else:
        for options in ({"by": "whole.name"}, {"stats": "dc(whole.name)"}, {"by": "whole"}):
            with pytest.raises(QueryError, match="flat_object"):
                ask(cluster, index, **options)


def test_one_name_of_several_types(cluster: Cluster) -> None:
    tag = "aws-t-" + uuid.uuid4().hex[:8]
    for number, kind in enumerate(("keyword", "long", "double")):
        body = {"mappings": {"properties": {"@timestamp": {"type": "date"}, "v": {"type": kind}}}}
        cluster.transport.request("PUT", (f"{tag}-{number}",), body=body)
        cluster.fill(f"{tag}-{number}", [("1", {"@timestamp": START_MS, "v": 1})])
    cluster.transport.request("PUT", (f"{tag}-3",), body={"mappings": {"properties": {"@timestamp": {"type": "date"}}}})
    cluster.fill(f"{tag}-3", [("1", {"@timestamp": START_MS})])
    with pytest.raises(QueryError, match=f"keyword in {tag}-0, long in {tag}-1"):
        ask(cluster, f"{tag}-0,{tag}-1", by="v")
    with pytest.raises(QueryError, match="of several types"):
        ask(cluster, f"{tag}-1,{tag}-2", by="v")
    assert ask(cluster, f"{tag}-1,{tag}-2", stats="sum(v)")[0] == [{"sum(v)": 2}]
    # An index without the field has no part in it.
    assert ask(cluster, f"{tag}-0,{tag}-3", stats="count, dc(v)", by="v")[0] == [{"v": "1", "count": 1, "dc(v)": 1}]
    assert ask(cluster, f"{tag}-*", by="index", stats="count")[0] == [
        {"index": f"{tag}-{number}", "count": 1} for number in range(4)
    ]


def test_a_field_that_there_is_not_warns_and_has_no_value(cluster: Cluster, index: str) -> None:
    rows, statistics = ask(cluster, index, stats="count, count(nosuch), dc(nosuch), sum(nosuch), values(nosuch)")
    assert rows == [{"count": EVENTS, "count(nosuch)": 0, "dc(nosuch)": 0}]
    assert len(statistics.warnings) == 1 and "an indexed field 'nosuch'" in statistics.warnings[0]
    assert ask(cluster, index, stats="count, dc(user)", by="nosuch", unknown_fields="ignore")[0] == []


def test_days_begin_at_midnight_in_the_users_zone(cluster: Cluster) -> None:
    index = cluster.create(properties=PROPERTIES)
    # The clocks of Berlin go back on 2026-10-25 at 03:00: the day has 25 hours.
    hours = [1_792_792_800_000 + hour * 3_600_000 for hour in range(72)]  # from 2026-10-23T22:00:00Z on
    cluster.fill(index, ((str(at), {"@timestamp": at}) for at in hours))
    rows, statistics = ask(cluster, index, span="1d", zone="Europe/Berlin")
    assert [(row["_time"], row["count"]) for row in rows] == [
        (1_792_792_800, 24),
        (1_792_792_800 + 86_400, 25),
        (1_792_792_800 + 86_400 + 90_000, 23),
    ]
    assert any("midnight in Europe/Berlin" in note for note in statistics.notes)
    rows, _ = ask(cluster, index, span="7m", zone="Europe/Berlin")
    assert all(row["_time"] % 420 == 0 for row in rows)
    assert {row["_time"] for row in rows} == {at // 1000 // 420 * 420 for at in hours}


class Race(LocalServer):
    """Before the engine: another role's index comes to be when the indices are known, before anything else.

    ``instead_of``: it takes the name of this index, which goes, as an alias.
    """

    def __init__(self, cluster: Cluster, name: str, instead_of: str = "") -> None:
        self.cluster = cluster
        self.name = name
        self.instead_of = instead_of
        self.made = threading.Event()
        super().__init__()

    def answer(self, received: Received) -> Reply:
        if received.method == "POST" and not self.made.is_set():
            self.made.wait(30)
        reply = forward(self.cluster.engine.url, received)
        if "_field_caps" in received.target and not self.made.is_set():
            body = {"mappings": {"properties": PROPERTIES}}
            self.cluster.transport.request("PUT", (self.name,), body=body)
            secret = {"@timestamp": START_MS, "name": "secret", "user": "secret", "n": 10**6}
            self.cluster.fill(self.name, ((str(n), secret) for n in range(5)))
            if self.instead_of:
                alias = {"add": {"index": self.name, "alias": self.instead_of}}
                actions = [{"remove_index": {"index": self.instead_of}}, alias]
                self.cluster.transport.request("POST", ("_aliases",), body={"actions": actions})
            self.made.set()
        return reply


@pytest.mark.parametrize("cluster", PLAIN, indirect=True)
def test_an_index_that_comes_between_check_and_request_is_not_counted(cluster: Cluster) -> None:
    tag = "aws-t-" + uuid.uuid4().hex[:8]
    body = {"mappings": {"properties": PROPERTIES}}
    cluster.transport.request("PUT", (f"{tag}-a",), body=body)
    cluster.fill(f"{tag}-a", ((str(n), {"@timestamp": START_MS, "name": "mine", "n": 1}) for n in range(3)))
    stats = "count, sum(n), dc(user), values(name), max(n), count(user), earliest(name)"
    mine = {"count": 3, "sum(n)": 3, "dc(user)": 0, "values(name)": "mine", "max(n)": 1, "count(user)": 0}
    mine["earliest(name)"] = "mine"
    allowed = {"allowed_indices": (f"{tag}-a*",)}
    for number, by in enumerate(("", "name")):
        server = Race(cluster, f"{tag}-b{number}")
        try:
            with Transport(ClusterConfig((server.url,), name="race")) as transport:
                rows, statistics = ask(cluster, f"{tag}-*", transport=transport, stats=stats, by=by, **allowed)
            assert server.made.is_set()
        finally:
            server.stop()
        assert rows == [{**mine, **({"name": "mine"} if by else {})}]
        assert statistics.matched == 3
        assert "secret" not in str(statistics.warnings + statistics.notes)
        # Were it not for the rules, it would be counted; from now on the pattern is refused.
        assert ask(cluster, f"{tag}-*", stats="count")[0][0]["count"] == 8
        with pytest.raises(IndexNotAllowed):
            ask(cluster, f"{tag}-*", stats=stats, by=by, **allowed)
        cluster.transport.request("DELETE", (f"{tag}-b{number}",))


@pytest.mark.parametrize("cluster", PLAIN, indirect=True)
@pytest.mark.parametrize("by", ["", "name"])
def test_an_alias_that_takes_the_name_of_a_checked_index_is_not_counted(cluster: Cluster, by: str) -> None:
    """Engines match a name on ``_index`` with aliases, too."""
    tag = "aws-t-" + uuid.uuid4().hex[:8]
    cluster.transport.request("PUT", (f"{tag}-a",), body={"mappings": {"properties": PROPERTIES}})
    cluster.fill(f"{tag}-a", [("1", {"@timestamp": START_MS, "name": "mine", "n": 1})])
    server = Race(cluster, f"theirs-{tag}", instead_of=f"{tag}-a")
    try:
        with (
            Transport(ClusterConfig((server.url,), name="race")) as transport,
            pytest.raises(BridgeError) as raised,
        ):
            ask(cluster, f"{tag}-a", transport=transport, stats="count, max(n)", by=by, allowed_indices=(f"{tag}-a*",))
        assert server.made.is_set() and "theirs" not in str(raised.value) and "secret" not in str(raised.value)
    finally:
        server.stop()
        cluster.transport.request("DELETE", (f"theirs-{tag}",))


def test_buckets_and_bytes_count_against_the_ceilings(cluster: Cluster, index: str) -> None:
    with pytest.raises(CeilingReached, match="max_rows = 50"):
        ask(cluster, index, by="user", ceilings=Ceilings(max_rows=50))
    with pytest.raises(CeilingReached, match="max_rows = 50"):
        ask(cluster, index, stats="dc(user)", ceilings=Ceilings(max_rows=50))
    assert len(ask(cluster, index, by="name", ceilings=Ceilings(max_rows=50))[0]) == 40
    with pytest.raises(CeilingReached, match="max_mib"):
        ask(cluster, index, by="id", ceilings=Ceilings(max_mib=0.5))
    rows, statistics = ask(cluster, index, by="id", partial="allow", ceilings=Ceilings(max_rows=15_000))
    assert 0 < len(rows) < EVENTS * IDS
    assert any("max_rows = 15000" in text and "Groups may be missing" in text for text in statistics.warnings)


def test_a_cluster_that_allows_few_buckets_gets_small_pages(cluster: Cluster, index: str) -> None:
    settings = {"transient": {"search.max_buckets": 500}}
    try:
        cluster.transport.request("PUT", ("_cluster", "settings"), body=settings)
        rows, _ = ask(cluster, index, stats="count, dc(name)", by="user")
        assert len(rows) == 300
    finally:
        settings["transient"]["search.max_buckets"] = None  # type: ignore[assignment]
        cluster.transport.request("PUT", ("_cluster", "settings"), body=settings)


def test_a_question_is_checked_as_that_of_a_search(cluster: Cluster, index: str) -> None:
    _, statistics = ask(cluster, index, query="nmae:x")
    assert any("nmae" in text for text in statistics.warnings)
    with pytest.raises(BridgeError, match="too large"):
        ask(cluster, index, query="a* " * 100)
    with pytest.raises(BridgeError, match="is opened and not closed"):
        ask(cluster, index, query="name:(")
    with pytest.raises(BridgeError, match="names no index|does not exist"):
        ask(cluster, "aws-t-nosuch")
    assert ask(cluster, "aws-t-nosuch-*", partial="allow")[0] == [{"count": 0}]
