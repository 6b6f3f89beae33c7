"""`FieldSummary` on every engine of the catalogue: it says of fields what a plain program finds in the documents."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import replace
from typing import Any, Dict, List, Set, Tuple

import pytest

from es_bridge.errors import Aborted, CeilingReached, NothingMatched, QueryError
from es_bridge.field_summary.summary import FieldInfo, FieldSummary, SummaryRequest
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from lab.front.faults import FaultyServer, Hang

from .conftest import PLAIN, START_MS, Cluster

pytestmark = pytest.mark.fast
#: Engine -> its type for an object that is one field; others have none.
WHOLE = {"opensearch-2.19": "flat_object", "opensearch-3": "flat_object", "elasticsearch-8.15": "flattened",
         "elasticsearch-9.0": "flattened"}  # fmt: skip
ROWS = 60


def document(n: int) -> Dict[str, Any]:
    found: Dict[str, Any] = {
        "@timestamp": START_MS + n * 1000,
        "user": {"name": ["ann", "bob"] if n % 10 == 3 else ("ann", "bob", "eve")[n % 3]},
        "bytes": n % 4,
        "ratio": n % 2 + 0.5,
        "ok": n % 2 == 0,
        "ip": f"10.0.0.{n % 3}",
        "text": f"hello {n % 5}",
        "short": "x" * (3 + n % 5),
        "both": f"v{n % 2}",
        "hidden": {"list": [{"a": n % 2}, {"a": 7}]},
        "requestParameters": {"roleName": f"r{n % 4}", "deep": {"er": n % 2}},
        "nested": [{"who": "x"}, {"who": f"y{n % 2}"}],
        "nothing": None,
        "empty": [],
    }
    if n % 3 == 0:
        del found["bytes"]
    return found


#: Name -> type of the first index.
PROPERTIES: Dict[str, Any] = {
    "@timestamp": {"type": "date"},
    "user": {"properties": {"name": {"type": "keyword"}}},
    "bytes": {"type": "long"},
    "ratio": {"type": "double"},
    "ok": {"type": "boolean"},
    "ip": {"type": "ip"},
    "text": {"type": "text"},
    "short": {"type": "keyword", "ignore_above": 5},
    "both": {"type": "keyword"},
    "stored": {"type": "keyword", "index": False, "doc_values": False},
    "hidden": {"type": "object", "enabled": False},
    "nested": {"type": "nested", "properties": {"who": {"type": "keyword"}}},
}
_made: Dict[str, Tuple[str, str]] = {}


@pytest.fixture
def indices(cluster: Cluster) -> Tuple[str, str]:
    """Return two indices: 60 documents in three shards, and 2 whose ``both`` is a number."""
    if cluster.id not in _made:
        whole = {"requestParameters": {"type": WHOLE[cluster.id]}} if cluster.id in WHOLE else {}
        first = cluster.create(properties={**PROPERTIES, **whole}, dynamic=False)
        second = cluster.create(
            properties={"@timestamp": {"type": "date"}, "both": {"type": "long"}}, dynamic=False, shards=1
        )
        cluster.fill(first, ((f"d{n}", document(n)) for n in range(ROWS)))
        cluster.fill(second, ((f"e{n}", {"@timestamp": START_MS, "both": n}) for n in range(2)))
        _made[cluster.id] = (first, second)
    return _made[cluster.id]


def summary_of(
    cluster: Cluster, index: str, ceilings: Any = None, transport: Any = None, **options: Any
) -> Tuple[Dict[str, FieldInfo], FieldSummary]:
    own = {name: options.pop(name) for name in ("fields", "top", "sample_docs") if name in options}
    request = SummaryRequest(SearchRequest(index=index, **{"size": 0, **options}), **own)
    with FieldSummary(transport or cluster.transport, request, ceilings) as summary:
        found = [field for fields in summary for field in fields]
    assert [field.name for field in found] == sorted({field.name for field in found})
    return {field.name: field for field in found}, summary


def oracle(documents: List[Dict[str, Any]], path: str) -> Tuple[int, Counter[str]]:
    """Return how many documents have a field, and how many have each value."""

    def values(node: Any, steps: List[str]) -> Set[str]:
        if isinstance(node, list):
            return set().union(*(values(each, steps) for each in node)) if node else set()
        if not steps:
            return set() if node is None else {str(node).lower() if isinstance(node, bool) else str(node)}
        return values(node[steps[0]], steps[1:]) if isinstance(node, dict) and steps[0] in node else set()

    found = [values(each, path.split(".")) for each in documents]
    return sum(1 for each in found if each), Counter(value for each in found for value in each)


def test_documents_values_and_types_are_those_of_a_plain_count(cluster: Cluster, indices: Tuple[str, str]) -> None:
    documents = [document(n) for n in range(ROWS)]
    found, summary = summary_of(cluster, indices[0], top=10)
    assert (summary.matched, summary.warnings) == (ROWS, [])
    for name in (
        "user.name", "bytes", "ratio", "ok", "ip", "text", "both", "hidden.list.a", "requestParameters.roleName",
        "requestParameters.deep.er", "nested.who",
    ):  # fmt: skip
        having, values = oracle(documents, name)
        field = found[name]
        expected = sorted(values.items(), key=lambda item: (-item[1], item[0]))
        assert (name, field.documents, field.of_documents, field.is_sample) == (name, having, ROWS, False)
        assert (name, sorted(field.values, key=lambda item: (-item[1], item[0]))) == (name, expected)
        assert (name, field.distinct, field.distinct_is_exact, field.most_missing) == (name, len(values), True, 0)
    assert found["bytes"].percent == 66.67
    kinds = {name: (field.types, field.indexed) for name, field in found.items()}
    both = ("searchable", "aggregatable")
    whole = WHOLE.get(cluster.id)
    expected_kinds = {
        "@timestamp": (("date",), both),
        "user.name": (("keyword",), both),
        "bytes": (("long",), both),
        "ratio": (("double",), both),
        "ok": (("boolean",), both),
        "ip": (("ip",), both),
        "text": (("text",), ("searchable",)),
        "short": (("keyword",), both),
        "both": (("keyword",), both),
        "stored": (("keyword",), ("stored only",)),
        "hidden.list.a": ((), ("stored only",)),
        "nested.who": (("keyword",), both),
        "requestParameters.roleName": ((), ("member of a flat object" if whole else "stored only",)),
        "requestParameters.deep.er": ((), ("member of a flat object" if whole else "stored only",)),
    }
    if whole:
        expected_kinds["requestParameters"] = ((whole,), ("flat object",))
        assert found["requestParameters"].documents == ROWS
    assert kinds == expected_kinds
    assert found["hidden.list.a"].names_in_rows == ("hidden.list{}.a",)
    assert found["user.name"].names_in_rows == ("user.name", "user.name{}")
    # Longer values are in the document and not in the index, so no search finds them.
    assert found["short"].documents == sum(1 for each in documents if len(each["short"]) <= 5)


def test_types_that_differ_are_named_with_their_indices(cluster: Cluster, indices: Tuple[str, str]) -> None:
    found, summary = summary_of(cluster, ",".join(indices), fields=("bo*",))
    assert list(found) == ["both"]
    field = found["both"]
    assert field.types == ("keyword", "long")
    assert field.types_in == {"keyword": (indices[0],), "long": (indices[1],)}
    assert (field.documents, field.of_documents) == (ROWS + 2, ROWS + 2) == (summary.matched, summary.matched)
    assert dict(field.values) == {"v0": 30, "v1": 30, "0": 1, "1": 1}


def test_a_sample_is_the_same_documents_for_every_field(cluster: Cluster, indices: Tuple[str, str]) -> None:
    found, summary = summary_of(cluster, indices[0], fields=("user.name", "b*", "text"), sample_docs=30)
    counted = {field.of_documents for field in found.values()}
    assert len(counted) == 1
    assert 10 <= counted.pop() <= 50  # of 60, each with a chance of one half: less than 1 in 10 million lies outside
    assert all(field.is_sample and not field.distinct_is_exact for name, field in found.items() if name != "text")
    assert found["both"].percent == 100
    (note,) = summary.notes
    assert "random sample of about 30" in note and "60 documents match" in note


def test_query_range_and_what_can_match_nothing(cluster: Cluster, indices: Tuple[str, str]) -> None:
    end = START_MS + 30_000
    found, summary = summary_of(cluster, indices[0], query="user.name:eve", latest_ms=end, fields=("user.name", "ip"))
    documents = [each for each in (document(n) for n in range(30)) if "eve" in each["user"]["name"]]
    assert (summary.matched, found["user.name"].documents) == (len(documents), len(documents))
    assert found["ip"].values == tuple(oracle(documents, "ip")[1].most_common())
    assert summary.unmatched is None
    found, summary = summary_of(cluster, indices[0], query="usr.name:eve", fields=("ip",))
    assert (found["ip"].documents, found["ip"].percent, found["ip"].values) == (0, None, ())
    assert [text for text in summary.warnings if "usr.name" in text]
    with pytest.raises(QueryError, match=r"usr\.name"):
        summary_of(cluster, indices[0], query="usr.name:eve", unknown_fields="fail")


def test_thousands_of_fields_are_counted_some_at_a_time(cluster: Cluster) -> None:
    names = [f"f{n:04d}" for n in range(400)]
    index = cluster.create(
        shards=1, properties={"@timestamp": {"type": "date"}, **{name: {"type": "keyword"} for name in names}}
    )
    cluster.fill(index, [("a", {**dict.fromkeys(names, "v"), "@timestamp": START_MS})])
    with Transport(cluster.config) as transport:
        found, _ = summary_of(cluster, index, transport=transport, fields=("f*",))
        # Who, two of the mappings, documents; then 50 fields a time.
        assert transport.requests_sent == 4 + 8
    assert {field.values for field in found.values()} == {(("v", 1),)}
    assert list(found) == names


def test_nothing_there(cluster: Cluster) -> None:
    with pytest.raises(NothingMatched):
        summary_of(cluster, "aws-nothing-of-this-name")
    with pytest.raises(NothingMatched):
        summary_of(cluster, "aws-nothing-of-this-name-*")
    found, summary = summary_of(cluster, "aws-nothing-of-this-name-*", partial="allow")
    assert (found, len(summary.warnings)) == ({}, 1)


def test_ceilings(cluster: Cluster, indices: Tuple[str, str]) -> None:
    found, summary = summary_of(cluster, indices[0], Ceilings(max_rows=3))
    assert len(found) == 3
    assert [text for text in summary.warnings if "max_rows = 3" in text]
    names = [f"f{n:04d}" for n in range(60)]
    index = cluster.create(
        shards=1, properties={"@timestamp": {"type": "date"}, **{name: {"type": "keyword"} for name in names}}
    )
    with Transport(cluster.config) as transport, pytest.raises(CeilingReached, match="max_mib"):
        summary_of(cluster, index, Ceilings(max_mib=0.001), transport)
    with Transport(cluster.config) as transport:
        found, summary = summary_of(cluster, index, Ceilings(max_mib=0.001), transport, partial="allow")
    assert [text for text in summary.warnings if "max_mib" in text and "Fields may be missing" in text]


@pytest.mark.parametrize("how", ["closed", "out of time"])
def test_it_ends_when_it_is_closed_or_out_of_time(cluster: Cluster, indices: Tuple[str, str], how: str) -> None:
    if cluster.id not in PLAIN:
        pytest.skip("a server of a test cannot stand before TLS")
    # Who, two of the mappings; the documents never come.
    with FaultyServer([None, None, None, Hang()], cluster.config.hosts[0]) as server:
        ceilings = Ceilings(max_run_time_s=0.5) if how == "out of time" else None
        with Transport(replace(cluster.config, hosts=(server.url,))) as transport:
            request = SummaryRequest(SearchRequest(index=indices[0], size=0))
            summary = FieldSummary(transport, request, ceilings)
            if ceilings is None:
                threading.Thread(target=lambda: server.hanging.wait(30) and summary.close()).start()
            with pytest.raises(Aborted if ceilings is None else CeilingReached):
                list(summary)
            assert server.hanging.is_set()


@pytest.mark.parametrize("options", [{"top": -1}, {"top": 1_001}, {"sample_docs": -1}, {"fields": ("x" * 501,)}])
def test_what_cannot_be_asked(options: Dict[str, Any]) -> None:
    with pytest.raises(QueryError):
        SummaryRequest(SearchRequest(index="a"), **options)
