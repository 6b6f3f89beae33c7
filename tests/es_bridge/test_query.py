"""What may be asked: the request's own checks, and the query clauses that are refused."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from es_bridge.errors import QueryError
from es_bridge.query import SearchRequest, missing_clause, parse_dsl, range_clause, user_clauses

ALLOWED = [
    {"term": {"errorCode": "AccessDenied"}},
    {"term": {"script": "a field may have any name"}},
    {"terms": {"sourceIPAddress": ["203.0.113.66", "10.0.0.0/8"]}},
    {"bool": {"must": {"match_all": {}}, "must_not": [{"exists": {"field": "errorCode"}}], "minimum_should_match": 0}},
    {"nested": {"path": "resources", "query": {"wildcard": {"resources.ARN": {"value": "arn:*"}}}}},
    {"constant_score": {"filter": {"range": {"@timestamp": {"gte": "now-1d"}}}}},
    {"function_score": {"query": {"match_all": {}}, "functions": [{"filter": {"term": {"a": 1}}, "weight": 2}]}},
    {"function_score": {"query": {"match_all": {}}, "gauss": {"at": {"origin": 1, "scale": 2}}, "boost_mode": "sum"}},
    {"geo_shape": {"at": {"shape": {"type": "point", "coordinates": [1, 2]}, "relation": "within"}, "boost": 2}},
    {"terms_set": {"codes": {"terms": ["a", "b"], "minimum_should_match_field": "n"}}},
    {"more_like_this": {"fields": ["a"], "like": "some text"}},
    {"intervals": {"message": {"match": {"query": "a b"}}}},
]

REFUSED = [
    ({"size": 5, "query": {"match_all": {}}}, "size="),
    ({"query": {"match_all": {}}, "sort": ["x"]}, "newest first"),
    ({"aggs": {}}, "stats"),
    ({"query": {"match_all": {}}, "runtime_mappings": {}}, "run scripts"),
    ({"terms": {"user": {"index": "users", "id": "2", "path": "followers"}}}, "another index"),
    ({"geo_shape": {"location": {"indexed_shape": {"index": "shapes", "id": "a"}}}}, "another index"),
    ({"percolate": {"field": "query", "document": {}}}, "another index"),
    ({"more_like_this": {"like": [{"_index": "other", "_id": "1"}]}}, "another index"),
    ({"more_like_this": {"like": "x", "unlike": {"_id": "1"}}}, "another index"),
    ({"script": {"script": "true"}}, "scripts"),
    ({"bool": {"filter": [{"bool": {"should": [{"script": {"script": "true"}}]}}]}}, "scripts"),
    ({"script_score": {"query": {"match_all": {}}, "script": {"source": "1"}}}, "scripts"),
    ({"function_score": {"script_score": {"script": "1"}}}, "scripts"),
    ({"function_score": {"functions": [{"script_score": {"script": "1"}}]}}, "scripts"),
    ({"function_score": {"functions": [{"filter": {"script": {}}, "weight": 1}]}}, "scripts"),
    ({"terms_set": {"codes": {"terms": ["a"], "minimum_should_match_script": {"source": "1"}}}}, "scripts"),
    ({"intervals": {"m": {"match": {"query": "a", "filter": {"script": {"source": "true"}}}}}}, "script"),
    ({"function_score": {"functions": {"script_score": {"script": "1"}}}}, "must be a list"),
    ({"function_score": {"functions": [[{"script_score": {"script": "1"}}]]}}, "must be a list"),
    ({"function_score": {"functions": [{"scriptScore": {"script": "1"}}]}}, "not supported there"),
    ({"function_score": {"scriptScore": {"script": "1"}}}, "not supported there"),
    ({"function_score": {"filter": {"terms": {"u": {"index": "b", "id": "1", "path": "p"}}}}}, "another index"),
    (
        {"function_score": {"functions": [{"filter": {"bool": {"must": [{"percolate": {}}]}}, "weight": 1}]}},
        "another index",
    ),
    ({"geo_shape": {"at": {"indexedShape": {"index": "shapes", "id": "a"}}}}, "indexedShape"),
    ({"xy_shape": {"at": {"indexed_shape": {"index": "shapes", "id": "a"}}}}, "another index"),
    ({"terms_set": {"codes": {"terms": ["a"], "minimumShouldMatchScript": {"source": "1"}}}}, "not supported there"),
    ({"more_like_this": {"docs": [{"_index": "other", "_id": "1"}]}}, "'docs'"),
    ({"more_like_this": {"ids": ["1"]}}, "'ids'"),
    ({"nested": {"path": "a", "query": {"geo_shape": {"a.at": {"indexed_shape": {"id": "a"}}}}}}, "another index"),
    ({"boosting": {"positive": {"match_all": {}}, "negative": {"wrapper": {"query": "e30="}}}}, "hides"),
    ({"span_multi": {"match": {"wrapper": {"query": "e30="}}}}, "hides"),
    ({"knn": {"field": "v", "query_vector_builder": {"lookup": {"index": "b", "id": "1", "path": "v"}}}}, "knn"),
    ({"semantic": {"field": "f", "query": "q"}}, "semantic"),
    ({"rule": {"organic": {"match_all": {}}, "ruleset_ids": ["r"]}}, "rule"),
    ({"pinned": {"docs": [{"_index": "b", "_id": "1"}], "organic": {"match_all": {}}}}, "by index and id"),
    ({"wrapper": {"query": "eyJ0ZXJtIjp7fX0="}}, "hides"),
    ({"nested": {"path": "a", "query": {"match_all": {}}, "inner_hits": {}}}, "inner_hits"),
    ({"bool": {"mustNot": [{"terms": {"user": {"index": "users", "id": "2", "path": "f"}}}]}}, "mustNot"),
    ({"constant_score": {"query": {"script": {"script": "true"}}}}, "not supported"),
    ({"brand_new_clause": {}}, "not supported"),
    ({"term": {"a": 1}, "range": {"b": {}}}, "one query clause"),
    ([], "one query clause"),
    ("text", "one query clause"),
    ({"term": "x"}, "must be an object"),
    ({"bool": {"filter": ["x"]}}, "one query clause"),
]


@pytest.mark.parametrize("clause", ALLOWED, ids=lambda c: next(iter(c)))
def test_clauses_that_look_at_the_document_pass_unchanged(clause: Dict[str, Any]) -> None:
    assert parse_dsl(json.dumps(clause)) == clause
    assert parse_dsl(json.dumps({"query": clause})) == clause


@pytest.mark.parametrize(("clause", "reason"), REFUSED, ids=[json.dumps(c)[:60] for c, _ in REFUSED])
def test_what_could_reach_further_is_refused_with_the_reason(clause: Any, reason: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse_dsl(json.dumps(clause))
    assert reason in str(caught.value)


def test_text_that_is_no_json_says_where() -> None:
    with pytest.raises(QueryError, match="column 11"):
        parse_dsl('{"term": {a}}')


@pytest.mark.parametrize("text", ["[" * 100_000, '{"bool":{"must":' * 2000 + "{}" + "}}" * 2000])
def test_text_that_is_nested_too_deeply(text: str) -> None:
    with pytest.raises(QueryError):
        parse_dsl(text)


def test_names_of_clauses_are_dropped_because_ours_delimits_hits() -> None:
    named = {"bool": {"_name": "x", "must": [{"term": {"a": {"value": 1, "_name": "y"}}}]}}
    assert parse_dsl(json.dumps(named)) == {"bool": {"must": [{"term": {"a": {"value": 1}}}]}}


def test_a_list_of_indices_as_people_write_it() -> None:
    assert SearchRequest(index=" aws-a, aws-*,,-aws-b ,").index == "aws-a,aws-*,-aws-b"
    assert SearchRequest(index="aws-a,<aws-{now/d}>").index == "aws-a,<aws-{now/d}>"


@pytest.mark.parametrize("query", ["", "*", " *:* "])
def test_everything_is_no_clause(query: str) -> None:
    assert user_clauses(SearchRequest(index="x", query=query)) == []


def test_the_users_text_is_a_value_and_nothing_else() -> None:
    text = '") OR _index:secret&size=1{}\n'
    assert user_clauses(SearchRequest(index="x", query=text)) == [{"query_string": {"query": text}}]


def test_range_has_only_the_bounds_there_are() -> None:
    assert range_clause("t", None, None) == []
    assert range_clause("t", 5, None) == [{"range": {"t": {"gte": 5, "format": "epoch_millis"}}}]
    assert range_clause("t", 0, 7) == [{"range": {"t": {"gte": 0, "lt": 7, "format": "epoch_millis"}}}]
    assert missing_clause("t") == {"bool": {"must_not": [{"exists": {"field": "t"}}]}}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"index": " , "}, "no index"),
        ({"index": "a/_search?q=*"}, "not an index pattern"),
        ({"index": "<a-{now/d}>,b/c"}, "'b/c' is not an index pattern"),
        ({"index": "a", "size": -1}, "size=-1"),
        ({"index": "a", "partial": "maybe"}, "fail or allow"),
        ({"index": "a", "time_field": ""}, "time_field"),
        ({"index": "a", "earliest_ms": 5, "latest_ms": 5}, "empty"),
    ],
)
def test_requests_that_cannot_be_asked(options: Dict[str, Any], reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        SearchRequest(**options)
