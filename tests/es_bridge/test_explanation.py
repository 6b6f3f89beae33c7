"""Engines' explanations, recorded from all of the catalogue (`tests/data/explanations.json`), and hostile ones.

The index behind the recordings: keyword ``e``, long ``n``, ip ``ip``, a disabled object ``stored``, a keyword ``kept``
that is not indexed, and ``whole``, indexed as a whole where the engine can.
"""

from __future__ import annotations

import json
import random
import string
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

from es_bridge.query import leaves, parse_dsl
from es_bridge.unmatched import field_names
from es_bridge.unmatched.ask import newest
from es_bridge.unmatched.clauses import named_fields
from es_bridge.unmatched.explanation import is_network, read, relation
from es_bridge.unmatched.marker import MARKER, may_hide_marker, without_marker

RECORDED: Dict[str, List[Dict[str, Any]]] = json.loads(
    (Path(__file__).parents[1] / "data" / "explanations.json").read_text("utf-8")
)
#: Query -> the failures read from every engine's explanation: kind, and the name with it.
FAILURES: Dict[str, Set[Tuple[str, str]]] = {
    "e:a": set(),
    "e:a AND nosuch:1": {("unmapped", "nosuch")},
    "NOT nosuch:1": {("unmapped", "nosuch")},
    "_exists_:nosuch": {("unmapped", "nosuch")},
    "n:abc": {("value", "n")},
    "n:1.5": {("value", "")},
    "n:>5": set(),
    "n:1*": {("value", "n")},
    "n:5~": {("value", "n")},
    "ip:10.2.*": {("value", "ip")},
    'ip:"10.0.0.0/33"': {("value", "ip")},
    'ip:"10.0.0.0/8"': set(),
    "kept:x": {("not_indexed", "kept")},
    "word": set(),
    "e=a": set(),
    "one e=a two": set(),
    "nosuch:/a.*/": {("unmapped", "a.*")},
    "nosuch:f*": {("unmapped", "f")},
    "nosuch:*f": {("unmapped", "*f")},
    "nosuch:(a OR b)": {("unmapped", "nosuch")},
    "(nosuch:1)^2": {("unmapped", "nosuch")},
    'e:"10.0.0.0/8"': set(),
    'e:"un\\"quo)te | x"': set(),
    'n:"x]\\") y"': {("value", "n")},
    '{"term": {"nosuch": "x"}}': {("nameless", "")},
    '{"exists": {"field": "nosuch"}}': {("nameless", "")},
    '{"bool": {"must_not": [{"bool": {"filter": [{"query_string": {"query": "n:abc"}}]}}]}}': {("value", "n")},
    '{"multi_match": {"query": "abc", "fields": ["e", "n"], "lenient": true}}': set(),
    '{"multi_match": {"query": "abc", "fields": ["n", "ip"], "lenient": true}}': {("value", "n"), ("value", "ip")},
    '{"multi_match": {"query": "a", "fields": ["nosuch"]}}': {("unmapped", "")},
    '{"query_string": {"query": "a", "fields": ["nosuch"]}}': {("unmapped", "")},
    '{"terms": {"n": [1.5]}}': {("value", "")},
    '{"match_none": {}}': {("nameless", "")},
}


def recorded() -> Iterator[Tuple[str, str, str]]:
    for query, entries in RECORDED.items():
        for entry in entries:
            yield query, entry["explanation"], ",".join(entry["engines"])


@pytest.mark.parametrize(
    ("query", "text", "engines"),
    [case for case in recorded() if case[0] in FAILURES],
    ids=lambda value: value[:40],
)
def test_failures_of_every_engine(query: str, text: str, engines: str) -> None:
    found = {(failure.kind, failure.name) for failure in read(text).failures}
    # The wrong field is named by OpenSearch 2.19 and Elasticsearch 8.15 where several fail.
    if "multi_match" in query and ("opensearch-2.19" in engines or "elasticsearch-8.15" in engines):
        assert {kind for kind, _ in found} == {kind for kind, _ in FAILURES[query]}
    else:
        assert found == FAILURES[query]


