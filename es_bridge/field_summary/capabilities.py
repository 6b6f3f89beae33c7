"""What the mappings of a pattern's indices know about fields, from ``_field_caps``."""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

from es_bridge.answers import EACH, FIELD_CAPS, Maybe, Unless
from es_bridge.patterns import any_of

_INDICES = Maybe([str])
#: The reply to field capabilities, as far as it is read here.
CAPABILITIES = {
    **FIELD_CAPS,
    "fields": {
        EACH: {
            EACH: {
                "indices": _INDICES,
                "searchable": Unless(bool),
                "aggregatable": Unless(bool),
                "non_searchable_indices": _INDICES,
                "non_aggregatable_indices": _INDICES,
                "metadata_field": Unless(bool),
            }
        }
    },
}

#: Types whose values the engines count; one of each pair in one reply is an error unless they are of one family.
_FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard"), "text"),
    **dict.fromkeys(("long", "integer", "short", "byte"), "whole number"),
    "unsigned_long": "unsigned number",
    **dict.fromkeys(("double", "float", "half_float", "scaled_float"), "number"),
    **dict.fromkeys(("date", "date_nanos"), "time"),
    "boolean": "boolean",
    "ip": "address",
    "version": "version",
}
#: Objects that are one field: their members are indexed by their names and have no mapping of their own.
WHOLE_OBJECTS = ("flat_object", "flattened")
#: Objects have no value of their own.
_OBJECTS = ("object", "nested")
#: Fields of the engines, where these do not mark them themselves.
# fmt: off
_OF_THE_ENGINE = frozenset((
    "_data_stream_timestamp", "_doc", "_doc_count", "_feature", "_field_names", "_id", "_ignored", "_ignored_source",
    "_index", "_index_mode", "_inference_fields", "_nested_path", "_parent", "_primary_term", "_routing", "_seq_no",
    "_size", "_source", "_tier", "_tsid", "_type", "_uid", "_version",
))
# fmt: on


class Field(NamedTuple):
    """One field of the mappings."""

    name: str
    #: Type -> the indices that have it so; empty where all that have the field agree.
    types: Dict[str, Tuple[str, ...]]
    searchable: bool
    aggregatable: bool
    #: Indices in which it is not searchable (aggregatable) although it is in others.
    not_searchable_in: Tuple[str, ...] = ()
    not_aggregatable_in: Tuple[str, ...] = ()
    #: The nested object it lies in, ``""`` for none: its values are in documents of their own.
    nested_in: str = ""

    @property
    def can_be_counted(self) -> bool:
        """Whether the engine can say how many documents have it."""
        return self.searchable or self.aggregatable

    @property
    def has_values(self) -> bool:
        """Whether the engine can count its values: all its types are of one kind."""
        families = {_FAMILIES.get(kind, kind) for kind in self.types}
        return (
            self.aggregatable
            and not self.not_aggregatable_in
            and not self.nested_in
            and len(families) == 1
            and all(kind in _FAMILIES for kind in self.types)
        )

    @property
    def is_whole_object(self) -> bool:
        """Whether it is an object indexed as one field, somewhere."""
        return any(kind in WHOLE_OBJECTS for kind in self.types)


def fields_of(caps: Mapping[str, Mapping[str, Mapping[str, Any]]], wanted: Tuple[str, ...]) -> Dict[str, Field]:
    """Return the fields of a ``_field_caps`` reply that fit one of the patterns ``wanted`` (empty: all), by name."""
    matches = any_of(wanted or ("*",))
    nested = sorted(name for name, kinds in caps.items() if "nested" in kinds)
    found: Dict[str, Field] = {}
    for name in sorted(caps):
        # OpenSearch has a field of no name below every flat_object.
        if not matches(name) or name.endswith(".") or _is_of_the_engine(name, caps[name]):
            continue
        kinds = {kind: facts for kind, facts in caps[name].items() if kind not in (*_OBJECTS, "unmapped")}
        if kinds:
            found[name] = _field(name, kinds, _nested_in(name, nested))
    return found


def _field(name: str, kinds: Mapping[str, Mapping[str, Any]], nested_in: str) -> Field:
    several = len(kinds) > 1
    types = {kind: tuple(sorted(facts.get("indices") or ())) if several else () for kind, facts in kinds.items()}
    return Field(
        name,
        types,
        any(facts.get("searchable", True) or facts.get("non_searchable_indices") for facts in kinds.values()),
        any(facts.get("aggregatable", True) or facts.get("non_aggregatable_indices") for facts in kinds.values()),
        _lacking(kinds, "searchable"),
        _lacking(kinds, "aggregatable"),
        nested_in,
    )


def _lacking(kinds: Mapping[str, Mapping[str, Any]], ability: str) -> Tuple[str, ...]:
    """Return the indices that lack an ability which others have."""
    if not any(facts.get(ability, True) or facts.get(f"non_{ability}_indices") for facts in kinds.values()):
        return ()
    lacking: List[str] = []
    for facts in kinds.values():
        if not facts.get(ability, True):
            lacking += facts.get(f"non_{ability}_indices") or facts.get("indices") or ()
    return tuple(sorted(lacking))


def _nested_in(name: str, nested: List[str]) -> str:
    return next((path for path in reversed(nested) if name.startswith(f"{path}.")), "")


def _is_of_the_engine(name: str, kinds: Mapping[str, Mapping[str, Any]]) -> bool:
    if not name.startswith("_"):
        return False
    marked: Optional[bool] = next((facts.get("metadata_field") for facts in kinds.values()), None)
    return name.partition(".")[0] in _OF_THE_ENGINE if marked is None else marked
