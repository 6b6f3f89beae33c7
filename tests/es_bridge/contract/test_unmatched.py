"""A part of a query that can match nothing is named, on every engine; a query that is right is not."""

from __future__ import annotations

import json
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.errors import Aborted, BridgeError, IndexNotAllowed, QueryError, RejectedQuery
from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.search import Search, open_search
from es_bridge.transport import Transport
from es_bridge.unmatched.ask import MOST_INDICES
from es_bridge.unmatched.field_types import FieldTypes
from lab.front.server import LocalServer, Received, Reply, forward

from .conftest import PLAIN, START_MS, Cluster, config_of, each_of

DAY_MS = 86_400_000
#: Engine -> the type that indexes an object as a whole; the others store it only.
WHOLE = {
    "opensearch-2.19": "flat_object",
    "opensearch-2.19-secured": "flat_object",
    "opensearch-3": "flat_object",
    "opensearch-3-secured": "flat_object",
    "elasticsearch-8.15": "flattened",
    "elasticsearch-9.0": "flattened",
}
NO_FIELD = "no index with events of the range has a field"
NOT_INDEXED = "is stored but not indexed in"
ONE_WORD = "is looked for as one word"


@dataclass(frozen=True)
class Indices:
    """``new`` indexes the object ``req`` as a whole where the engine can, ``old`` stores it only; a day apart."""

    new: str
    old: str
    both: str


_made: Dict[str, Indices] = {}

cluster = each_of(PLAIN)


def properties(**more: Any) -> Dict[str, Any]:
    return {
        "@timestamp": {"type": "date"},
        "eventName": {"type": "keyword"},
        "message": {"type": "text"},
        "count": {"type": "long"},
        "mfa": {"type": "boolean"},
        "source": {"properties": {"ip": {"type": "ip"}, "address": {"type": "keyword"}, "port": {"type": "integer"}}},
        "aws": {"properties": {"request": {"properties": {"roleName": {"type": "keyword"}}}}},
        "kept": {"type": "keyword", "index": False, "doc_values": False},
        "extra": {"type": "object", "enabled": False},
        **more,
    }


@pytest.fixture
def indices(cluster: Cluster) -> Indices:
    if cluster.id not in _made:
        whole = {"type": WHOLE[cluster.id]} if cluster.id in WHOLE else {"type": "object", "enabled": False}
        tag = uuid.uuid4().hex[:8]
        made = Indices(f"aws-u{tag}-2023.11.15", f"aws-u{tag}-2023.11.14", f"aws-u{tag}-*")
        only_new = {"latest": {"type": "keyword"}, "code": {"type": "keyword"}}
        for name, fields, day in (
            (made.old, properties(req={"type": "object", "enabled": False}, code={"type": "long"}), 0),
            (made.new, properties(req=whole, **only_new), 1),
        ):
            body = {
                "settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0}},
                "mappings": {"properties": fields, "dynamic": False},
            }
            cluster.transport.request("PUT", (name,), body=body)
            cluster.fill(name, [(f"d{day}{n}", document(n, START_MS + day * DAY_MS + n)) for n in range(4)])
        _made[cluster.id] = made
    return _made[cluster.id]


MORE = {"address": "10.9.9.9", "size": 88, "time": "2026-01-02"}


def document(number: int, time_ms: int) -> Dict[str, Any]:
    return {
        "@timestamp": time_ms,
        "eventName": "CreateRole" if number == 0 else "ListRoles",
        "message": "role created by hand (see: a|b)",
        "count": number,
        "mfa": number == 0,
        "source": {"ip": f"10.0.0.{number}", "address": f"10.0.0.{number}", "port": 443},
        "aws": {"request": {"roleName": "backdoor-role" if number == 0 else "other"}},
        "kept": "secret",
        "extra": {"MFAUsed": "No"},
        "latest": "yes",
        "code": "7",
        "req": {"roleName": "backdoor-role" if number == 0 else "other", "deep": {"er": {"key": "value"}}, **MORE},
    }


def ask(cluster: Cluster, index: str, query: Any, **options: Any) -> Tuple[int, Search, Optional[BridgeError]]:
    options.update({"dsl": parse_dsl(json.dumps(query))} if isinstance(query, dict) else {"query": query})
    hits = 0
    failure = None
    transport = options.pop("transport", cluster.transport)
    with open_search(transport, SearchRequest(index=index, size=0, **options)) as search:
        try:
            for page in search:
                hits += page.count
        except BridgeError as exc:
            failure = exc
    # The indices are of a few days of 2023: that the days since are not there is another matter.
    search.warnings[:] = [text for text in search.warnings if not text.startswith("the range reaches beyond")]
    return hits, search, failure


def said(search: Search, error: Optional[BridgeError]) -> str:
    return "\n".join([*search.warnings, str(error or "")])


def string(query: str, **options: Any) -> Dict[str, Any]:
    return {"query_string": {"query": query, **options}}