def test_every_engine_is_recorded() -> None:
    for query, entries in RECORDED.items():
        assert len({engine for entry in entries for engine in entry["engines"]}) == 6, query


def test_a_bare_word_in_an_index_without_documents_is_no_failure() -> None:
    assert read(MARKER + '("unmapped fields [*]")').failures == ()  # Elasticsearch 8.15 and 9.0


def terms_of(query: str) -> Iterator[Tuple[str, List[Any]]]:
    for entry in RECORDED[query]:
        yield ",".join(entry["engines"]), list(read(entry["explanation"]).terms())


def test_terms_of_every_engine() -> None:
    for engines, terms in terms_of('e:"10.0.0.0/8"'):
        assert [(term.field, term.text, term.is_word) for term in terms] == [("e", "10.0.0.0/8", False)], engines
    for engines, terms in terms_of('{"terms": {"e": ["10.0.0.0/8", "y"]}}'):
        assert [(term.field, term.text) for term in terms] == [("e", "10.0.0.0/8"), ("e", "y")], engines
    for engines, terms in terms_of('e:(x OR "2001:db8::/32")'):
        assert ("e", "2001:db8::/32") in [(term.field, term.text) for term in terms], engines
    for query in ("e=a", "one e=a two"):
        for engines, terms in terms_of(query):
            assert [t for t in terms if t.field == "e" and relation(t.text) == ("e", "=") and t.is_word], engines


def test_the_reason_of_a_value_is_readable() -> None:
    for entry in RECORDED["n:1.5"]:
        assert "[1.5]" in read(entry["explanation"]).failures[0].reason


class TestHostile:
    """A value stands in an explanation as it is: it must not end the reading, nor say anything itself."""

    @pytest.mark.parametrize(
        "text",
        [
            MARKER,
            MARKER + '("',
            MARKER + '("unmapped fields [',
            MARKER + '("unmapped fields []")',
            MARKER + '("failed [] query, caused by :[]")',
            MARKER + '("")' * 50,
            "(" * 5000,
            ")" * 5000,
            "((" * 2000 + MARKER + '("x")' + "))" * 2000,
            " | " * 3000,
            "e:" * 3000,
            "\ue000" * 100,
            "e:\x00\u2028\ud800",
            "[[" * 3000,
            MARKER + '("Value [[zz]] has a decimal part")',
            MARKER + '("Value [[' + "ff " * 3000 + ']] has a decimal part")',
        ],
        ids=range(16),
    )
    def test_any_text_is_read(self, text: str) -> None:
        explanation = read(text)
        list(explanation.terms())

    def test_random_texts_are_read(self) -> None:
        chance = random.Random(7)
        pieces = [MARKER + '("unmapped fields [x]")', MARKER + '("', '")', " | ", "(", ")", "e:", "[", "]", '"', "^2.0"]
        for _ in range(3000):
            text = "".join(
                chance.choice([*pieces, chance.choice(string.printable)]) for _ in range(chance.randrange(30))
            )
            list(read(text).terms())

    @pytest.mark.parametrize(
        "value", ['x") y', 'x]") y', "a | b", "(a", "a)", '"', "\\", "]]", "caused by x:[y]", "\ue000"]
    )
    def test_a_value_hides_no_other_part(self, value: str) -> None:
        failed = f'{MARKER}("failed [n] query, caused by number_format_exception:[For input string: "{value}"]")'
        found = read(f'+{failed} +{MARKER}("unmapped fields [nosuch]")').failures
        assert [(failure.kind, failure.name) for failure in found] == [("value", "n"), ("unmapped", "nosuch")]

    @pytest.mark.parametrize("value", ["(a", "a)", "((", '")', "x y", "[", "a:b", "e:b"])
    def test_a_word_with_brackets_stays_a_word(self, value: str) -> None:
        failed = f'{MARKER}("failed [n] query, caused by number_format_exception:[For input string: "{value}"]")'
        for text in (f"(e:{value} | {failed})", f"({failed} | e:{value})", f"+(e:{value} | {failed} | f:{value}) #g:1"):
            assert read(text).failures == ()

    def test_the_engines_word_is_taken_out_of_values(self) -> None:
        assert MARKER not in without_marker(f'a {MARKER}("unmapped fields [x]") {MARKER}')

    @pytest.mark.parametrize("text", ["Match\\NoDocsQuery", "\\u004datchNoDocsQuery", "M\\atch\\u004eoDocsQuery"])
    def test_an_escaped_one_is_noticed(self, text: str) -> None:
        assert may_hide_marker(text) and not may_hide_marker("MatchNoDocs Query")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("10.0.0.0/8", True), ("::1/128", True), ("2001:db8::/32", True), ("10.0.0.0/99", True), ("10.0.0.0", False)]
    + [("a/8", False), ("10.0.0.0/x", False), ("/8", False), ("10.0.0.0/", False), ("1/2", False)],
)
def test_networks(text: str, is_one: bool) -> None:
    assert is_network(text) is is_one


