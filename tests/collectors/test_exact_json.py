"""JSON that comes out as it went in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.exact_json import ExactDecoder, Number, encode

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