def none_of(*clauses: Any) -> Dict[str, Any]:
    return {"bool": {"must_not": list(clauses)}}


def all_of(*clauses: Any) -> Dict[str, Any]:
    return {"bool": {"filter": list(clauses)}}


#: Query -> how many of the four documents of an index it finds. Nothing is to be said of these.
RIGHT: List[Tuple[Any, int]] = [
    ("eventName:CreateRole", 1),
    ("eventName:(CreateRole OR DeleteRole)", 1),
    ("eventName:CreateRole^2 AND NOT eventName:x", 1),
    ("CreateRole", 1),
    ("hand", 4),
    ('"created by hand"', 4),
    ("backdoor\\-role OR zzz", 4),
    ("zzz", 0),
    ("12", 0),
    ("10.0.0.1", 1),
    ("*", 4),
    ("*:*", 4),
    ("eventName:*", 4),
    ("eventName:Create*", 1),
    ("eventName:*Role", 1),
    ("eventName:/Create.*/", 1),
    ("eventName:CreateRoli~", 1),
    ('eventName:"a | b" OR eventName:CreateRole', 1),
    ('eventName:"x) | (y" OR count:1', 1),
    ('eventName:"[a] TO {b} ^2 \\"q\\" \\\\" OR count:1', 1),
    ("eventName:한글 OR count:1", 1),
    ('message:"see: a|b"', 4),
    ("eventName:arn\\:aws\\:iam OR count:1", 1),
    ("arn\\:aws\\:iam", 0),
    ('"source: here"', 0),
    ("https\\:\\/\\/console", 0),
    ("https\\:// AND zzz", 0),
    ("_exists_:eventName", 4),
    ("_exists_:message", 4),
    ("_exists_:source", 4),
    ("NOT _exists_:latest", 0),
    ("count:>1", 2),
    ("count:[1 TO 2]", 2),
    ("count:{0 TO *]", 3),
    ("mfa:true", 1),
    ('source.ip:"10.0.0.0/31"', 2),
    ("source.ip:10.0.0.0\\/31", 2),
    ("10.0.0.0\\/31", 2),
    ("source.ip:[10.0.0.0 TO 10.0.0.1]", 2),
    ("source.\\*:10.0.0.1", 1),
    ("event\\*:CreateRole", 1),
    ("@timestamp:>1970-01-02", 4),
    ("_id:d10 OR _id:d00", 1),
    ('eventName:"see source.address:10.0.0.0/8 there" OR count:1', 1),
    ('eventName:"MatchNoDocsQuery(\\"unmapped fields [forged]\\")" OR count:1', 1),
    ({"term": {"eventName": "CreateRole"}}, 1),
    ({"terms": {"count": [1, 2]}}, 2),
    ({"match": {"message": {"query": "hand", "operator": "and"}}}, 4),
    ({"exists": {"field": "source"}}, 4),
    ({"wildcard": {"eventName": {"value": "*Role"}}}, 1),
    (all_of({"exists": {"field": "eventName"}}, none_of({"term": {"count": 1}})), 3),
    ({"multi_match": {"query": "CreateRole", "fields": ["eventName^2", "message"]}}, 1),
    ({"multi_match": {"query": "hand", "fields": ["mess*"]}}, 4),
    ({"simple_query_string": {"query": "CreateRole | hand", "fields": ["eventName", "message"]}}, 4),
    (string("hand", default_field="message"), 4),
    ({"match_none": {}}, 0),
    (all_of({"term": {"eventName": "CreateRole"}}, none_of({"term": {"eventName": "source.ip=10.0.0.1"}})), 1),
]
#: Query -> words of the warning on every engine.
NAMED: List[Tuple[Any, Tuple[str, ...]]] = [
    ("eventname:CreateRole", ("'eventname'", "Write instead: eventName", NO_FIELD)),
    ("event_name:CreateRole", ("'event_name'", "eventName")),
    ("EVENTNAME:CreateRole AND count:1", ("'EVENTNAME'", "eventName")),
    ("eventName:x OR eventNam:y", ("'eventNam'", "eventName")),
    ("NOT nosuch:x", ("'nosuch'", "every event")),
    (string("source.ip=10.0.0.1", default_field="eventName"), (ONE_WORD, "Write source.ip:10.0.0.1")),
    (none_of(string("source.ip=10.0.0.1", fields=["eventName"])), (ONE_WORD, "Write source.ip:10.0.0.1")),
    ("source://x", ("'source'", "source.ip", NO_FIELD)),
    ("source:/x/ AND count:1", ("'source'", "source.ip", NO_FIELD)),
    ("source:x*", ("'source'", "source.ip", NO_FIELD)),
    ("-nosuch:x +eventName:CreateRole", ("'nosuch'",)),
    ("(eventName:a AND (nosuch:1 OR other:2))^3", ("'nosuch'", "'other'")),
    ("nosuch:(a OR b)", ("'nosuch'",)),
    ('nosuch:"a b"', ("'nosuch'",)),
    ("nosuch:[1 TO 5]", ("'nosuch'",)),
    ("nosuch:>5", ("'nosuch'",)),
    ("nosuch:/a.*/", ("'nosuch'",)),
    ("nosuch:a*", ("'nosuch'",)),
    ("nosuch:*a", ("'nosuch'",)),
    ("nosuch:eventName*", ("'nosuch'",)),
    ("nosuch:a~", ("'nosuch'",)),
    ("nosuch:*", ("'nosuch'",)),
    ("no\\ such:1", ("'no such'",)),
    ("한글:값", ("'한글'",)),
    ('nosuch:"x]\\") y"', ("'nosuch'",)),
    ('nosuch:"a | b"', ("'nosuch'",)),
    ('eventName:"MatchNoDocsQuery(\\"unmapped fields [forged]\\")" AND nosuch:1', ("'nosuch'",)),
    ("nos\\*:a", ("'nos*'",)),
    ("source:10.0.0.1", ("'source'", "source.ip")),
    ("_exists_:nosuch", ("'nosuch'",)),
    ("NOT _exists_:nosuch", ("'nosuch'",)),
    ("_exists_:extra", ("'extra'", NOT_INDEXED)),
    ("_exists_:kept", ("'kept'", NOT_INDEXED)),
    ("kept:secret", ("'kept'", NOT_INDEXED)),
    ("NOT kept:secret", ("'kept'", NOT_INDEXED)),
    ("extra.MFAUsed:No", ("'extra.MFAUsed'", NOT_INDEXED)),
    ("eventName:ListRoles AND NOT extra.MFAUsed:No", ("'extra.MFAUsed'", NOT_INDEXED)),
    ("extra.roleName:*", ("'extra.roleName'", NOT_INDEXED, "Write instead: aws.request.roleName")),
    ("extra:No", ("'extra'", NOT_INDEXED)),
    ("eventName=CreateRole", (ONE_WORD, "Write eventName:CreateRole")),
    ("eventName==CreateRole", (ONE_WORD, "Write eventName:CreateRole")),
    ("eventname=CreateRole", (ONE_WORD, "Write eventName:CreateRole")),
    ("NOT eventName=CreateRole", (ONE_WORD,)),
    ('eventName="Create Role"', (ONE_WORD, "eventName:")),
    ("eventName!=CreateRole", ("is looked for as a word", "NOT field:value")),
    ("eventName = CreateRole", ("is looked for as a word",)),
    ("one eventName=CreateRole two", (ONE_WORD, "Write eventName:CreateRole")),
    ("eventName\\:CreateRole", ("the colon in 'eventName:CreateRole'", "'eventName'")),
    ('"eventName:CreateRole"', ("the colon in",)),
    ("sourcetype=aws:cloudtrail", ("'sourcetype=aws'",)),
    ("eventName=aws:cloudtrail", ("'eventName=aws'", 'Write instead: eventName:"value"')),
    ("eventName:/^Create.*/", ("whole value",)),
    ("eventName:/.*Role$/", ("whole value",)),
    ("count>1", (ONE_WORD, "Write count:>1")),
    ("source.port>=443", (ONE_WORD, "Write source.port:>=443")),
    ('source.address:"10.0.0.0/8"', ("'source.address'", "no address of the network", "source.ip:")),
    ("source.address:10.0.0.0\\/8", ("'source.address'", "source.ip:")),
    ('source.address:(x OR "2001:db8::/32")', ("'source.address'", "2001:db8::/32", "source.ip:")),
    ({"term": {"nosuch": "x"}}, ("'nosuch'",)),
    ({"terms": {"nosuch": ["x", "y"]}}, ("'nosuch'",)),
    ({"match": {"eventname": "x"}}, ("'eventname'", "eventName")),
    ({"match_phrase": {"nosuch": "x y"}}, ("'nosuch'",)),
    ({"prefix": {"nosuch": "x"}}, ("'nosuch'",)),
    ({"wildcard": {"nosuch": {"value": "x*"}}}, ("'nosuch'",)),
    ({"regexp": {"nosuch": "x.*"}}, ("'nosuch'",)),
    ({"fuzzy": {"nosuch": "x"}}, ("'nosuch'",)),
    ({"range": {"nosuch": {"gte": 1}}}, ("'nosuch'",)),
    ({"exists": {"field": "nosuch"}}, ("'nosuch'",)),
    ({"exists": {"field": "extra"}}, ("'extra'", NOT_INDEXED)),
    ({"exists": {"field": "kept"}}, ("'kept'", NOT_INDEXED)),
    ({"term": {"extra.MFAUsed": "No"}}, ("'extra.MFAUsed'", NOT_INDEXED)),
    (none_of({"term": {"nosuch": "x"}}), ("'nosuch'",)),
    (none_of({"exists": {"field": "nosuch"}}), ("'nosuch'",)),
    (none_of(all_of(string("extra.MFAUsed:No"))), ("'extra.MFAUsed'", NOT_INDEXED)),
    (none_of(string("eventName=x")), (ONE_WORD,)),
    (none_of({"term": {"source.address": "10.0.0.0/8"}}), ("'source.address'", "source.ip:")),
    ({"terms": {"source.address": ["10.0.0.0/8", "x"]}}, ("'source.address'", "source.ip:")),
    (all_of({"term": {"one": 1}}, {"term": {"two": 2}}, string("three:3")), ("'one'", "'two'", "'three'")),
    ({"dis_max": {"queries": [{"term": {"nosuch": 1}}, {"term": {"eventName": "a"}}]}}, ("'nosuch'",)),
    ({"constant_score": {"filter": {"term": {"nosuch": 1}}}}, ("'nosuch'",)),
    (
        {"function_score": {"query": {"match_all": {}}, "functions": [{"filter": {"term": {"no": 1}}, "weight": 2}]}},
        ("'no'",),
    ),
    ({"multi_match": {"query": "a", "fields": ["eventName", "nosuch^2"]}}, ("'nosuch'",)),
    ({"multi_match": {"query": "a", "fields": ["nosuch", "nix*"]}}, ("'nosuch'", "'nix*'")),
    ({"simple_query_string": {"query": "a*", "fields": ["nosuch"]}}, ("'nosuch'",)),
    (string("a", fields=["nosuch"]), ("'nosuch'",)),
    (string("a", default_field="eventname"), ("'eventname'", "eventName")),
    (string("eventName=CreateRole", fields=["message", "eventName"]), (ONE_WORD,)),
]
#: Query -> words of the error: no index can hold the value.
REFUSED: List[Tuple[Any, Tuple[str, ...]]] = [
    ("count:abc", ("'count' (long)", "abc", "count:[1 TO 5]")),
    ("NOT count:abc", ("'count'",)),
    ("eventName:CreateRole OR count:abc", ("'count'",)),
    ("count:(1 OR abc)", ("'count'",)),
    ("count:[a TO b]", ("'count'",)),
    ("count:>x", ("'count'",)),
    ("count:1*", ("'count'",)),
    ("count:5~", ("'count'",)),
    ('count:"x) | y"', ("'count'",)),
    ('eventName:"(a |" OR count:abc', ("'count'",)),
    ("count:99999999999999999999", ("99999999999999999999",)),
    ("count:1.5", ("decimal part",)),
    ("source.port:70000000000", ("70000000000",)),
    ("source.ip:10.20.*", ("'source.ip' (ip)", 'source.ip:"10.20.0.0/16"')),
    ('source.ip:"10.0.0.0/33"', ("'source.ip'", "33")),
    ("source.ip:internal", ("'source.ip'", "internal")),
    ("source.ip:[a TO b]", ("'source.ip'",)),
    ("mfa:maybe", ("'mfa' (boolean)",)),
    ("@timestamp:yesterday", ("'@timestamp'",)),
    (none_of(string("count:abc")), ("'count'",)),
    (all_of({"term": {"nosuch": 1}}, string("count:abc")), ("'count'",)),
    ({"match": {"count": {"query": "abc", "lenient": True}}}, ("'count'",)),
    ({"multi_match": {"query": "abc", "fields": ["count", "source.ip"], "lenient": True}}, ("'count'",)),
]