@pytest.mark.parametrize(
    ("text", "name", "sign"),
    [("a=b", "a", "="), ("a.b==c", "a.b", "=="), ("=b", "", "="), ("n>=5", "n", ">="), ("n<5", "n", "<")]
    + [("a:b=c", "a", ":"), (":b", "", ""), ("plain", "", ""), ("", "", "")],
)
def test_relations(text: str, name: str, sign: str) -> None:
    assert relation(text) == (name, sign)


class TestNames:
    KNOWN = ("eventName", "eventSource", "source.ip", "source.address", "aws.request.roleName", "userIdentity.userName")

    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("eventname", "eventName"),
            ("event_name", "eventName"),
            ("EventName", "eventName"),
            ("evntName", "eventName"),
            ("requestParameters.roleName", "aws.request.roleName"),
            ("userName", "userIdentity.userName"),
            ("source_ip", "source.ip"),
        ],
    )
    def test_the_likeliest_comes_first(self, name: str, first: str) -> None:
        assert field_names.nearest(name, self.KNOWN)[0] == first

    def test_far_ones_are_not_told(self) -> None:
        assert field_names.nearest("zzz", self.KNOWN) == []
        assert field_names.nearest("evntName", self.KNOWN, is_spelt_right=True) == []

    def test_names_in_a_text(self) -> None:
        assert field_names.in_text('a:1 AND (b.c:"x" OR -d:[1 TO 2]) _exists_:e no\\ t\\:x:1') == [
            "a",
            "b.c",
            "d",
            "no t:x",
            "e",
        ]
        field_names.in_text("a" * 200_000)
        field_names.in_text("\\" * 200_000)


@pytest.mark.parametrize(
    ("clause", "names"),
    [
        ({"term": {"a": "x", "boost": 2}}, ["a"]),
        ({"exists": {"field": "a"}}, ["a"]),
        ({"multi_match": {"query": "x", "fields": ["a^2", "b*"]}}, ["a", "b*"]),
        ({"query_string": {"query": "x:1", "default_field": "a"}}, ["a"]),
        ({"query_string": {"query": "x:1", "default_field": "*"}}, []),
        ({"bool": {"must_not": [{"nested": {"path": "p", "query": {"range": {"p.a": {"gt": 1}}}}}]}}, ["p.a"]),
        ({"match_all": {}}, []),
        ({"ids": {"values": ["a"]}}, []),
        ({"span_near": {"clauses": [{"span_term": {"a": "x"}}], "slop": 1}}, ["a"]),
    ],
)
def test_fields_that_a_clause_names(clause: Any, names: List[str]) -> None:
    found = [name for leaf in leaves(parse_dsl(json.dumps(clause))) for name in named_fields(leaf)]
    assert found == names


def test_the_newest_by_their_dates() -> None:
    names = [f"aws-{log}-2026.{month:02}.{day:02}" for log in "ab" for month in (9, 10) for day in range(1, 29)]
    assert set(newest([*names, "undated"])) == {
        *(name for name in names if "2026.10" in name and not name.endswith((".01", ".02", ".03"))),
    }
