"""JSON that comes out as it went in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records.exact_json import MAX_DEPTH, ExactDecoder, Number, encode, may_be_deep, shallow

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def decode(text: str):
    value, end, repeated = ExactDecoder().decode(text, 0)
    assert end == len(text)
    return value, repeated


@pytest.mark.parametrize("number", ["1.10", "-0", "1e5", "1E+05", "12345678901234567890123", "0.1000000000000000055"])
def test_numbers_stay_as_written(number):
    value, _ = decode(number)
    assert isinstance(value, Number)
    assert encode({"n": [value]}) == f'{{"n":[{number}]}}'


def test_a_repeated_key_keeps_every_value():
    value, repeated = decode('{"a":{"b":"1","b":"2","b#2":"3","b":"4"},"c":[]}')
    assert repeated
    assert value == {"a": {"b": "1", "b#2": "2", "b#2#2": "3", "b#3": "4"}, "c": []}


def test_the_same_key_written_in_two_ways_is_repeated():
    value, repeated = decode(r'{"a":"1","\u0061":"2"}')
    assert repeated
    assert value == {"a": "1", "a#2": "2"}


def test_one_values_repetition_is_not_the_next_ones():
    decoder = ExactDecoder()
    text = '{"a":1,"a":2}{"a":1}'
    _, end, first = decoder.decode(text, 0)
    _, _, second = decoder.decode(text, end)
    assert (first, second) == (True, False)


@given(VALUES)
def test_plain_values_come_out_as_json_would_write_them(value):
    assert encode(value) == json.dumps(value, separators=(",", ":"))


@given(VALUES)
def test_what_is_decoded_and_encoded_means_the_same(value):
    text = json.dumps(value)
    decoded, repeated = decode(text)
    assert not repeated
    assert json.loads(encode(decoded)) == value


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_only_python_reads_is_refused(constant):
    with pytest.raises(ValueError, match="no JSON"):
        decode(f'{{"n":{constant}}}')


def nested(levels: int) -> str:
    return '["}\\"{[",' * levels + "1" + "]" * levels


def test_what_is_as_deep_as_allowed_stays_as_it_is():
    text = f'{{"a":{nested(MAX_DEPTH - 1)},"b":2}}'
    assert shallow(text) == text


@pytest.mark.parametrize("more", [1, 2, 5_000])
def test_what_is_deeper_becomes_its_own_text(more):
    text = f'{{"a":{nested(MAX_DEPTH - 1 + more)},"b":{nested(MAX_DEPTH - 1 + more)},"c":3}}'
    assert may_be_deep(text.encode())
    value, _ = decode(shallow(text))
    for name in "ab":
        inner = value[name]
        while isinstance(inner, list):
            inner = inner[1]
        assert inner == nested(more)
    assert value["c"] == "3"


@given(VALUES)
def test_ordinary_values_are_not_deep(value):
    text = json.dumps(value)
    assert shallow(text) == text