def problems_of(cluster: Cluster, index: str, table: List[Any], check: Any) -> List[str]:
    found = []
    for query, expected in table:
        hits, search, error = ask(cluster, index, query)
        problem = check(expected, hits, search, error)
        if problem:
            found.append(f"{query!r}: {problem}: {said(search, error)!r}")
    return found


def test_nothing_is_said_of_a_query_that_is_right(cluster: Cluster, indices: Indices) -> None:
    def check(expected: int, hits: int, search: Search, error: Any) -> str:
        if error or search.warnings or search.unmatched:
            return "a false alarm"
        return "" if hits == expected else f"{hits} found"

    assert problems_of(cluster, indices.new, RIGHT, check) == []


def test_a_part_that_can_match_nothing_is_named(cluster: Cluster, indices: Indices) -> None:
    def check(expected: Tuple[str, ...], hits: int, search: Search, error: Any) -> str:
        text = said(search, error)
        return "not so" if error or "forged" in text or [w for w in expected if w not in text] else ""

    assert problems_of(cluster, indices.new, NAMED, check) == []


def test_a_value_that_no_index_can_hold_is_an_error(cluster: Cluster, indices: Indices) -> None:
    def check(expected: Tuple[str, ...], hits: int, search: Search, error: Any) -> str:
        return "" if isinstance(error, QueryError) and all(w in str(error) for w in expected) else "not so"

    assert problems_of(cluster, indices.new, REFUSED, check) == []


