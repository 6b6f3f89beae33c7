"""What the fields that events are looked up by can hold, in each index.

Engines answer with an error where a field cannot hold a value: one ``-`` in place of an address would fail its search.
And they read some values as more than they are: ``0.0.0.0/0`` is every address to an address field, ``now-1d`` a time
to a date. An event's value is a value, whoever wrote it, so what a type cannot hold as one is not asked.
"""

from __future__ import annotations

import ipaddress
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Callable, Dict, Iterable, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from es_bridge.answers import FIELD_CAPS
from es_bridge.errors import NotFound, PermissionDenied
from es_bridge.lookup.event_key import EventKey
from es_bridge.query import SearchRequest
from es_bridge.transport import Transport
from es_bridge.unmatched.field_names import ancestors
from es_bridge.unmatched.field_types import INDEXED_OBJECTS, OBJECTS

#: A member of an object that is indexed as a whole holds any text.
MEMBER = "member"
#: Bytes of a value in an index. Elasticsearch from 8 on refuses a whole request that holds a longer one.
_LONGEST_TERM = 32_766
_INTEGER_BITS = {"byte": 8, "short": 16, "integer": 32, "long": 64}
_FLOATS = ("double", "float", "half_float", "scaled_float")
_NUMBER = r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?"
_DATE = (
    r"-?[0-9]{1,18}|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


class Part(NamedTuple):
    """An event, or as much of it as some of the indices can hold. ``indices``: ``None`` for the whole pattern."""

    indices: Optional[Tuple[str, ...]]
    values: Tuple[Tuple[str, ...], ...]


class MatchTypes:
    """The types of some fields. ``indices``: index -> the types of the fields in it, ``""`` for one it lacks."""

    def __init__(self, fields: Sequence[str], indices: Optional[Mapping[str, Tuple[str, ...]]]) -> None:
        self.fields = tuple(fields)
        #: Whether anything is known of the types: an account may lack the permission to ask.
        self.are_known = indices is not None
        self._groups: Dict[Tuple[str, ...], List[str]] = {}
        for index, kinds in (indices or {}).items():
            self._groups.setdefault(kinds, []).append(index)

    def kinds(self, field: str) -> List[str]:
        """Return the types that a field has anywhere; none for one that no index has, or can be asked for."""
        place = self.fields.index(field)
        return sorted({kinds[place] for kinds in self._groups} - {""})

    @property
    def members(self) -> List[str]:
        """The fields that are members of objects indexed as a whole: no mapping tells whether they are there."""
        return [field for field in self.fields if self.kinds(field) == [MEMBER]]

    def parts(self, key: EventKey) -> Tuple[List[Part], Tuple[Tuple[str, str], ...]]:
        """Return what to ask of which indices, and the (field, value) pairs that no index can hold."""
        if not self.are_known:
            return [Part(None, key.values)], ()
        # Where a field is missing, nothing matches.
        groups = {kinds: indices for kinds, indices in self._groups.items() if all(kinds)}
        held = {
            kinds: tuple(
                tuple(value for value in values if holds(kind, value)) for kind, values in zip(kinds, key.values)
            )
            for kinds in groups
        }
        unfit = tuple(
            (field, value)
            for place, (field, values) in enumerate(zip(self.fields, key.values))
            for value in values
            if held and not any(value in fitting[place] for fitting in held.values())
        )
        if len(set(held.values())) == 1:
            (values,) = set(held.values())
            return ([Part(None, values)] if all(values) else []), unfit
        return [Part(tuple(groups[kinds]), values) for kinds, values in held.items() if all(values)], unfit


def match_types(
    transport: Transport, request: SearchRequest, fields: Sequence[str], indices: Sequence[str]
) -> MatchTypes:
    """Return the types of fields in the concrete ``indices`` that a request names, by one request.

    Types of other indices are not looked at. Nothing is known where the account may not ask.
    """
    if not indices:
        return MatchTypes(fields, None)
    wanted = list(dict.fromkeys(name for field in fields for name in [*ancestors(field), field]))
    params = {
        "fields": ",".join(wanted),
        "include_unmapped": True,
        "ignore_unavailable": True,
        "allow_no_indices": True,
    }
    try:
        caps = transport.request("GET", (request.index, "_field_caps"), params).json(FIELD_CAPS)["fields"]
    except (PermissionDenied, NotFound):
        return MatchTypes(fields, None)
    kinds = {name: _kinds(caps.get(name, {}), indices) for name in wanted}
    return MatchTypes(fields, {index: tuple(_kind_of(field, index, kinds) for field in fields) for index in indices})


def _kinds(entries: Mapping[str, Mapping[str, object]], indices: Iterable[str]) -> Dict[str, str]:
    """Return index -> type of one name."""
    found: Dict[str, str] = {}
    absent = entries.get("unmapped", {}).get("indices") or ()
    for kind, facts in entries.items():
        if kind != "unmapped" and kind not in OBJECTS:
            where = facts.get("indices") or [index for index in indices if index not in absent]  # type: ignore[operator]
            found.update(dict.fromkeys(where, kind if facts.get("searchable", True) else ""))  # type: ignore[call-overload]
    return found


def _kind_of(field: str, index: str, kinds: Mapping[str, Mapping[str, str]]) -> str:
    """Return the type of a field in an index; ``""``: it is not there, or cannot be searched."""
    if any(kinds[name].get(index, "") in INDEXED_OBJECTS for name in ancestors(field)):
        return MEMBER
    return kinds[field].get(index, "")


def holds(kind: str, value: str) -> bool:
    """Whether a field of this type can hold a value, as one value and no pattern; unknown types hold any text."""
    try:
        if kind == "" or len(value.encode()) > _LONGEST_TERM:
            return False
    except UnicodeEncodeError:  # bytes that are no text, which JSON cannot say
        return False
    test = _TESTS.get(kind)
    return test is None or test(value)


def _is_address(value: str) -> bool:
    if "%" in value:
        return False
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


def _is_float(value: str) -> bool:
    return re.fullmatch(_NUMBER, value) is not None and math.isfinite(float(value))


def _whole(lowest: int, highest: int) -> Callable[[str], bool]:
    def is_within(value: str) -> bool:
        if not re.fullmatch(_NUMBER, value):
            return False
        try:
            number = Decimal(value)
            return lowest <= number <= highest and number == number.to_integral_value()
        except InvalidOperation:
            return False

    return is_within


_TESTS: Dict[str, Callable[[str], bool]] = {
    "ip": _is_address,
    "ip_range": _is_address,
    "boolean": lambda value: value in ("true", "false"),
    "date": lambda value: re.fullmatch(_DATE, value) is not None,
    "date_nanos": lambda value: re.fullmatch(_DATE, value) is not None,
    "date_range": lambda value: re.fullmatch(_DATE, value) is not None,
    "unsigned_long": _whole(0, 2**64 - 1),
    **{kind: _whole(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for kind, bits in _INTEGER_BITS.items()},
    **dict.fromkeys(_FLOATS, _is_float),
}
_TESTS.update({f"{kind}_range": _TESTS[kind] for kind in ("integer", "long", "float", "double")})
