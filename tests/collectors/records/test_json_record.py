"""One JSON object on a line as a document, whatever its text: copied where it can be, written anew where it must be."""

from __future__ import annotations

import json
from functools import partial
from types import SimpleNamespace
from typing import Any, Dict, Iterable, List, Tuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aws_bridge.object_ref import ObjectRef
from collectors.records.event_time import EventTime
from collectors.records.exact_json import MAX_DEPTH
from collectors.records.json_codec import PLAIN, fastest
from collectors.records.json_record import JsonFormat, json_record, json_records, quoted
from collectors.records.lines import Lines
from collectors.records.record import BadRecord, Context, Made, Record
from collectors.records.shape import ANYTHING, MAX_LISTS, VALUE, Shape
from collectors.sinks.opensearch.index_names import index_of
from tests.collectors.json_logs import DEEP, LONG, REF, made
from tests.examples import examples

COMMON = '{"@timestamp":"2026-11-21T04:53:07.000Z","event":{"dataset":"test"}'


def describe(fields: Dict[str, Any], context: Context) -> Tuple[EventTime, str]:
    name = fields.get("name")
    copied = f',"copy":{quoted(name)}' if type(name) is str else ""
    return EventTime(1_795_236_787_000, "2026-11-21T04:53:07.000Z"), COMMON + copied


SHAPE = Shape({"name": VALUE, "object": {"value": VALUE}, "free": ANYTHING}, ("event", "copy", "unmapped"))
LOG = JsonFormat("waf", SHAPE, describe)


def documents(pieces: Iterable[bytes], context: Context) -> Iterable[Made]:
    return json_records(Lines(pieces, context.first_number, glued=True), context, partial(json_record, LOG))


SOURCE: Any = SimpleNamespace(records=documents)


def body(text: Any) -> str:
    (found,) = made(SOURCE, text if isinstance(text, bytes) else text.encode())
    assert isinstance(found, Record), found
    return found.text.decode()


def own(text: Any) -> Any:
    return {key: value for key, value in json.loads(body(text)).items() if key not in ("@timestamp", "event", "copy")}


@pytest.mark.parametrize(
    "text",
    [
        '{"name":"x","object":{"value":1},"free":{"":{".":1}}}',
        '{"name":"한글 😀 \\u0000\\n\\"","more":[1,2.5,true,null]}',
        '{ "name" : "spaces" , "object" : { "value" : [ 1 , 2 ] } }',
        '{"number":1.10,"big":12345678901234567890123,"small":1E-400,"huge":1e400,"minus":-0.0}',
        '{"name":"\\u0041\\/\\ud83d\\ude00"}',
        '{"name":"broken \\ud83d half","more":"\\udfff"}',
        '{"name":"{{{}{","object":{"value":"{"}}',
        '{"name":"' + "x" * 10_000 + '"}',
    ],
)
def test_a_text_that_can_be_copied_is_copied(text):
    assert body(text).endswith("," + text[1:])


def test_common_fields_come_first_and_the_record_behind_them():
    assert body('{"name":"x","a":1}') == COMMON + ',"copy":"x","name":"x","a":1}'


def test_half_of_a_surrogate_pair_stays_the_escape_it_was():
    assert r'"copy":"broken \ud83d half"' in body(r'{"name":"broken \ud83d half"}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1,"a":{"b":2},"a":[3]}', {"a": 1, "a#2": {"b": 2}, "a#3": [3]}),
        ('{"free":{"x":1,"x":2}}', {"free": {"x": 1, "x#2": 2}}),
        (r'{"k\udc00":"\udfff"}', {"k\ufffd": "\udfff"}),
        ('{"name":{"x":1},"a":2}', {"unmapped": {"name": {"x": 1}}, "a": 2}),
        ('{"object":"text","event":7,"":1}', {"unmapped": {"object": "text", "event": 7, "": 1}}),
        ('{"unmapped":{"x":1}}', {"unmapped": {"unmapped": {"x": 1}}}),
    ],
)
def test_a_text_that_an_engine_would_refuse_is_written_anew(text, expected):
    found = own(text)
    assert found == expected


def test_numbers_keep_their_digits_when_the_text_is_written_anew():
    assert '"n":1.10,"m":12345678901234567890123,"o":1E+05' in body(
        '{"object":0.10,"n":1.10,"m":12345678901234567890123,"o":1E+05}'
    )
    assert '"unmapped":{"object":0.10}' in body('{"object":0.10,"n":1}')


@pytest.mark.parametrize("depth", [MAX_DEPTH - 5, MAX_DEPTH + 5, 260, 900, 5000])
@pytest.mark.parametrize("brackets", ['{"a":', "["])
def test_what_is_nested_too_deeply_becomes_text(depth, brackets):
    closing = "}" if brackets[0] == "{" else "]"
    deep = brackets * depth + "1" + closing * depth
    found = own('{"free":' + deep + "}")
    levels, value = 1, found.get("unmapped", found)["free"]
    while not isinstance(value, (str, int)):
        value = value["a"] if isinstance(value, dict) else value[0]
        levels += 1
    assert levels <= MAX_DEPTH + 1
    assert isinstance(value, str) == (depth >= MAX_DEPTH)


LISTS = "[" * (MAX_LISTS + 1) + "1" + "]" * (MAX_LISTS + 1)