NOT_ALL: List[Dict[str, Tuple[int, str]]] = [
    {"opensearch 2": (0, "finds nothing"), "opensearch": (1, ""), "elasticsearch": (0, kind)}
    for kind in ("regexp", "fuzzy")
]
#: Query on the member of an object indexed as a whole -> product -> (documents found, words of the warning or error).
MEMBERS: List[Tuple[Any, Dict[str, Tuple[int, str]]]] = [
    ("req.roleName:backdoor\\-role", {"": (1, "")}),
    ("NOT req.roleName:backdoor\\-role", {"": (3, "")}),
    ("req.roleName:back*", {"": (1, "")}),
    ("req.roleName:(\"backdoor-role\" OR x)", {"": (1, "")}),
    ("req.deep.er.key:value", {"": (4, "")}),
    ("req:value", {"": (4, "")}),
    ("req.roleName:*door\\-role", {"opensearch": (0, "finds nothing"), "elasticsearch": (1, "too many")}),
    ("req.roleName:back?oor*", {"opensearch": (0, "finds nothing"), "elasticsearch": (0, "finds nothing")}),
    ("req.roleName:/back.*/", NOT_ALL[0]),
    ("req.roleName:backdoor\\-rolf~", NOT_ALL[1]),
    ("_exists_:req.roleName", {"": (4, "")}),
    ("_exists_:req.deep.er.key", {"opensearch 2": (0, "the first level of members only"), "": (4, "")}),
    ("_exists_:req", {"": (4, "")}),
    ("req.\\*:value", {"": (0, "names no member")}),
    ("req:back*", {"": (1, "")}),
    ("req:*door\\-role", {"opensearch": (0, "finds nothing"), "": (1, "")}),
    ("req:/back.*/", {"opensearch 2": (0, "finds nothing"), "": (1, "")}),
    ("req:backdoor\\-rolf~", {"opensearch 2": (0, "finds nothing"), "": (1, "")}),
    ("req:\"10.0.0.0/8\"", {"": (0, "no address of the network")}),
    ("req.address:\"10.0.0.0/8\"", {"": (0, "no address of the network")}),
    ("req.size:88", {"": (4, "")}),
    ("req.size:[5 TO 50]", {"": (0, "compared as text")}),
    ("req.size:>9", {"opensearch": (0, "a range with one end"), "elasticsearch": (0, "both an upper and a lower")}),
    ("req.time:[2026-01-01 TO 2026-02-01]", {"": (4, "")}),
    ("_exists_:req.deep", {"opensearch 2": (4, ""), "": (0, "no event of the range has a value under 'req.deep'")}),
    ("req.nosuch:1", {"": (0, "no event of the range has a value under 'req.nosuch'")}),
    ("NOT req.no\\ such:1", {"": (4, "no event of the range has a value under 'req.no such'")}),
    ("NOT req.nosuch:1", {"": (4, "no event of the range has a value under 'req.nosuch'")}),
    (none_of({"term": {"req.nosuch": "1"}}), {"": (4, "no event of the range has a value under 'req.nosuch'")}),
    ("req.roleName=other", {"": (0, "Write req.roleName:other")}),
    ('"req.roleName:other"', {"": (0, "the colon in 'req.roleName:other'")}),
    ('req:"req.roleName"', {"elasticsearch": (0, ""), "opensearch": (0, "")}),
    ("req.nosuch:a*", {"": (0, "no event of the range has a value under 'req.nosuch'")}),
    ("req.rolename:x AND req.roleName:other", {"": (0, "no event of the range has a value under 'req.rolename'")}),
    ({"term": {"req.roleName": "backdoor-role"}}, {"": (1, "")}),
    (none_of({"term": {"req.roleName": "backdoor-role"}}), {"": (3, "")}),
    ({"term": {"req.nosuch": "1"}}, {"": (0, "no event of the range has a value under 'req.nosuch'")}),
    ({"prefix": {"req.deep.er.key": ""}}, {"": (4, "")}),
    ({"terms": {"req.roleName": ["other", "x"]}}, {"": (3, "")}),
]  # fmt: skip


