"""Which members of a record do not fit their template: the quick count and the close look say the same."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from collectors.records import shape as module
from collectors.records.json_codec import PLAIN
from collectors.records.shape import ANYTHING, VALUE, Shape
from tests.examples import examples

MEMBERS: Dict[str, Any] = {
    "name": VALUE,
    "request": {"uri": VALUE, "headers": {"name": VALUE, "value": VALUE}},
    "groups": {"id": VALUE, "rules": {"id": VALUE}},
    "free": ANYTHING,
}
RESERVED = ("event", "source")


def misfits(fields: Dict[str, Any], shape: Any = None) -> Any:
    braces = json.dumps(fields).count("{")
    return (shape or Shape(MEMBERS, RESERVED)).misfits(fields, braces, PLAIN.dumps)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "x"},
        {"name": 5, "other": 1.5, "third": True},
        {"name": None, "request": None, "groups": None},
        {"name": ["a", "b", [1, None]], "groups": []},
        {"name": "braces { in } {{ text"},
        {"request": {"uri": "/{", "headers": [{"name": "a", "value": "{}"}, {"name": "a", "value": None}]}},
        {"request": {}, "groups": {"id": 1}},
        {"groups": [{"id": "a", "rules": [{"id": 1}]}, {"rules": None}, {"rules": []}, {}]},
        {"groups": [[{"id": "a"}], [None]]},
        {"free": {"": {".": 1}}, "unknown": {"a.b": {"": 1}}, "more": [{"x": {}}]},
        {"request": {"unknown": {"a.b": 1}}},
        {"free": "text", "unknown": []},
        {"request": {"event": 1}},
    ],
)
def test_what_fits(fields):
    assert misfits(fields) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": {}}, ["name"]),
        ({"name": {"x": 1}, "other": 1}, ["name"]),
        ({"name": ["a", {"x": 1}]}, ["name"]),
        ({"name": [["a", [{}]]]}, ["name"]),
        ({"request": "text"}, ["request"]),
        ({"request": ""}, ["request"]),
        ({"request": 0}, ["request"]),
        ({"request": False}, ["request"]),
        ({"request": ["text"]}, ["request"]),
        ({"request": [{}, 5]}, ["request"]),
        ({"request": {"uri": {"x": 1}}}, ["request"]),
        ({"request": {"headers": "text"}}, ["request"]),
        ({"request": {"headers": {"name": {"x": 1}}}}, ["request"]),
        ({"request": {"headers": [{"name": "a", "value": {"x": 1}}]}}, ["request"]),
        ({"request": {"headers": [["name", "value"], {"name": {}}]}}, ["request"]),
        ({"request": {"headers": [{"name.x": 1}]}}, ["request"]),
        ({"request": {"": 1}}, ["request"]),
        ({"groups": [{"rules": "text"}]}, ["groups"]),
        ({"groups": [{"rules": [{"id": {"x": 1}}]}]}, ["groups"]),
        ({"": 1}, [""]),
        ({" ": 1, ".": 2, "a.b": 3, "request.uri": 4}, [" ", ".", "a.b", "request.uri"]),
        ({"event": 1, "source": None, "name": "x"}, ["event", "source"]),
        ({"name": {}, "request": 5, "event": 1, "groups": [{}]}, ["name", "request", "event"]),
        # As many braces as objects in their places, and yet not the same.
        ({"request": "{", "name": 1}, ["request"]),
        ({"groups": ["{", {"rules": {}}]}, ["groups"]),
    ],
)
def test_what_does_not(fields, expected):
    shape = Shape(MEMBERS, RESERVED)
    assert misfits(fields, shape) == expected
    assert misfits(fields, shape) == expected  # also from what is remembered


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["", "x", "{", "{}{"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["name", "request", "uri", "headers", "value", "groups", "id", "rules", "x", ".", "event"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)
SHARED = Shape(MEMBERS, RESERVED)


@examples(500)
@given(st.dictionaries(st.sampled_from([*MEMBERS, "event", "unknown", "a.b"]), values, max_size=5))
@example({"request": {"headers": [{"name": "x", "value": "{"}, {"name": {}}]}})
def test_counting_and_looking_agree(fields):
    """What the quick count lets pass is what a look at every value lets pass."""
    looked_at = [key for key, value in fields.items() if not SHARED._admits(key, value)]
    assert misfits(fields, SHARED) == looked_at
    assert misfits(fields) == looked_at


def test_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_MAX_KEYS", 10)
    monkeypatch.setattr(module, "_MAX_LISTS", 5)
    monkeypatch.setattr(module, "_MAX_OBJECTS", 7)
    shape = Shape(MEMBERS)
    for number in range(100):
        assert misfits({f"key-{number}": 1, "groups": [{"id": number, "rules": [{"id": number}]}]}, shape) == []
    assert len(shape._good_keys) <= 11
    assert len(shape._good_objects) <= 7
    assert len(shape.members["groups"]._lists) <= 5


@pytest.mark.parametrize(
    ("text", "is_long"),
    [("x" * 8191, False), ("x" * 8192, True), ("긴" * 8191, False), ("😀" * 4095, False), ("😀" * 4096, True)],
)
def test_length_is_counted_as_the_engines_do(text, is_long):
    found = list(Shape(MEMBERS).too_long({"name": ["short", [text]]}))
    assert found == (["name"] if is_long else [])


def test_paths_of_long_texts():
    long = "x" * 9000
    fields = {
        "name": long,
        "request": {"headers": [{"name": "a", "value": long}, {"name": long, "value": 5}], "unknown": long},
        "free": {"name": long},
        "unknown": long,
    }
    assert sorted(Shape(MEMBERS).too_long(fields)) == ["name", "request.headers.name", "request.headers.value"]
