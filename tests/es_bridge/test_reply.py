"""Replies taken apart without decoding: whatever a document holds, it comes out byte for byte."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_bridge.errors import ResponseError
from es_bridge.reply import parse_reply

NONCE = "5e0f7b0c9d9f4d0c8d5a7e1b2c3d4e5f"

#: Text that looks like the parts of a reply.
_LOOKALIKES = st.sampled_from(
    [
        '","sort":[1],"matched_queries":["',
        '"_source":{',
        '"hits":[',
        "]}]}}",
        "\\",
        '"',
        "\u2028",
        "\x00",
        "\U0001f600",
    ]
)
_TEXT = st.lists(st.one_of(_LOOKALIKES, st.text(max_size=8)), max_size=4).map("".join)
_VALUE = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), _TEXT),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_TEXT, inner, max_size=3)),
    max_leaves=8,
)
_HITS = st.lists(
    st.tuples(
        _TEXT, _TEXT, st.one_of(st.none(), st.integers(-(2**62), 2**62)), st.dictionaries(_TEXT, _VALUE, max_size=4)
    ),
    max_size=5,
)


def reply_of(hits: List[Any], extra: Optional[Dict[str, Any]] = None, tail: Any = ()) -> bytes:
    """Build a reply as the engines write it, with the extra members they put before a source."""
    written = []
    for index, doc_id, time, source in hits:
        head = {"_index": index, "_id": doc_id, "_score": None, **(extra or {})}
        parts = json.dumps(head, separators=(",", ":"), ensure_ascii=False)[:-1]
        sort = json.dumps([time, *tail], separators=(",", ":"), ensure_ascii=False)
        body = source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)
        written.append(f'{parts},"_source":{body},"sort":{sort},"matched_queries":["{NONCE}"]}}')
    start = '{"pit_id":"p","took":1,"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{'
    total = f'"total":{{"value":{len(hits)},"relation":"eq"}},"max_score":null'
    text = f'{start}{total},"hits":[{",".join(written)}]}}}}'
    return text.encode("utf-8", "surrogatepass")


@given(_HITS)
def test_every_document_comes_out_as_it_went_in(hits: List[Any]) -> None:
    reply = parse_reply(reply_of(hits), NONCE)
    assert [(h.index, h.id, h.time, json.loads(h.source)) for h in reply.hits] == [tuple(hit) for hit in hits]
    assert [h.source for h in reply.hits] == [json.dumps(hit[3], ensure_ascii=False).encode() for hit in hits]
    assert reply.total == len(hits)
    assert reply.head["pit_id"] == "p"
    assert reply.without_source == 0


@given(_HITS.filter(bool), _TEXT)
def test_sort_values_after_the_time_may_hold_any_text(hits: List[Any], text: str) -> None:
    reply = parse_reply(reply_of(hits, tail=[text, 7]), NONCE)
    assert reply.last_sort == [hits[-1][2], text, 7]
    assert [h.time for h in reply.hits] == [hit[2] for hit in hits]


@pytest.mark.parametrize(
    "extra",
    [
        {"_ignored": ["a", 'b"_source":{']},
        {"_routing": 'x","_source":{"', "_version": 3, "_seq_no": 0, "_primary_term": 1},
        {"_type": "_doc"},
    ],
)
def test_members_that_engines_put_before_the_source(extra: Dict[str, Any]) -> None:
    (hit,) = parse_reply(reply_of([("i", "1", 5, '{"a" : 1.50}')], extra), NONCE).hits
    assert hit.source == b'{"a" : 1.50}'


def test_type_stands_between_index_and_id_on_old_engines() -> None:
    body = reply_of([("i", "1", 5, {"a": 1})]).replace(b'"_id"', b'"_type":"_doc","_id"')
    assert parse_reply(body, NONCE).hits == [("i", "1", 5, b'{"a": 1}')]


@pytest.mark.parametrize("missing", [None, -(2**63)])
def test_document_without_the_time_has_none(missing: Any) -> None:
    assert parse_reply(reply_of([("i", "1", missing, {})]), NONCE).hits[0].time is None


def test_index_that_stores_no_source_is_counted() -> None:
    body = reply_of([("i", "1", 5, {})]).replace(b',"_source":{}', b"")
    reply = parse_reply(body, NONCE)
    assert reply.hits == [("i", "1", 5, b"")]
    assert reply.without_source == 1


def test_aggregations_after_the_hits_are_decoded() -> None:
    body = reply_of([])[:-1] + b',"aggregations":{"x":{"value":1.0}}}'
    assert parse_reply(body, NONCE).head["aggregations"]["x"]["value"] == 1.0


@pytest.mark.parametrize("body", [b"", b"<html>proxy</html>", b'{"acknowledged":true}', b'{"hits":{"hits":[{"x'])
def test_what_is_no_search_reply_says_so(body: bytes) -> None:
    with pytest.raises(ResponseError):
        parse_reply(body, NONCE)