def test_members_of_an_object_are_found_or_it_is_said(cluster: Cluster, indices: Indices) -> None:
    found = []
    for query, by_engine in MEMBERS:
        hits, search, error = ask(cluster, indices.new, query)
        if cluster.id not in WHOLE:
            right = [by_engine[""][0]] if "" in by_engine else []
            if not said(search, error).strip() and hits not in right:
                found.append(f"{query!r}: nothing said, {hits} found")
            continue
        engine = next(name for name in (f"{search.engine[:12]}", search.engine.split()[0], "") if name in by_engine)
        expected, words = by_engine[engine]
        text = said(search, error).strip()
        if hits != expected or words not in text or (not words and text):
            found.append(f"{query!r}: {hits} found, {text!r}")
    assert found == []


class TestSeveralIndices:
    """Indices from before and after a change of the mapping."""

    def test_a_field_that_some_indices_lack_is_no_fault(self, cluster: Cluster, indices: Indices) -> None:
        hits, search, error = ask(cluster, indices.both, "latest:yes")
        assert (hits, search.warnings, error) == (4, [], None)
        assert ask(cluster, indices.both, {"term": {"latest": "yes"}})[1].warnings == []

    @pytest.mark.parametrize("query", ["req.roleName:other", {"term": {"req.roleName": "other"}}, "req.roleName:o*"])
    def test_indices_that_store_it_only_are_named(self, cluster: Cluster, indices: Indices, query: Any) -> None:
        hits, search, error = ask(cluster, indices.both, query)
        text = said(search, error)
        assert "'req.roleName'" in text and indices.old in text and "aws.request.roleName" in text
        if cluster.id in WHOLE:
            assert hits == 3 and indices.new not in text

    def test_only_indices_with_events_of_the_range_count(self, cluster: Cluster, indices: Indices) -> None:
        if cluster.id in WHOLE:
            _, search, _ = ask(cluster, indices.both, "req.roleName:other", earliest_ms=START_MS + DAY_MS)
            assert search.warnings == []
        _, search, _ = ask(cluster, indices.both, "latest:yes", latest_ms=START_MS + DAY_MS)
        assert "'latest'" in search.warnings[0]

    def test_where_only_some_cannot_hold_a_value_it_is_a_warning(self, cluster: Cluster, indices: Indices) -> None:
        hits, search, error = ask(cluster, indices.both, "code:abc")
        assert (hits, error) == (0, None)
        assert "'code' (long)" in search.warnings[0] and indices.old in search.warnings[0]
        assert indices.new not in search.warnings[0]

    def test_at_most_fifty_are_looked_at(self, cluster: Cluster) -> None:
        if cluster.id != "opensearch-2.19":
            pytest.skip("once is enough")
        tag = uuid.uuid4().hex[:8]
        for day in range(MOST_INDICES + 2):
            body = {
                "settings": {"index": {"number_of_shards": 1, "number_of_replicas": 0}},
                "mappings": {
                    "dynamic": False,
                    "properties": properties(**({"first": {"type": "keyword"}} if day < 2 else {})),
                },
            }
            name = f"aws-f{tag}-2023.{1 + day // 28:02}.{1 + day % 28:02}"
            cluster.transport.request("PUT", (name,), body=body)
            cluster.fill(name, [(str(day), {"@timestamp": START_MS + day, "first": "x"})])
        pattern = f"aws-f{tag}-*"
        _, search, _ = ask(cluster, pattern, "eventName:x")
        assert search.warnings == [] and any("50 newest of 52 indices" in note for note in search.notes)
        assert "'first'" in ask(cluster, pattern, "first:x")[1].warnings[0]
        _, search, _ = ask(cluster, pattern, "nosuch:x", latest_ms=START_MS + 3)
        assert "'nosuch'" in search.warnings[0] and not any("newest" in note for note in search.notes)
        cluster.transport.request("DELETE", (pattern,))


