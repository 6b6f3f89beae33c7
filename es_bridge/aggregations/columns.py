"""Which field of the indices a name stands for, and what its type does to the values that the events have.

An aggregation reads what is indexed, a search reads what is stored. Where the type makes a difference it is taken back
(a date becomes text again), said in a message (an address is in its canonical form), or refused (a text without a
keyword field). ``docs/elasticstats.md`` has the table.
"""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Set

from es_bridge.aggregations.buckets import Source
from es_bridge.aggregations.values import epoch_text, float_text, iso_text, text_of
from es_bridge.answers import EACH, NUMBER
from es_bridge.errors import Aborted, BridgeError, QueryError
from es_bridge.index_access import IndexAccess
from es_bridge.query import SearchRequest
from es_bridge.request_line import batches, paths
from es_bridge.time_field import TimeField
from es_bridge.transport import Transport
from es_bridge.unmatched.ask import BOUNDS
from es_bridge.unmatched.field_names import ancestors
from es_bridge.unmatched.field_types import FieldTypes, Types

#: Type -> what is done with it.
FAMILIES: Mapping[str, str] = {
    **dict.fromkeys(("keyword", "constant_keyword", "wildcard"), "keyword"),
    **dict.fromkeys(("text", "match_only_text"), "text"),
    **dict.fromkeys(("long", "integer", "short", "byte"), "integer"),
    **dict.fromkeys(("double", "float", "half_float", "scaled_float"), "float"),
    "boolean": "boolean",
    "ip": "ip",
    "date": "date",
}
#: Families that the engines compute with.
NUMERIC = ("integer", "float", "time")
#: Names that ``| elasticsearch`` gives to what is no field of a document, but for ``index``.
MADE_UP = frozenset(("host", "source", "sourcetype", "splunk_server", "linecount", "doc_id", "doc_error", "_raw"))
_INDEX, _TIME = "index", "_time"
_EPOCHS = ("epoch_second", "epoch_millis")
_LOWERCASE = {"lowercase"}
_MAPPING = {EACH: {"mappings": {EACH: {"mapping": dict}}}}

#: What a name is used for.
GROUPED, COMPUTED, COUNTED = "grouped", "computed", "counted"


class Column(NamedTuple):
    """A name the user wrote, and the field that stands behind it."""

    name: str
    #: What the engine is asked for; ``""``: no index has such a field.
    path: str = ""
    family: str = ""
    #: Of a float its type; of a date ``iso`` or how its documents write it.
    detail: str = ""
    #: Longest value that is indexed, in characters; ``None``: no bound.
    ignore_above: Optional[int] = None
    #: The text that the field is the keyword field of; ``""``: none.
    text_path: str = ""
    #: Whether all spellings of a value are one, in small letters.
    folds: bool = False

    @property
    def is_numeric(self) -> bool:
        """Whether the engine computes with its values."""
        return self.family in NUMERIC or (self.family == "date" and self.detail in _EPOCHS)

    @property
    def source(self) -> Source:
        """What makes a bucket of each of its values."""
        keys: Any = str
        if self.family in ("integer", "float", "date", "time"):
            keys = NUMBER
        elif self.family == "boolean":
            keys = bool
        return Source({"terms": {"field": self.path}}, keys)

    def text(self, key: Any) -> str:
        """Return a key of a bucket as the text that an event has."""
        if self.family == "date":
            return iso_text(key) if self.detail not in _EPOCHS else text_of(self.number(key))
        if self.family == "time":
            return epoch_text(key)
        return float_text(key, self.detail) if self.family == "float" else text_of(key)

    def number(self, value: float) -> float:
        """Return a number of the engine's, such as a sum or a maximum, in the unit that events have."""
        if self.family == "time" or self.detail == "epoch_second":
            return value / 1000
        return value


class Resolved(NamedTuple):
    """The columns of all names, and what is to be said about them."""

    columns: Dict[str, Column]
    warnings: List[str]
    notes: List[str]


def field_path(name: str) -> str:
    """Return the engine's name for a field as ``| elasticsearch`` calls it. Raises `QueryError` for what is none."""
    if name == _INDEX:
        return "_index"
    if name in MADE_UP:
        raise QueryError(
            f"{name!r} is made by | elasticsearch for each event, and is no field of the documents: it cannot be "
            f"aggregated in the engine. A field of this name is called doc.{name}"
        )
    first, _, rest = name.partition(".")
    if first == "doc" and (rest in MADE_UP or rest == _INDEX or rest.startswith("_")):
        name = rest
    if name.startswith("_"):
        raise QueryError(f"{name!r} is a field of the engine's own, which this command does not aggregate")
    return name.replace("{}", "")


