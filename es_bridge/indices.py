"""The open indices of a pattern: how many documents, from when to when, and what the time field is there.

Only ``_field_caps`` and a search are used, which any account that may read an index has; ``_cat`` needs more, and
Serverless does not have it. `es_bridge.index_summary` adds what some accounts may know beside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

from es_bridge.answers import COUNT, FIELD_CAPS, NUMBER, SEARCH, Maybe, checked
from es_bridge.errors import PartialResult, RejectedQuery
from es_bridge.transport import Transport

#: Most indices one aggregation names; the engines' own limit (search.max_buckets) is 65,535.
MOST_INDICES = 10_000
#: When a document was written.
INGESTED = "event.ingested"
_BUCKET = {"key": str, "doc_count": COUNT}
_INSTANT = {"value": Maybe(NUMBER)}


@dataclass(frozen=True)
class IndexInfo:
    """One index as an account sees it."""

    name: str
    documents: int
    #: Mapping type of the time field, ``""`` where the index does not have it.
    time_type: str
    #: Time of the oldest and newest document in epoch milliseconds; ``None`` without documents that have a time.
    earliest_ms: Optional[int]
    latest_ms: Optional[int]
    #: The newest `INGESTED`, epoch milliseconds.
    ingested_ms: Optional[int] = None


def capabilities(transport: Transport, pattern: str, time_field: str) -> Dict[str, Any]:
    """Return the concrete indices of a pattern and what their time fields are."""
    fields = ",".join(dict.fromkeys((time_field, INGESTED)))
    caps: Dict[str, Any] = transport.request(
        "GET", (pattern, "_field_caps"), {"fields": fields, "include_unmapped": True, "expand_wildcards": "open"}
    ).json(FIELD_CAPS)
    return caps


def counted(
    transport: Transport, pattern: str, time_field: str, caps: Mapping[str, Any], more: Mapping[str, Any]
) -> List[IndexInfo]:
    """Return the indices that `capabilities` named, by name. ``more``: a query, and what else the request's body holds.

    Raises `PartialResult` for an incomplete answer, or one of more than `MOST_INDICES`.
    """
    names = sorted(caps.get("indices", []))
    types = _types(caps, time_field, names)
    # Indices whose time field is text or a number would fail the whole aggregation.
    times = {
        key: field
        for key, field in (("time", time_field), ("ingested", INGESTED))
        if all(kind in ("date", "date_nanos", "") for kind in _types(caps, field, names).values())
    }
    counts = _counts(transport, pattern, times, more)
    return [_info(name, types.get(name, ""), counts.get(name, {})) for name in names]


def _types(caps: Mapping[str, Any], field: str, names: Sequence[str]) -> Dict[str, str]:
    """Return index -> type of a field, ``""`` where the index does not have it."""
    types: Dict[str, str] = {}
    for kind, facts in caps.get("fields", {}).get(field, {}).items():
        # Without a list, all indices agree.
        types.update(dict.fromkeys(facts.get("indices") or names, "" if kind == "unmapped" else kind))
    return types


def _counts(
    transport: Transport, pattern: str, times: Mapping[str, str], more: Mapping[str, Any]
) -> Dict[str, Dict[str, Any]]:
    aggs: Dict[str, Any] = {}
    if "time" in times:
        aggs.update(earliest={"min": {"field": times["time"]}}, latest={"max": {"field": times["time"]}})
    if "ingested" in times:
        aggs["ingested"] = {"max": {"field": times["ingested"]}}
    by_index: Dict[str, Any] = {"terms": {"field": "_index", "size": MOST_INDICES}}
    if aggs:
        by_index["aggs"] = aggs
    try:
        response = transport.request(
            "POST",
            (pattern, "_search"),
            {"expand_wildcards": "open"},
            {"size": 0, "track_total_hits": False, "aggs": {"by_index": by_index}, **more},
        )
    except RejectedQuery as exc:
        raise RejectedQuery(
            f"{exc}. The indices cannot be counted together; name fewer of them",
            status=exc.status,
            error_type=exc.error_type,
            reason=exc.reason,
        ) from exc
    reply = response.json(SEARCH)
    if reply["_shards"]["total"]:  # without a shard there are no aggregations
        bucket = {**_BUCKET, **dict.fromkeys(aggs, _INSTANT)}
        shape = {"aggregations": {"by_index": {"sum_other_doc_count": COUNT, "buckets": [bucket]}}}
        checked(reply, shape, response.where)
    failed = reply.get("_shards", {}).get("failed", 0)
    if failed or reply.get("timed_out"):
        raise PartialResult(
            f"{failed} of {reply.get('_shards', {}).get('total')} shards of {pattern!r} failed on cluster "
            f"{transport.config.name!r}, so the numbers would be too small. Try again, or name fewer indices",
            failed_shards=failed,
        )
    found = reply.get("aggregations", {}).get("by_index", {})
    if found.get("sum_other_doc_count"):
        raise PartialResult(f"{pattern!r} names more than {MOST_INDICES:,} indices with documents. Name fewer of them")
    return {bucket["key"]: bucket for bucket in found.get("buckets", [])}


def _info(name: str, time_type: str, counted: Dict[str, Any]) -> IndexInfo:
    def ms(key: str) -> Optional[int]:
        value = counted.get(key, {}).get("value")
        return None if value is None else int(value)

    return IndexInfo(name, counted.get("doc_count", 0), time_type, ms("earliest"), ms("latest"), ms("ingested"))