class TestUnknownFields:
    def test_fail_makes_a_warning_an_error(self, cluster: Cluster, indices: Indices) -> None:
        _, _, error = ask(cluster, indices.new, "eventname:x", unknown_fields="fail")
        assert isinstance(error, QueryError) and "'eventname'" in str(error)
        hits, _, error = ask(cluster, indices.new, "eventName:CreateRole", unknown_fields="fail")
        assert (hits, error) == (1, None)

    def test_ignore_asks_nothing(self, cluster: Cluster, indices: Indices) -> None:
        for query in ("eventname:x", "count:abc"):
            hits, search, error = ask(cluster, indices.new, query, unknown_fields="ignore")
            assert (hits, search.warnings, error, search.unmatched) == (0, [], None, None)

    def test_another_word_is_refused(self) -> None:
        with pytest.raises(QueryError, match="use warn, fail, ignore"):
            SearchRequest(index="a", unknown_fields="no")


class TestPermissions:
    def test_no_message_names_what_may_not_be_read(self, cluster: Cluster, indices: Indices) -> None:
        _, search, _ = ask(cluster, indices.new, "latst:x", allowed_indices=(indices.new,))
        assert "latest" in search.warnings[0] and indices.old not in said(search, None)
        _, search, _ = ask(cluster, indices.old, "latst:x", allowed_indices=(indices.old,))
        assert "latest" not in search.warnings[0]
        hits, search, error = ask(cluster, indices.both, "latst:x", allowed_indices=(indices.new,))
        assert isinstance(error, IndexNotAllowed) and (hits, search.warnings) == (0, [])

    def test_with_the_role_of_the_docs_it_works(self, cluster: Cluster, indices: Indices) -> None:
        if not cluster.engine.users:
            pytest.skip("no users there")
        with Transport(config_of(cluster.engine, "reader")) as transport:
            _, search, _ = ask(cluster, indices.both, "req.roleName:other", transport=transport)
            assert indices.old in search.warnings[0] and search.notes == []

    @pytest.mark.parametrize("user", ["dls", "reader_nopit"])
    def test_without_the_permission_it_is_said_once(self, cluster: Cluster, indices: Indices, user: str) -> None:
        if not cluster.engine.users:
            pytest.skip("no users there")
        with Transport(config_of(cluster.engine, user)) as transport:
            _, search, error = ask(cluster, indices.both, "eventname:x", transport=transport)
            assert error is None and search.warnings == [] and search.unmatched == "unchecked"
            assert len([note for note in search.notes if "fields of the query were not checked" in note]) == 1
            _, _, error = ask(cluster, indices.both, "eventName:x", transport=transport, unknown_fields="fail")
            assert isinstance(error, QueryError) and "were not checked" in str(error)


