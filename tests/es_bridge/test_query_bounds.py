"""How deep and how large a question may be: what is refused before anything is sent, and what is not."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from es_bridge.config import ClusterConfig
from es_bridge.errors import ConfigError, QueryError
from es_bridge.limits import Ceilings
from es_bridge.query import SearchRequest, parse_dsl
from es_bridge.query_bounds import check_question
from es_bridge.query_text import (
    MAX_JSON_DEPTH,
    MAX_TEXT_DEPTH,
    cost_of_query_string,
    cost_of_text,
    regex_wildcards,
)
from es_bridge.search import open_search
from es_bridge.transport import Transport
from lab.front.faults import FaultyServer

DEEP = MAX_TEXT_DEPTH + 1


def check(query: str = "", dsl: Any = None, **ceilings: Any) -> None:
    clause = parse_dsl(json.dumps(dsl)) if dsl else None
    check_question(SearchRequest(index="x", query=query, dsl=clause), Ceilings(**ceilings), "prod")


TOO_DEEP = [
    "-(" * 3000 + "a" + ")" * 3000,
    "(" * DEEP,
    "NOT (" * DEEP + "a",
    "a:(" * DEEP + "b" + ")" * DEEP,
    "(a) OR " * 500 + "(" * DEEP,
    "(b AND " * DEEP + "a",
    "NOT " * DEEP + "a",
    "+" * DEEP + "a",
    "!" * DEEP + "a",
    "- " * DEEP + "a",
    "+-!" * DEEP + "a",
    # What only looks like a closing parenthesis closes nothing.
    r"(\)" * DEEP,
    '(")"' * DEEP,
    "(/)/ " * DEEP,
    "([a TO )] " * DEEP,
    '( ["x"y TO z] ")" ' * DEEP,
    "a:/" + "(" * DEEP + "a" + ")" * DEEP + "/",
    "a:/" + "~(" * DEEP + "a" + ")" * DEEP + "/",
]


@pytest.mark.parametrize("text", TOO_DEEP, ids=lambda text: text[:20])
def test_query_text_that_is_nested_too_deeply(text: str) -> None:
    for asked in ({"query": text}, {"dsl": {"bool": {"must_not": [{"query_string": {"query": text}}]}}}):
        with pytest.raises(
            QueryError, match=rf"is nested \d+ parentheses or operators deep; {MAX_TEXT_DEPTH} are allowed"
        ):
            check(**asked)


@pytest.mark.parametrize("kind", ["simple_query_string", "multi_match", "more_like_this", "combined_fields"])
def test_other_texts_of_dsl_are_looked_at_too(kind: str) -> None:
    name = "like" if kind == "more_like_this" else "query"
    for text in ("-(" * DEEP, r"(\)" * DEEP, '(")"' * DEEP, "(/)/" * DEEP):
        with pytest.raises(QueryError, match="parentheses or operators deep"):
            check(dsl={kind: {name: text, "fields": ["a"]}})


def test_a_shape_in_words_is_a_text_too() -> None:
    with pytest.raises(QueryError, match="parentheses or operators deep"):
        check(dsl={"geo_shape": {"at": {"shape": "GEOMETRYCOLLECTION (" * DEEP + "POINT (1 1)" + ")" * DEEP}}})


@pytest.mark.parametrize(
    "text",
    [
        "(" * MAX_TEXT_DEPTH + "a" + ")" * MAX_TEXT_DEPTH,
        "(a) OR " * 300 + "(b)",
        "-----BEGIN",
        'message:"' + "(" * 500 + '"',
        r"message:\(\(" * 100,
        'message:"' + "-" * 500 + '"',
        "a:[1 TO 2] AND (b:/c.d/ OR f:g~)",
        "",
        "*",
    ],
)
def test_query_text_as_people_write_it_passes(text: str) -> None:
    check(query=text)


@pytest.mark.parametrize(
    "text",
    [
        '{"bool":{"must":[' * 290 + '{"match_all":{}}' + "]}}" * 290,
        '{"bool":{"must_not":' * 31 + '{"match_all":{}}' + "}}" * 31,
        "[" * 100_000,
        '{"term":{"a":' + "[" * 2000 + "1" + "]" * 2000 + "}}",
        '{"a":"\\"}}}}}]]]]","b":' * 61 + "1",
    ],
    ids=lambda text: text[:20],
)
def test_json_that_is_nested_too_deeply(text: str) -> None:
    with pytest.raises(QueryError, match=rf"dsl= is nested \d+ brackets deep; {MAX_JSON_DEPTH} are allowed"):
        parse_dsl(text)


def test_a_deep_clause_that_nobody_parsed_is_refused_as_well() -> None:
    clause: Dict[str, Any] = {"match_all": {}}
    for levels in (40, 100_000):
        for _ in range(levels):
            clause = {"bool": {"must": [clause]}}
        with pytest.raises(QueryError, match="nested"):
            check_question(SearchRequest(index="x", dsl=clause), Ceilings(), "prod")
    while clause:  # taken apart level by level: so deep a one would be freed by recursion
        clause = clause.pop("bool", {}).pop("must", [{}]).pop()


def test_brackets_in_a_string_are_none() -> None:
    assert parse_dsl(json.dumps({"term": {"a": "[{" * 500 + '"'}}))


COSTS = [
    ("a:b AND NOT c:(d OR e)", 3, 0),
    ("a b c", 3, 0),
    ("a:* AND b:*", 2, 0),
    ("*:*", 1, 0),
    ("a:x*", 1, 1),
    ("a:*x*", 1, 2),
    (r"a:x\*y", 1, 0),
    ('a:"x*y?z"', 1, 0),
    ("a:x~2", 2, 1),
    ("a.*:b", 1, 1),
    ("a:/x.*y/", 1, 2),
    ("a:[1 TO 2]", 1, 0),
    (r"arn:arn\:aws\:iam\:\:1\:role\/x", 1, 0),
]


@pytest.mark.parametrize(("text", "clauses", "wildcards"), COSTS)
def test_what_a_text_costs(text: str, clauses: int, wildcards: int) -> None:
    cost = cost_of_query_string(text, "query=")
    assert (cost.clauses, cost.wildcards) == (clauses, wildcards)


#: What is too much with ceilings of 10 characters..., by name of the ceiling.
TOO_LARGE = [
    ("max_query_chars", {"query": "a" * 101}),
    ("max_query_chars", {"dsl": {"terms": {"a": ["b" * 20] * 6}}}),
    ("max_query_clauses", {"query": " OR ".join("abcdefghijk")}),
    ("max_query_clauses", {"query": "a+b" + "!c" * 10}),
    ("max_query_clauses", {"query": '"a""b"' * 6}),
    ("max_query_clauses", {"dsl": {"bool": {"should": [{"term": {"a": 1}}] * 10}}}),
    ("max_query_clauses", {"dsl": {"match": {"a": "b c d e f g h i j k"}}}),
    ("max_query_clauses", {"dsl": {"match": {"a": "\u4e00\u4e8c" * 6}}}),
    ("max_query_clauses", {"dsl": {"multi_match": {"query": "b c d", "fields": ["x", "y", "z"]}}}),
    ("max_query_wildcards", {"query": "*a* OR *b* OR *c*"}),
    ("max_query_wildcards", {"query": "a:/x*y*z*x*y*/"}),
    ("max_query_wildcards", {"query": "a~ b~ c~ d~ e~ f~"}),
    ("max_query_wildcards", {"query": "a:/.*a.{12}/"}),
    ("max_query_wildcards", {"query": "a:*a?????"}),
    ("max_query_wildcards", {"query": "/a/" * 6}),
    ("max_query_wildcards", {"dsl": {"wildcard": {"type": "*a*b*c*d*e*"}}}),
    ("max_query_wildcards", {"dsl": {"regexp": {"a": {"value": ".*a.*b.*c.*d.*e"}}}}),
    ("max_query_wildcards", {"dsl": {"bool": {"must_not": [{"prefix": {"a": "b"}}] * 6}}}),
    ("max_query_wildcards", {"dsl": {"bool": {"must": {"query_string": {"query": "*a* *b* *c*"}}}}}),
    ("max_query_wildcards", {"dsl": {"simple_query_string": {"query": '"a* b*" c* d* e* f*'}}}),
    ("max_query_wildcards", {"dsl": {"match": {"a": {"query": "b c d e f g", "fuzziness": 2}}}}),
    ("max_query_wildcards", {"dsl": {"query_string": {"query": "a", "fields": ["b*"] * 6}}}),
    ("max_query_wildcards", {"dsl": {"span_multi": {"match": {"wildcard": {"a": "*b*c*d*e*f*"}}}}}),
    (
        "max_query_wildcards",
        {"dsl": {"intervals": {"a": {"all_of": {"intervals": [{"prefix": {"prefix": "b"}}] * 6}}}}},
    ),
    (
        "max_query_wildcards",
        {"dsl": {"function_score": {"functions": [{"filter": {"fuzzy": {"a": "b"}}, "weight": 1}] * 6}}},
    ),
]


@pytest.mark.parametrize(("name", "asked"), TOO_LARGE, ids=lambda value: str(value)[:50])
def test_what_is_beyond_a_ceiling_is_refused_with_its_name(name: str, asked: Dict[str, Any]) -> None:
    most = {"max_query_chars": 100, "max_query_clauses": 10, "max_query_wildcards": 5}
    least = dict.fromkeys(most, 1_000_000)
    with pytest.raises(
        QueryError, match=rf"more than cluster 'prod' allows one search \({name} = {most[name]}, set by"
    ):
        check(**asked, **{**least, name: most[name]})
    check(**asked, **{**least, name: 100_000})


def test_the_reported_query_is_refused_by_default() -> None:
    with pytest.raises(QueryError, match="2000 wildcards"):
        check(query=" OR ".join(f"*{n}*" for n in range(1000)))


@pytest.mark.parametrize(
    "query",
    [
        "userAgent:(*boto* OR *curl* OR *python* OR *nmap* OR *kali*)",
        " OR ".join(f"source.ip:198.51.100.{n}" for n in range(250)),
        'eventName:(Describe* OR List* OR Get*) AND NOT userIdentity.arn:"arn:aws:iam::*"',
        "requestParameters.bucketName:/.*(backup|logs)-[0-9]{12}.*/",
    ],
)
def test_the_defaults_let_through_what_people_ask(query: str) -> None:
    check(query=query)


@pytest.mark.parametrize(
    "asked",
    [
        {"query": "*a"},
        {"query": "a:?b"},
        {"query": "a:(b OR +*c)"},
        {"query": "a:/.*b/"},
        {"query": "a:/(b|c)d/"},
        {"dsl": {"wildcard": {"a": {"value": "*b"}}}},
        {"dsl": {"regexp": {"a": "[bc]d"}}},
        {"dsl": {"bool": {"filter": [{"query_string": {"query": "x *a"}}]}}},
        {"dsl": {"intervals": {"a": {"wildcard": {"pattern": "*b"}}}}},
    ],
)
def test_leading_wildcards_can_be_switched_off(asked: Dict[str, Any]) -> None:
    check(**asked)
    with pytest.raises(QueryError, match="leaves open how the value begins.*leading_wildcards = 0"):
        check(**asked, leading_wildcards=False)


@pytest.mark.parametrize("query", ["a:*", "a:b*", r"\*a", '"*a"', "_exists_:a", "a:/b.*/", "*"])
def test_what_does_not_lead_with_a_wildcard_passes(query: str) -> None:
    check(query=query, leading_wildcards=False)


@pytest.mark.parametrize("pattern", ["((a{1000}){1000}){1000}", "(a{200}){200}", "a{1000}{1000}", "(a{9,2000}){2000}"])
def test_a_regular_expression_that_takes_the_heap(pattern: str) -> None:
    for asked in ({"query": f"a:/{pattern}/"}, {"dsl": {"regexp": {"a": {"value": pattern}}}}):
        with pytest.raises(QueryError, match="repeats too much"):
            check(**asked)


@pytest.mark.parametrize("value", [10_001, "1000000000", 1e9, None, float("inf"), [], "x"])
@pytest.mark.parametrize("name", ["max_determinized_states", "maxDeterminizedStates"])
def test_options_that_multiply_the_work_have_a_bound(name: str, value: Any) -> None:
    if value != []:
        with pytest.raises(QueryError, match="because it multiplies the work"):
            check(dsl={"regexp": {"a": {"value": "b", name: value}}})
    check(dsl={"regexp": {"a": {"value": "b", name: 10_000}}})


@pytest.mark.parametrize(
    "sign",
    [
        "[",
        "{",
        "/",
        '"',
        "\\",
        "/\\",
        '"\\',
        "-",
        "NOT ",
        "a{9}",
        '[ "',
        "([",
        "\\/",
        "- ",
        "*?",
        "[.*",
        ".{9",
        "[a TO ",
    ],
)
def test_counting_takes_linear_time(sign: str) -> None:
    """A quadratic one would take minutes here."""
    text = sign * (200_000 // len(sign))
    for count in (cost_of_query_string, cost_of_text, regex_wildcards):
        try:
            count(text, "x")
        except QueryError:
            pass


@pytest.mark.parametrize("name", ["max_query_chars", "max_query_clauses"])
def test_a_ceiling_that_lets_nothing_through_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} = 0"):
        Ceilings(**{name: 0})


def test_nothing_is_sent_of_a_question_that_is_refused() -> None:
    with FaultyServer() as server, Transport(ClusterConfig((server.url,))) as transport:
        for options in ({"query": "-(" * 3000}, {"query": "*a*" * 1000}):
            with open_search(transport, SearchRequest(index="x", **options)) as search, pytest.raises(QueryError):
                list(search)
        assert server.received == []
