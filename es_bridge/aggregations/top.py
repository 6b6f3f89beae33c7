"""``top=``: only the groups of the values that have most events, found by the engine before the groups are asked for.

A terms aggregation names the values; what is counted of them is then asked as always, narrowed to them, and exact.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Set, Tuple

from es_bridge.aggregations.buckets import Ask
from es_bridge.aggregations.columns import Column
from es_bridge.aggregations.measures import Measure, parse_by
from es_bridge.answers import COUNT, NUMBER, TOTAL, checked
from es_bridge.errors import QueryError
from es_bridge.query import Clause

#: Column that says how many values there are in all.
OF = "top_of"
MOST = 1_000
#: Functions that may be ranked on.
_RANKS = ("sum", "max", "count")
#: Values of the fields behind "by" of which each has its own best.
_MOST_PARTS = 100
#: A shard gives this many values for each that is wanted, and at least so many: what is in its tail is not missed.
_EACH_SHARD, _LEAST_OF_A_SHARD = 10, 1_000
#: Up to here the engine counts distinct values exactly.
_PRECISE = 3_000
#: Keys of these are values of a clause as they are.
_FAMILIES = ("keyword", "flattened", "ip", "integer")
_FORM = re.compile(r"\s*([0-9]+)\s+(.*)", re.DOTALL)
_WORDS = re.compile(r"\s+(by|on)\s+", re.IGNORECASE)
_BUCKETS = {"buckets": [{"doc_count": COUNT}], "doc_count_error_upper_bound": NUMBER, "sum_other_doc_count": COUNT}
_TEXT = 'top= is a number and fields of by=, such as top="50 source.ip", top="50 source.ip by waf.verdict on bytes"'

Key = Tuple[Any, ...]


class Top(NamedTuple):
    """Which values are wanted: the best ``number`` of those of ``fields``, for each combination of ``within``."""

    number: int
    fields: Tuple[str, ...]
    within: Tuple[str, ...] = ()
    #: ``None``: by events.
    rank: Optional[Measure] = None


class Chosen(NamedTuple):
    """The values that were found."""

    clause: Clause
    #: As rows have them.
    texts: Set[Tuple[str, ...]]
    #: How many values the first field has in all.
    of: int
    matched: int
    buckets: int
    notes: List[str]


def parse_top(text: str, by: Sequence[str], measures: Sequence[Measure]) -> Top:
    """Return what ``top=`` asks. Raises `QueryError`."""
    match = _FORM.fullmatch(text)
    if match is None or not 0 < int(match[1]) <= MOST:
        raise QueryError(f"{_TEXT}; the number is 1 to {MOST}")
    fields, *rest = _WORDS.split(match[2])
    words = [word.lower() for word in rest[::2]]
    if words != [word for word in ("by", "on") if word in words]:
        raise QueryError(_TEXT)
    said = dict(zip(words, rest[1::2]))
    found = Top(int(match[1]), parse_by(fields), parse_by(said.get("by", "")))
    for name in (*found.fields, *found.within):
        if name not in by:
            raise QueryError(f"top= names {name[:60]!r}, which is not in by=")
    if not found.fields or set(found.fields) & set(found.within):
        raise QueryError(_TEXT)
    if "on" not in said:
        return found
    (name,) = parse_by(said["on"])[:1] or ("",)
    rank = next((each for each in measures if each.column == name), None)
    if rank is None or rank.function not in _RANKS:
        raise QueryError(f"top= ranks on a column of stats= that is a count, sum or max, not on {name[:60]!r}")
    return found._replace(rank=None if rank.function == "count" and not rank.field else rank)


def choose(ask: Ask, top: Top, columns: Mapping[str, Column], narrow: Sequence[Clause], where: str) -> Chosen:
    """Return the values that the engine finds. Every field of ``top`` is one that some index has.

    Raises `QueryError` for a field whose values cannot be sent back.
    """
    fields, within = ([columns[name] for name in names] for names in (top.fields, top.within))
    for column in (*fields, *within):
        if column.family not in _FAMILIES:
            raise QueryError(f"top= takes texts, addresses and whole numbers: {column.name} is of type {column.family}")
    rank = None
    if top.rank is not None:
        ranked = columns[top.rank.field]
        function = {"count": "value_count"}.get(top.rank.function, top.rank.function)
        if function != "value_count" and not (ranked.is_numeric or ranked.family == "date"):
            raise QueryError(f"top= ranks on numbers: {top.rank.field} is of type {ranked.family}")
        rank = {function: {"field": ranked.path}}
    distinct = {"cardinality": {"field": fields[0].path, "precision_threshold": _PRECISE}}
    # Within a filter: see Reading.overview.
    of_first = {"of": {"filter": {"match_all": {}}, "aggs": {"values": distinct}}}
    chosen: Set[Key] = set()
    of = matched = buckets = missed = 0
    # One field after the other, each within what was found: all levels at once took three times as long.
    for depth in range(1, len(fields) + 1):
        aggs = _nested(fields[:depth], within, top.number, len(chosen), rank)
        clauses = [*narrow, *([_clause(fields[: depth - 1], chosen)] if depth > 1 else [])]
        head = ask({**aggs, **({} if depth > 1 else of_first)}, clauses, {**TOTAL, "aggregations": dict})
        reader = _Reader([*within, *fields[:depth]], where)
        chosen = _best(reader.walk(head["aggregations"]), len(within), top.number)
        buckets, missed = buckets + reader.buckets, max(missed, reader.missed)
        if depth == 1:
            found = checked(head["aggregations"].get("of"), {"values": {"value": COUNT}}, where)
            of, matched = int(found["values"]["value"]), head["hits"]["total"]["value"]
    notes: List[str] = []
    if of > _PRECISE:
        notes.append(f"{OF}: estimated by the engine, usually within a few percent")
    if missed:
        notes.append(
            f"top: a value of {top.fields[0]} with up to {missed} events may be missing among the {top.number}, "
            "because each shard of an index tells its own best only"
        )
    texts = {tuple(column.text(value) for column, value in zip(fields, key)) for key in chosen}
    return Chosen(_clause(fields, chosen), texts, of, matched, buckets, notes)


def _best(found: Iterator[Tuple[Key, float, int]], parts: int, number: int) -> Set[Key]:
    """Return the best keys of each part, without the ``parts`` values that say which part it is."""
    ranked: Dict[Key, List[Tuple[float, int, Key]]] = {}
    for key, value, documents in found:
        ranked.setdefault(key[:parts], []).append((-value, -documents, key[parts:]))
    chosen: Set[Key] = set()
    for keys in ranked.values():
        keys.sort(key=lambda each: (each[0], each[1], str(each[2])))
        chosen.update(key for _, _, key in keys[:number])
    return chosen


def _nested(
    fields: Sequence[Column], within: Sequence[Column], number: int, known: int, rank: Optional[Dict[str, Any]]
) -> Dict[str, Any]:
    """Return terms in terms, of which the last finds ``number``; the fields before it have ``known`` values at most."""
    last = fields[-1]
    terms: Dict[str, Any] = {"field": last.path, "size": number}
    terms["shard_size"] = max(_EACH_SHARD * number, _LEAST_OF_A_SHARD)
    level: Dict[str, Any] = {"terms": terms}
    if rank is not None:
        terms["order"] = [{"rank": "desc"}, {"_key": "asc"}]
        level["aggs"] = {"rank": rank}
    for column in reversed([*within, *fields[:-1]]):
        size = _MOST_PARTS if column in within else max(known, 1)
        level = {"terms": {"field": column.path, "size": size}, "aggs": {"top": level}}
    return {"top": level}


class _Reader:
    """Walks through the answer."""

    def __init__(self, levels: Sequence[Column], where: str) -> None:
        self._levels = levels
        self._where = where
        self.buckets = 0
        #: Events that a value may have which no shard told of; 0 where none can be missing.
        self.missed = 0

    def walk(self, found: Mapping[str, Any], key: Key = ()) -> Iterator[Tuple[Key, float, int]]:
        """Yield (values of all levels, rank, events)."""
        level = checked(found.get("top"), _BUCKETS, self._where)
        column = self._levels[len(key)]
        least = min((bucket["doc_count"] for bucket in level["buckets"]), default=0)
        if level["doc_count_error_upper_bound"] > least:
            self.missed = max(self.missed, int(level["doc_count_error_upper_bound"]))
        for bucket in level["buckets"]:
            self.buckets += 1
            value = checked(bucket, {"key": column.source.key}, self._where)["key"]
            if value == "":
                continue  # no value, as in Splunk
            inner = (*key, value)
            if len(inner) < len(self._levels):
                yield from self.walk(bucket, inner)
                continue
            rank = bucket["rank"]["value"] if "rank" in bucket else bucket["doc_count"]
            yield inner, float(rank or 0), bucket["doc_count"]


def _clause(fields: Sequence[Column], chosen: Set[Key]) -> Clause:
    if not chosen:
        return {"match_none": {}}
    first, *others = fields
    if not others:
        return {"terms": {first.path: sorted(key[0] for key in chosen)}}
    rest: Dict[Any, Set[Key]] = {}
    for key in chosen:
        rest.setdefault(key[0], set()).add(key[1:])
    parts = [
        {"bool": {"filter": [{"term": {first.path: value}}, _clause(others, keys)]}}
        for value, keys in sorted(rest.items())
    ]
    return {"bool": {"should": parts, "minimum_should_match": 1}}
