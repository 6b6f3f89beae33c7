"""The deepest questions that are let through, on every engine: none may end a node, or keep it busy."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict

import pytest

from es_bridge.errors import NothingMatched, QueryError, RejectedQuery, ResponseError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.query_bounds import check_question
from es_bridge.query_text import MAX_TEXT_DEPTH
from es_bridge.search import open_search

from .conftest import PLAIN, START_MS, Cluster, each_of

Clause = Dict[str, Any]
WORD: Clause = {"term": {"k": "a"}}
SPAN: Clause = {"span_term": {"t": "a"}}
MATCH: Clause = {"match": {"query": "a"}}
_indices: Dict[str, str] = {}


cluster = each_of(PLAIN)


@pytest.fixture
def index(cluster: Cluster) -> str:
    if cluster.id not in _indices:
        properties = {
            "@timestamp": {"type": "date"},
            "k": {"type": "keyword"},
            "t": {"type": "text"},
            "n": {"type": "nested", "properties": {"k": {"type": "keyword"}}},
        }
        _indices[cluster.id] = name = cluster.create(shards=2, properties=properties)
        documents = (
            {"@timestamp": START_MS + n, "k": "abc"[n % 3], "t": "a b c", "n": [{"k": "a"}]} for n in range(20)
        )
        cluster.fill(name, ((str(n), document) for n, document in enumerate(documents)))
    return _indices[cluster.id]


def is_let_through(asked: Dict[str, Any]) -> bool:
    try:
        clause = parse_dsl(json.dumps(asked["dsl"])) if "dsl" in asked else None
        check_question(SearchRequest(index="x", query=asked.get("query", ""), dsl=clause), Ceilings(), "x")
    except QueryError:
        return False
    return True


def deepest(asked: Callable[[int], Dict[str, Any]]) -> Dict[str, Any]:
    """Return the deepest question of a kind that is let through."""
    levels = 1
    while is_let_through(asked(levels + 1)):
        levels += 1
        assert levels < 2000, "there is no bound"
    return asked(levels)


def clauses(wrap: Callable[[Clause], Clause], innermost: Clause = WORD, around: Any = None) -> Callable[[int], Any]:
    def asked(levels: int) -> Dict[str, Any]:
        clause = innermost
        for _ in range(levels):
            clause = wrap(clause)
        return {"dsl": around(clause) if around else clause}

    return asked


def text(opening: str, closing: str = ")") -> Callable[[int], Any]:
    return lambda levels: {"query": opening * levels + "a" + closing * levels}


def in_bools(levels: int) -> Dict[str, Any]:
    """Nest a text as deep as may be in clauses as deep as may be."""
    clause: Clause = {"query_string": {"query": "-(b OR " * MAX_TEXT_DEPTH + "a" + ")" * MAX_TEXT_DEPTH}}
    for _ in range(levels):
        clause = {"bool": {"must_not": clause}}
    return {"dsl": clause}


def intervals(rule: Clause) -> Clause:
    return {"intervals": {"t": rule}}


KINDS: Dict[str, Callable[[int], Dict[str, Any]]] = {
    "-(": text("-("),
    "(": text("("),
    "NOT (": text("NOT ("),
    "field:(": text("t:("),
    "boost": text("(", ")^2"),
    "mixed text": text("(b AND -(c OR ", "))"),
    "regex (": lambda n: {"query": "k:/" + "(" * n + "a" + ")" * n + "/"},
    "regex ()*": lambda n: {"query": "k:/" + "(" * n + "a" + ")*" * n + "/"},
    "regex ~(": lambda n: {"query": "k:/" + "~(" * n + "a" + ")" * n + "/"},
    "regex ?": lambda n: {"query": "k:/" + "a?" * n + "/"},
    "regex {}": lambda n: {"query": f"k:/(a{{{n}}}){{10}}/"},
    "regex .{}": lambda n: {"query": f"k:/.*a.{{{n}}}/"},
    "regex clause {}": lambda n: {"dsl": {"regexp": {"k": {"value": f"((a{{{n}}}){{4}}){{4}}"}}}},
    "wildcard ?": lambda n: {"query": "k:*a" + "?" * n},
    "wildcard *": lambda n: {"dsl": {"wildcard": {"k": {"value": "*a" * n}}}},
    "simple (": lambda n: {"dsl": {"simple_query_string": {"query": "(" * n + "a" + ")" * n, "fields": ["t"]}}},
    "simple -(": lambda n: {"dsl": {"simple_query_string": {"query": "-(" * n + "a" + ")" * n, "fields": ["t"]}}},
    "bool must": clauses(lambda q: {"bool": {"must": [q]}}),
    "bool should": clauses(lambda q: {"bool": {"should": [q, WORD], "must_not": [{"term": {"k": "z"}}]}}),
    "bool must_not": clauses(lambda q: {"bool": {"must_not": q}}),
    "constant_score": clauses(lambda q: {"constant_score": {"filter": q}}),
    "dis_max": clauses(lambda q: {"dis_max": {"queries": [q]}}),
    "boosting": clauses(lambda q: {"boosting": {"positive": WORD, "negative": q, "negative_boost": 0.5}}),
    "function_score": clauses(
        lambda q: {"function_score": {"query": WORD, "functions": [{"filter": q, "weight": 2}]}},
    ),
    "nested": clauses(
        lambda q: {"nested": {"path": "n", "query": q}}, {"term": {"n.k": "a"}}, lambda q: {"bool": {"filter": q}}
    ),
    "span_near": clauses(lambda q: {"span_near": {"clauses": [q, SPAN], "slop": 1}}, SPAN),
    "span_or": clauses(lambda q: {"span_or": {"clauses": [q, SPAN]}}, SPAN),
    "span_not": clauses(lambda q: {"span_not": {"include": q, "exclude": {"span_term": {"t": "z"}}}}, SPAN),
    "span_first": clauses(lambda q: {"span_first": {"match": q, "end": 3}}, SPAN),
    "span_containing": clauses(lambda q: {"span_containing": {"big": q, "little": SPAN}}, SPAN),
    "intervals all_of": clauses(lambda q: {"all_of": {"intervals": [q]}}, MATCH, intervals),
    "intervals filter": clauses(lambda q: {"match": {"query": "a", "filter": {"not_containing": q}}}, MATCH, intervals),
    "text in bools": in_bools,
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_deepest_question_let_through_ends_no_node(cluster: Cluster, index: str, kind: str) -> None:
    asked = deepest(KINDS[kind])
    dsl = parse_dsl(json.dumps(asked["dsl"])) if "dsl" in asked else None
    request = SearchRequest(index=index, query=asked.get("query", ""), dsl=dsl, size=0)
    with open_search(cluster.transport, request) as search:
        try:
            assert sum(len(page.hits) for page in search) <= 20
        except (RejectedQuery, QueryError) as exc:
            # Elasticsearch 8 has a smaller limit of its own for a bool, and refuses what is too complex.
            assert str(exc)
        except NothingMatched:
            raise
        except ResponseError as exc:
            assert exc.status >= 400, exc
    assert cluster.engine.running
    assert cluster.transport.request("GET", (index, "_count")).json()["count"] == 20