class Answering(LocalServer):
    """Passes requests on; those to explain a query are answered with ``reply``."""

    def __init__(self, upstream: str, reply: Reply) -> None:
        self.upstream = upstream
        self.reply = reply
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine, or with the reply."""
        return self.reply if "_validate" in received.target else forward(self.upstream, received)


#: Replies of another shape than an engine's.
ODD = [
    b"[]",
    b"{}",
    b"x",
    b"null",
    b'{"explanations": 3}',
    b'{"explanations": [3]}',
    b'{"explanations": [{"index": 1}]}',
]
REFUSALS = [Reply(status, b'{"error": {"type": "x", "reason": "no"}}') for status in (403, 404, 405, 500)]


@pytest.mark.parametrize("reply", [*REFUSALS, *(Reply(200, body) for body in ODD)], ids=lambda reply: str(reply.body))
def test_a_cluster_that_does_not_explain_is_searched(cluster: Cluster, indices: Indices, reply: Reply) -> None:
    if cluster.id not in ("opensearch-2.19", "opensearch-1.3"):
        pytest.skip("with a point in time and without one is enough")
    with (
        Answering(cluster.engine.url, reply) as server,
        Transport(ClusterConfig((server.url,), max_retries=0)) as transport,
    ):
        hits, search, error = ask(cluster, indices.new, "eventName:CreateRole", transport=transport)
        assert (hits, error, search.warnings) == (1, None, [])
        assert search.unmatched == "unchecked"
        assert any("fields of the query were not checked" in note for note in search.notes)
        _, _, error = ask(cluster, indices.new, "eventName:x", transport=transport, unknown_fields="fail")
        assert isinstance(error, QueryError) and "were not checked" in str(error)


class Slow(LocalServer):
    """Passes requests on; one to explain a query is answered only when ``go_on`` is set."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        self.asked, self.go_on = threading.Event(), threading.Event()
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine, later or at once."""
        if "_validate" in received.target:
            self.asked.set()
            self.go_on.wait(60)
        return forward(self.upstream, received)


@pytest.mark.parametrize("end", ["answered", "closed"])
def test_no_row_waits_for_the_explanation(cluster: Cluster, indices: Indices, end: str) -> None:
    if cluster.id not in ("opensearch-2.19", "opensearch-1.3"):
        pytest.skip("with a point in time and without one is enough")
    with Slow(cluster.engine.url) as server, Transport(ClusterConfig((server.url,))) as transport:
        query = "eventName:* OR eventname:x"
        request = SearchRequest(index=indices.new, query=query, size=0, first_page_docs=2, page_size_docs=2)
        with open_search(transport, request) as search:
            pages = iter(search)
            rows = 0
            while rows < 4:
                rows += next(pages).count
            assert search.warnings == []
            end_it = {"answered": server.go_on.set, "closed": search.close}[end]
            threading.Thread(target=lambda: server.asked.wait(60) and end_it()).start()
            if end == "closed":
                with pytest.raises(Aborted):
                    next(pages)
                server.go_on.set()
            else:
                assert list(pages) == [] and "'eventname'" in search.warnings[0]


class SlowPage(LocalServer):
    """Passes requests on; a page is answered a while later, so that whatever is asked beside it comes before."""

    def __init__(self, upstream: str) -> None:
        self.upstream = upstream
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine, later or at once."""
        if b'"sort"' in received.body:
            time.sleep(0.3)
        return forward(self.upstream, received)


def test_what_only_messages_need_is_asked_when_the_first_rows_are_out(cluster: Cluster) -> None:
    if cluster.id not in ("opensearch-2.19", "opensearch-1.3"):
        pytest.skip("with a point in time and without one is enough")
    index = f"undated-{uuid.uuid4().hex[:8]}"
    cluster.fill(index, [("one", {"@timestamp": "2023-11-15T00:00:00Z", "eventName": "CreateRole"})])
    with SlowPage(cluster.engine.url) as server, Transport(ClusterConfig((server.url,))) as transport:
        request = SearchRequest(index=index, query="eventName:CreateRole OR eventname:x", earliest_ms=1, size=0)
        with open_search(transport, request) as search:
            pages = iter(search)
            assert next(pages).count == 1
            before = [received.target for received in server.received]
            assert list(pages) == [] and "'eventname'" in search.warnings[0]
        targets = [received.target for received in server.received]
    for question in (f"/{index}/_validate/query?explain", f"/{index}/_search$"):  # the other one: the oldest event
        assert [any(f"{t}$".startswith(question) for t in asked) for asked in (before, targets)] == [False, True]