@pytest.mark.parametrize("spaced", ["", " "])
@pytest.mark.parametrize("key", ["free", "name", "more.dots"])
def test_more_lists_in_lists_than_an_engine_takes_are_kept_out_of_the_index(key, spaced):
    for value in (LISTS, LISTS.replace("[1]", '[{"a":[1]}]')):
        assert own(f'{{"{key}":{value},{spaced}"n":1}}') == {"n": 1, "unmapped": {key: json.loads(value)}}
    fits = LISTS[1:-1]
    assert own(f'{{"free":{fits},{spaced}"n":1}}') == {"free": json.loads(fits), "n": 1}


def test_deep_and_repeated_at_once():
    found = own('{"free":' + DEEP + ',"a":1,"a":2,"name":{"x":1}}')
    assert (found["a"], found["a#2"], found["unmapped"]) == (1, 2, {"name": {"x": 1}})


def test_bytes_that_are_no_utf8_become_a_replacement_character():
    assert own(b'{"name":"a\xffb","k\xfe":1}') == {"name": "a\ufffdb", "k\ufffd": 1}


def test_fields_that_are_too_long_to_be_indexed_are_named():
    found = json.loads(body(json.dumps({"name": LONG, "object": {"value": LONG}, "free": LONG, "more": LONG})))
    assert found["event"] == {"dataset": "test", "oversized": ["copy", "name", "object.value"]}
    assert found["name"] == LONG
    moved = json.loads(body(json.dumps({"name": {"x": LONG}, "object": {"value": "x" * 8192}})))
    assert moved["event"] == {"dataset": "test", "oversized": ["object.value"]}
    assert "oversized" not in json.loads(body(json.dumps({"name": "x" * 8191, "free": LONG})))["event"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"no JSON", "the record is not JSON: Expecting value"),
        (b'{"a":1', "the record is not JSON"),
        (b'{"a":1} x', "the record is not JSON: something stands behind its end, at character 7"),
        (b'{"a":NaN}', "the record is not JSON: NaN is no JSON"),
        (b'{"a":-Infinity}', "the record is not JSON: -Infinity is no JSON"),
        (b'{"a":"b\tc"}', "the record is not JSON: Invalid control character"),
        (b"{'a':1}", "the record is not JSON"),
        (b"[1]", "the record is no JSON object"),
        (b'"text"', "the record is no JSON object"),
        (b"null", "the record is no JSON object"),
        (b"\x00\x01", "the record is not JSON"),
        (b'{"a":' + b"9" * 5000 + b"}x", "the record is not JSON: something stands behind"),
        (b"[" * 100_000, "the record is not JSON"),
    ],
)
def test_what_is_no_record(line, reason):
    first, bad, last = made(SOURCE, b'{"a":1}\n' + line + b'\n{"a":3}')
    assert [type(item) for item in (first, last)] == [Record, Record]
    assert isinstance(bad, BadRecord)
    assert (bad.number, bad.offset, bad.excerpt) == (2, 8, line[:4096])
    assert bad.reason.startswith(reason)
    assert last.number == 3


def test_the_words_for_a_constant_may_stand_in_a_string():
    assert own('{"name":"NaN","name":"Infinity"}') == {"name": "NaN", "name#2": "Infinity"}


def test_ids_are_object_and_number():
    found = made(SOURCE, b'{"a":1}\n\n{"a":2}\n')
    assert [(each.identity, index_of(each), each.number) for each in found] == [
        (f"{REF.identity}-00000000001", "aws-waf-2026.11.21", 1),
        (f"{REF.identity}-00000000002", "aws-waf-2026.11.21", 2),
    ]


def test_glued_objects_are_records_with_numbers_of_their_own():
    content = b'{"a":1}{"a":"}{"}{"a":3}x\n{"a":4}{"a":5}'
    found = made(SOURCE, content)
    assert [item.number for item in found] == [1, 2, 3, 4, 5]
    assert [type(item) for item in found] == [Record, Record, BadRecord, Record, Record]
    assert (found[2].offset, found[2].excerpt) == (17, b'{"a":3}x')
    for first in range(1, 7):
        rest = list(documents([content], Context(ObjectRef(REF.bucket, REF.key), fastest(), first_number=first)))
        assert rest == found[first - 1 :]


def test_a_record_before_the_first_number_is_not_decoded():
    content = b'no JSON\n{"a":2}\n{"a":3}'
    rest = list(documents([content], Context(REF, PLAIN, first_number=3)))
    assert [item.number for item in rest if isinstance(item, Record)] == [3]
    assert len(rest) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=10,
)


@examples(300)
@given(st.dictionaries(st.sampled_from(["name", "object", "free", "event", "x", "a.b"]), json_values), st.booleans())
def test_no_value_is_lost_whatever_the_record(record, spaced):
    record = {"time": 1, **record}  # no record is empty: it has its time at least
    text = json.dumps(record, ensure_ascii=spaced, separators=None if spaced else (",", ":"))
    found = own(text)
    moved = found.pop("unmapped", {})
    assert {**found, **moved} == json.loads(json.dumps(record))


@examples(300)
@example(b"{}", b"")
@example(b"{ }", b"")
@given(st.binary(max_size=40), st.sampled_from([b"", b'{"name":"', b'{"name":']))
def test_any_bytes_end_in_a_document_or_a_bad_record(data, front):
    found: List[Made] = made(SOURCE, front + data.replace(b"\n", b""))
    for item in found:
        assert isinstance(item, (Record, BadRecord))
        if isinstance(item, Record):
            json.loads(item.text)
