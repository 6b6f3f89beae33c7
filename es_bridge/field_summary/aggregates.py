"""How many documents have a field, and its most frequent values: requests for some fields together, and their answers.

A field's own aggregations are named by its number in the request, so no name of a field becomes a part of an
aggregation's name.
"""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from es_bridge.answers import COUNT, Unless
from es_bridge.field_summary.capabilities import Field
from es_bridge.field_summary.documents import as_text

#: Fields of one request: each is counted in every document of it.
MOST_FIELDS = 50
#: Values of one request, all fields together; the engines allow 65,535 (search.max_buckets), older ones 10,000.
MOST_BUCKETS = 5_000
#: Candidates that each shard tells beyond the values asked for: fewer make counts over several shards less exact.
_MORE_CANDIDATES = 50


class Counts(NamedTuple):
    """What the engine counted of one field."""

    #: Documents that have it.
    documents: int
    #: (value as text, documents), the most frequent first; ``None`` where the engine cannot count values.
    values: Optional[List[Tuple[str, int]]] = None
    #: How many values there are, and whether that is exact.
    distinct: Optional[int] = None
    distinct_is_exact: bool = False
    #: How many documents too few a count of a value may be, because shards tell their own most frequent ones only.
    most_missing: int = 0


def fields_together(top: int) -> int:
    """Return for how many fields one request may ask, each with ``top`` values."""
    return max(1, min(MOST_FIELDS, MOST_BUCKETS // max(1, top)))


def question(fields: Sequence[Field], top: int) -> Dict[str, Any]:
    """Return the aggregations for some fields."""
    aggs: Dict[str, Any] = {
        "having": {"filters": {"filters": {str(number): _having(field) for number, field in enumerate(fields)}}}
    }
    for number, field in enumerate(fields):
        if not field.has_values:
            continue
        aggs[f"distinct{number}"] = {"cardinality": {"field": field.name}}
        if top:
            aggs[f"values{number}"] = {
                # Without the hint an engine sorts all terms of a shard first, of documents that do not match as well.
                "terms": {
                    "field": field.name,
                    "size": top,
                    "shard_size": top + _MORE_CANDIDATES,
                    "execution_hint": "map",
                }
            }
    return aggs


def shape(fields: Sequence[Field], top: int) -> Dict[str, Any]:
    """Return what the reply must look like (`es_bridge.answers`)."""
    buckets = {str(number): {"doc_count": COUNT} for number in range(len(fields))}
    found: Dict[str, Any] = {"having": {"buckets": buckets}}
    for number, field in enumerate(fields):
        if field.has_values:
            found[f"distinct{number}"] = {"value": COUNT}
            if top:
                found[f"values{number}"] = {
                    "sum_other_doc_count": COUNT,
                    "doc_count_error_upper_bound": Unless(COUNT),
                    "buckets": [{"doc_count": COUNT, "key_as_string": Unless(str)}],
                }
    return {"aggregations": found}


def answer(fields: Sequence[Field], found: Dict[str, Any]) -> List[Counts]:
    """Return what the aggregations say of each of the fields."""
    return [_counts(number, field, found) for number, field in enumerate(fields)]


def _having(field: Field) -> Dict[str, Any]:
    exists = {"exists": {"field": field.name}}
    # Not every index has the nested object.
    return (
        {"nested": {"path": field.nested_in, "query": exists, "ignore_unmapped": True}} if field.nested_in else exists
    )


def _counts(number: int, field: Field, found: Dict[str, Any]) -> Counts:
    documents = found["having"]["buckets"][str(number)]["doc_count"]
    if not field.has_values:
        return Counts(documents)
    distinct = found[f"distinct{number}"]["value"]
    terms = found.get(f"values{number}")
    if terms is None:
        return Counts(documents, None, distinct)
    values = [(_text(bucket), int(bucket["doc_count"])) for bucket in terms["buckets"]]
    missing = int(terms.get("doc_count_error_upper_bound") or 0)
    if not terms["sum_other_doc_count"] and missing == 0:  # these are all
        return Counts(documents, values, len(values), True)
    return Counts(documents, values, max(distinct, len(values)), False, missing)


def _text(bucket: Dict[str, Any]) -> str:
    said = bucket.get("key_as_string")
    return said if said is not None else as_text(bucket.get("key"))
