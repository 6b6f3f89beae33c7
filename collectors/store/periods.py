"""Which days of a log still have an index that takes events: asked before a backfill, so that nothing is a surprise.

A day can be read-only (warm, cold, or a full disk), closed, or without an index: never loaded, deleted, or in Amazon's
cold storage, which lists its indices elsewhere (``GET _cold/indices/_search``).
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import groupby
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple

from collectors.sinks.opensearch.index_names import all_indices, daily_index
from collectors.store.retention import RETENTION, Retention
from es_bridge.answers import EACH
from es_bridge.transport import Transport

WRITABLE, READ_ONLY, CLOSED, ABSENT = "writable", "read-only", "closed", "absent"
#: Enough to know them by; the date of creation is there so that an index without the others is listed, too.
_SETTINGS = "index.blocks.*,index.verified_before_close,index.creation_date"
_BLOCKS = ("index.blocks.write", "index.blocks.read_only", "index.blocks.read_only_allow_delete")


class DailyIndex(NamedTuple):
    """The index of one day, whether there or not."""

    day: date
    name: str
    state: str
    #: Days from this one to today, and how many of them the log's lifecycle keeps.
    age_days: int
    kept_days: int

    @property
    def expired(self) -> bool:
        """Whether the day is older than what is kept."""
        return self.age_days > self.kept_days


def daily_indices(
    transport: Transport, dataset: str, since: date, until: date, today: date, kept_days: int = 0
) -> List[DailyIndex]:
    """Return the index of every day from ``since`` to ``until``, both included, in order.

    ``kept_days`` stands in for what `RETENTION` says. Needs ``indices:monitor/settings/get`` on the log's indices;
    raises `PermissionDenied` without it, and the other errors of `es_bridge`.
    """
    parameters = {"flat_settings": "true", "expand_wildcards": "open,closed"}
    found = transport.request("GET", (all_indices(dataset), "_settings", _SETTINGS), parameters).json(
        {EACH: {"settings": dict}}
    )
    kept_days = kept_days or RETENTION[dataset].delete_after_days
    days = [since + timedelta(number) for number in range((until - since).days + 1)]
    return [
        DailyIndex(day, name, _state(found.get(name)), (today - day).days, kept_days)
        for day in days
        for name in [daily_index(dataset, day)]
    ]


def warnings(found: List[DailyIndex], dataset: str) -> Iterator[str]:
    """Yield what a backfill into these days must know, one text for each run of equal days; nothing if all is well."""
    days = RETENTION[dataset]
    for reason, run in groupby(found, lambda each: _reason(each, days)):
        if reason:
            same = [each.day for each in run]
            several = f"{same[0]} to {same[-1]} ({len(same)} days)" if len(same) > 1 else str(same[0])
            yield f"{several}: {reason}"


def _reason(index: DailyIndex, days: Retention) -> str:
    if index.expired:
        return (
            f"older than the {index.kept_days} days that events are kept: the loader puts them into the dead-letter "
            "store and creates no index"
        )
    if index.state == READ_ONLY:
        return "the index is read-only (warm, cold or blocked): what it does not have yet becomes dead letters"
    if index.state == CLOSED:
        return "the index is closed: everything becomes dead letters until it is opened"
    if index.state == ABSENT and index.age_days > days.warm_after_days:
        reason = (
            "no index: it is created anew. On OpenSearch its days in the lifecycle begin today; Elasticsearch's ILM "
            "makes it read-only within minutes, so stop it meanwhile (POST _ilm/stop)"
        )
        if index.age_days > days.cold_after_days:
            reason += (
                ". If the day is in Amazon's cold storage, attach that index instead, or its events are there twice"
            )
        return reason
    return ""


def _state(entry: Mapping[str, Any]) -> str:
    if not entry:
        return ABSENT
    settings: Dict[str, str] = entry["settings"]
    if settings.get("index.verified_before_close") == "true":
        return CLOSED
    return READ_ONLY if any(settings.get(name) == "true" for name in _BLOCKS) else WRITABLE
