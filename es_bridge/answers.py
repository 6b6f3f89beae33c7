"""What a reply must look like before anybody reads it: shapes, written as data beside each request.

An engine answers as it always does, but what stands between may not, and a member of another type would end in a
traceback, or as a count of nothing. So every decoded reply is compared with the shape of what is read from it; other
members are nobody's business and pass.

A shape is one of::

    str, bool, dict, list       that type
    COUNT, WHOLE, NUMBER        a whole number from 0 on, a whole number, a finite number (never true or false)
    {"name": shape, ...}        an object with these members, and any others
    {EACH: shape}               an object whose members all have that shape
    [shape]                     a list of those
    Maybe(shape)                that, null, or missing
    Unless(shape)               that, or missing; null is odd
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from es_bridge.errors import ResponseError

#: In place of a name: every member.
EACH = "*"
#: Beyond it no count of documents, no time and no number of shards is one.
_LARGEST = 2**63


class Kind(NamedTuple):
    """A kind of number."""

    name: str


class Maybe(NamedTuple):
    """What may be null or missing."""

    shape: Any


class Unless(NamedTuple):
    """What may be missing, and is not null."""

    shape: Any


COUNT, WHOLE, NUMBER = Kind("a whole number from 0 on"), Kind("a whole number"), Kind("a number")
#: What is read of ``_shards``.
SHARDS = {"total": COUNT, "failed": Unless(COUNT), "failures": Maybe(list)}
#: Of remote clusters that were asked, too.
CLUSTERS = Maybe({"total": Maybe(COUNT), "skipped": Maybe(COUNT), "partial": Maybe(COUNT), "failed": Maybe(COUNT)})
#: The reply to a search, but for its hits and aggregations.
SEARCH = {
    "_shards": SHARDS,
    "timed_out": Unless(bool),
    "terminated_early": Maybe(bool),
    "_clusters": CLUSTERS,
    "pit_id": Maybe(str),
    "_scroll_id": Maybe(str),
}
TOTAL = {"hits": {"total": {"value": COUNT}}}
#: The reply to field capabilities.
FIELD_CAPS = {
    "indices": [str],
    "fields": {EACH: {EACH: {"indices": Maybe([str]), "searchable": Unless(bool)}}},
    "failures": Maybe(list),
}

_NAMES = {str: "a text", bool: "true or false", dict: "an object", list: "a list"}


def checked(value: Any, shape: Any, where: str) -> Any:
    """Return ``value`` if it has the shape. Raises `ResponseError` that says where what is odd."""
    _check(value, shape, where, "")
    return value


def _check(value: Any, shape: Any, where: str, path: str) -> None:
    if isinstance(shape, Maybe):
        if value is not None:
            _check(value, shape.shape, where, path)
    elif isinstance(shape, Unless):
        _check(value, shape.shape, where, path)
    elif isinstance(shape, dict):
        _must(isinstance(value, dict), value, _NAMES[dict], where, path)
        for name, inner in shape.items():
            if name == EACH:
                for key, each in value.items():
                    _check(each, inner, where, f"{path}.{key[:50]}")
            elif name in value or not isinstance(inner, (Maybe, Unless)):
                _check(value.get(name, _MISSING), inner, where, f"{path}.{name}")
    elif isinstance(shape, list):
        _must(isinstance(value, list), value, _NAMES[list], where, path)
        for number, each in enumerate(value):
            _check(each, shape[0], where, f"{path}.{number}")
    elif isinstance(shape, Kind):
        _must(_is_number(value, shape), value, shape.name, where, path)
    else:
        _must(isinstance(value, shape), value, _NAMES[shape], where, path)


def _is_number(value: Any, kind: Kind) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if isinstance(value, float):
        return kind is NUMBER and math.isfinite(value)
    return abs(value) <= _LARGEST and (kind is not COUNT or value >= 0)


_MISSING = object()


def _must(holds: bool, value: Any, wanted: str, where: str, path: str) -> None:
    if holds:
        return
    # Its kind and not the value itself, which may hold anything.
    kinds = {str: "a text", bool: "true or false", dict: "an object", list: "a list", type(None): "null"}
    found = "missing" if value is _MISSING else kinds.get(type(value), "another number")
    member = f"its member {path[1:]!r} is {found}" if path else f"it is {found}"
    raise ResponseError(
        f"{where} gave an answer that cannot be understood: {member}, where {wanted} is expected. Is something between "
        "here and the cluster changing answers?"
    )