class InOrder(LocalServer):
    """Passes requests on; those whose path holds ``later`` are answered when one that holds ``first`` was."""

    def __init__(self, upstream: str, first: str, later: str) -> None:
        self.upstream, self.first, self.later = upstream, first, later
        self.was_answered = threading.Event()
        super().__init__()

    def answer(self, received: Received) -> Reply:
        """Answer by the engine, later or at once."""
        if self.later in received.target:
            self.was_answered.wait(60)
        reply = forward(self.upstream, received)
        if self.first in received.target:
            self.was_answered.set()
        return reply


def test_a_name_that_became_an_alias_tells_no_field(cluster: Cluster) -> None:
    """The names were looked at; what they mean since may be another role's."""
    mine = cluster.create(properties={"own": {"type": "keyword"}})
    theirs = cluster.create(properties={"secret": {"type": "keyword"}})
    types = FieldTypes(cluster.transport)
    assert types.of(["own"], [mine]) == {"own": {mine: "keyword"}}
    actions = [{"remove_index": {"index": mine}}, {"add": {"index": theirs, "alias": mine}}]
    cluster.transport.request("POST", ("_aliases",), body={"actions": actions})
    assert types.all([mine]) == {} and types.of(["secret"], [mine]) == {}


def test_fail_lets_no_row_out(cluster: Cluster, indices: Indices) -> None:
    if cluster.id not in ("opensearch-2.19", "opensearch-1.3"):
        pytest.skip("with a point in time and without one is enough")
    with (
        InOrder(cluster.engine.url, "/_search?", "_validate") as server,
        Transport(ClusterConfig((server.url,))) as transport,
    ):
        query = "eventName:CreateRole OR eventname:x"
        hits, _, error = ask(cluster, indices.new, query, transport=transport, unknown_fields="fail")
        assert hits == 0 and isinstance(error, QueryError) and "'eventname'" in str(error)


def test_what_is_too_much_to_say_is_counted(cluster: Cluster, indices: Indices) -> None:
    _, search, _ = ask(cluster, indices.new, " OR ".join(f"no{n}:1" for n in range(15)))
    assert len(search.warnings) == 11 and search.warnings[-1].startswith("5 more parts")


#: Query text -> place and likely mistake.
UNREADABLE = [
    ("eventName:(a", ("character 13", "opened and not closed")),
    ("a AND", ("character 6", "ends with an operator")),
    ("AND a", ("character 1", "nothing in front of it")),
    ('eventName:"abc OR x', ("character 11", 'a quote (") is opened and not closed')),
    ("count:[1 TO", ("character 12", "two ends")),
    ("count:[1 TO 2", ("character 14", "two ends")),
    ("count:{1 TO}", ("two ends",)),
    ("source.ip:10.0.0.0/8", ("character 19", "\\/")),
    ("eventName:", ("no value", "field:*")),
    ("a) OR b", ("character 2", "has no (")),
    ("req.*:x", ("character 6", "written \\*", "looks in all members")),
    ('"eventName":x', ("character 12", "without quotes")),
    ("a:b:c", ("character 4", "written \\:")),
    ("a\\", ("character 2", "\\\\")),
    ("x !", ("ends with an operator",)),
    ("^2", ("character 1",)),
    ("(a Lexical error at line 1, column 2", ("character 37", "opened and not closed")),
    ('a b c at line 1, column 2 "at line 1, column 3', ("character 27", "a quote")),
    ("\n\teventName:(한글", ("character 16", "opened and not closed")),
    (none_of(string("a:b:c")), ("the query text in dsl=", "character 4")),
    # Longer than what an error keeps of an engine's words elsewhere.
    ("count:1 OR " * 900 + "a:b:c", ("character 9904", "written \\:")),
    (none_of(string("x" * 9000 + " AND (")), ("the query text in dsl=", "character 9007", "opened and not closed")),
]


def test_an_unreadable_query_is_told_by_place_and_mistake(cluster: Cluster, indices: Indices) -> None:
    found = []
    for query, words in UNREADABLE:
        for options in ({}, {"allowed_indices": (indices.new,)}):
            _, search, error = ask(cluster, indices.new, query, **options)
            text = str(error)
            is_long = len(text) > 500 or "Was expecting" in text
            if not isinstance(error, RejectedQuery) or is_long or [w for w in words if w not in text]:
                found.append(f"{str(query)[-100:]!r}: {text[:500]}")
    assert found == []