def resolve(
    transport: Transport,
    request: SearchRequest,
    access: IndexAccess,
    time_field: TimeField,
    uses: Mapping[str, Set[str]],
    pool: Executor,
) -> Resolved:
    """Return the columns of ``uses``: name -> what it is used for. What can be asked at once is asked in ``pool``.

    Raises `QueryError` for what cannot be aggregated, and with ``unknown_fields=fail`` for a field that no index has.
    """
    found = {name: Column(name, "_index", "keyword") for name in uses if name == _INDEX}
    found.update({name: Column(name, time_field.name, "time") for name in uses if name == _TIME})
    wanted = {name: field_path(name) for name in uses if name not in found}
    if not wanted:
        return Resolved(found, [], [])
    indices = list(time_field.names) or sorted(access.known) or [request.index]
    look = _Look(transport, request, indices, list(wanted.values()), pool)
    for name, path in wanted.items():
        found[name] = look.column(name, path, uses[name])
    return Resolved(found, look.warnings, look.notes)


class _Look:
    """Looks at the types of fields, and at what the mapping says beside the type."""

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        indices: Sequence[str],
        wanted: Sequence[str],
        pool: Executor,
    ) -> None:
        self.warnings: List[str] = []
        self.notes: List[str] = []
        self._request = request
        self._indices = indices
        self._field_types = FieldTypes(transport)
        mappings = pool.submit(self._mapping, transport, wanted)
        self._types = self._field_types.of(wanted, indices)
        self._mappings = mappings.result()
        if not self._mappings:
            # What a mapping says of the field beside a text is asked of the types where mappings may not be read.
            self._types.update(self._field_types.of([f"{path}.keyword" for path in wanted], indices))

    def column(self, name: str, path: str, used: Set[str]) -> Column:
        types = self._types.get(path, {})
        kinds = {kind.lstrip("!") for kind in types.values()}
        around = {kind for part in ancestors(path) for kind in self._types.get(part, {}).values()}
        if "nested" in {*kinds, *around}:
            raise QueryError(f"{name!r} lies in objects of the type nested, which this command does not aggregate")
        if "flat_object" in {*kinds, *around}:
            raise QueryError(
                f"{name!r} lies in an object that is indexed as a whole (flat_object), in which this engine finds "
                "values and cannot count them. Pull the events and count in SPL: | elasticsearch ... | stats ..."
            )
        if "flattened" in kinds:
            raise QueryError(f"{name!r} is an object that is indexed as a whole: name one of its members")
        if not kinds - {"object"}:
            if "flattened" in around:
                return Column(name, path, "flattened")
            return self._unknown(name, path, is_object="object" in kinds)
        return self._field(name, path, types, used)

    def _field(self, name: str, path: str, types: Types, used: Set[str]) -> Column:
        found: Dict[str, List[str]] = {}
        for index, kind in types.items():
            found.setdefault(kind.lstrip("!"), []).append(index)
        for kind in found:
            if kind not in FAMILIES:
                raise QueryError(f"{name!r} is of type {kind}, which this command does not aggregate")
        families = {FAMILIES[kind] for kind in found}
        if families == {"integer", "float"} and GROUPED not in used:
            families = {"float"}  # they are computed with as doubles
        if len(families) > 1:
            told = ", ".join(f"{kind} in {_some(where)}" for kind, where in sorted(found.items()))
            raise QueryError(
                f"{name!r} is of several types ({told}), which the engine cannot group together. Leave some of these "
                "indices out of index=, or pull the events and count in SPL"
            )
        (family,) = families
        text_path = ""
        if family == "text":
            text_path, path = path, self._keyword_of(name, path, found)
            family = "keyword"
        options = [self._option(index, path, text_path) for index in types]
        limits = [int(each["ignore_above"]) for each in options if str(each.get("ignore_above", "")).isdigit()]
        detail = self._detail(name, family, list(found), options)
        folds = {each.get("normalizer") for each in options} - {None} == _LOWERCASE
        column = Column(name, path, family, detail, max(limits, default=None), text_path, folds)
        self._say(column, list(found), options, used)
        return column

    def _keyword_of(self, name: str, path: str, found: Mapping[str, Sequence[str]]) -> str:
        """Return the field beside a text that holds it whole."""
        subfields: Set[str] = set()
        for index in (index for where in found.values() for index in where):
            of_index = self._mappings.get(index, {}).get(path, {}).get("fields") or {}
            subs = [(sub, facts) for sub, facts in of_index.items() if isinstance(facts, dict)]
            whole = [sub for sub, facts in subs if facts.get("type") == "keyword"]
            if not whole and self._types.get(f"{path}.keyword", {}).get(index) == "keyword":
                whole = ["keyword"]
            subfields.add("keyword" if "keyword" in whole else (whole or [""])[0])
        if len(subfields) != 1 or subfields == {""}:
            raise QueryError(
                f"{name!r} is a text that is indexed word by word, and not everywhere with a keyword field beside it, "
                "so its values cannot be counted in the engine. Pull the events and count in SPL: | elasticsearch ... "
                "| stats ..."
            )
        return f"{path}.{subfields.pop()}"

    def _detail(self, name: str, family: str, kinds: Sequence[str], options: Sequence[Mapping[str, Any]]) -> str:
        if family == "float":
            return kinds[0] if len(kinds) == 1 else "double"
        if family != "date":
            return ""
        written = {str(each.get("format") or "").split("||")[0] for each in options} or {""}
        units = {unit if unit in _EPOCHS else "iso" for unit in written}
        if len(units) > 1:
            raise QueryError(
                f"{name!r} is a date that some indices write as a number and others as a text: leave some of them out "
                "of index="
            )
        return units.pop()

    def _say(self, column: Column, kinds: Sequence[str], options: Sequence[Mapping[str, Any]], used: Set[str]) -> None:
        name = column.name
        if column.family == "float":
            kind = " or ".join(sorted(kinds))
            self.notes.append(
                f"{name} is of type {kind}: its numbers are those of the index, which may have fewer digits than the "
                "events, and are written in their shortest form (1.5 for 1.50)"
            )
        if GROUPED not in used:
            return
        if column.family == "ip":
            self.notes.append(
                f"{name} is an address: all spellings of one address count as one, and it is shown in its shortest "
                "form (2001:db8::1, and IPv4 for what was written as ::ffff:IPv4)"
            )
        if column.family == "date" and column.detail == "iso":
            self.notes.append(
                f"{name} is a date: all spellings of one instant count as one, and it is shown in UTC "
                "(2026-11-21T10:00:00Z)"
            )
        if column.folds:
            self.notes.append(f"{name} is indexed in small letters: all spellings count as one, and are shown so")
        for option in ("normalizer", "null_value"):
            if option == "normalizer" and column.folds:
                continue
            if any(each.get(option) is not None for each in options):
                self.warnings.append(
                    f"{name} has a {option} in its mapping: values are shown and counted as they are indexed, not as "
                    "the events have them"
                )

    def _unknown(self, name: str, path: str, is_object: bool) -> Column:
        from es_bridge.unmatched.known_fields import KnownFields

        text = f"no index that {self._request.index!r} names has an indexed field {name!r}"
        if is_object:
            text = f"{name!r} is an object: only its members have values"
        if self._request.unknown_fields != "ignore":
            known = KnownFields(self._field_types, self._indices, [path])
            stored = known.stored({path: self._indices})
            if stored:
                text += ". It is stored there and not indexed: pull the events and count in SPL"
            else:
                instead = known.instead(path)
                text += f". Write instead: {instead}" if instead else ". Check the name in an event"
        if self._request.unknown_fields == "fail":
            raise QueryError(f"{text} (unknown_fields=fail)")
        if self._request.unknown_fields == "warn":
            self.warnings.append(text)
        return Column(name)

    def _option(self, index: str, path: str, text_path: str) -> Mapping[str, Any]:
        """Return what an index's mapping says of a field, or of one beside a text."""
        if not text_path:
            return self._mappings.get(index, {}).get(path, {})
        beside = self._mappings.get(index, {}).get(text_path, {}).get("fields") or {}
        found: Mapping[str, Any] = beside.get(path[len(text_path) + 1 :]) or {}
        return found

    def _mapping(self, transport: Transport, names: Sequence[str]) -> Dict[str, Dict[str, Mapping[str, Any]]]:
        """Return index -> name -> options of the field; nothing where the account may not read mappings."""
        found: Dict[str, Dict[str, Mapping[str, Any]]] = {}
        try:
            for path in paths(self._indices):
                for batch in batches(dict.fromkeys(names)):
                    reply = transport.request(
                        "GET",
                        (path, "_mapping", "field", ",".join(batch)),
                        {"ignore_unavailable": True},
                        **BOUNDS,
                    ).json(_MAPPING)
                    for index, facts in reply.items():
                        of_index = found.setdefault(index, {})
                        for name, field in facts["mappings"].items():
                            of_index[name] = next((o for o in field["mapping"].values() if isinstance(o, dict)), {})
        except Aborted:
            raise
        except BridgeError:
            self.notes.append(
                "the account may not read field mappings (indices:admin/mappings/fields/get), so it is not known which "
                "values are too long to be indexed, nor how dates are written"
            )
        return found


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(sorted(names)[:2])
    return shown if len(names) <= 2 else f"{shown} and {len(names) - 2} more"
