"""Ranges that reach beyond what the store holds, on every engine: the days are named, whichever way the pages come."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta, timezone
from typing import Any, List, Tuple

import pytest

from es_bridge.errors import IndexNotAllowed

from .conftest import Cluster

pytestmark = pytest.mark.fast

DAY_MS = 86_400_000
BEYOND = "the range reaches beyond what the store holds"


def midnight_ms(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp() * 1000)


@pytest.fixture
def daily(cluster: Cluster) -> Tuple[str, List[date]]:
    """Indices of six days, one event each; the third is closed, the fifth was deleted; and those of another log."""
    if not hasattr(cluster, "daily"):
        prefix = f"aws-d{uuid.uuid4().hex[:8]}"
        today = datetime.now(timezone.utc).date()
        days = [today - timedelta(back) for back in (9, 8, 7, 6, 5, 4)]
        for log in ("waf", "other"):
            for number, day in enumerate(days):
                name = f"{prefix}-{log}-{day:%Y.%m.%d}"
                if number == 4 or (log == "other" and number == 1):
                    continue
                mappings = {"properties": {"@timestamp": {"type": "date"}}}
                body = {"settings": {"number_of_shards": 1, "number_of_replicas": 0}, "mappings": mappings}
                cluster.transport.request("PUT", (name,), body=body)
                cluster.fill(name, [("1", {"@timestamp": midnight_ms(day)})])
                if number == 2:
                    cluster.transport.request("POST", (name, "_close"))
        cluster.daily = (prefix, days)  # type: ignore[attr-defined]
    return cluster.daily  # type: ignore[attr-defined]


def told(search: Any) -> List[str]:
    return [text for text in search.warnings if BEYOND in text]


def test_days_that_are_closed_or_deleted_are_named(cluster: Cluster, daily: Tuple[str, List[date]]) -> None:
    prefix, days = daily
    end = midnight_ms(days[5]) + 1
    for size in (0, 1):
        hits, search = cluster.ask(f"{prefix}-waf-*", earliest_ms=midnight_ms(days[0]), latest_ms=end, size=size)
        assert len(hits) == (size or 4)
        (text,) = told(search)
        assert f"{prefix}-waf-* has no open index for {days[2]}, {days[4]}." in text
    _, search = cluster.ask(f"{prefix}-waf-*", earliest_ms=midnight_ms(days[0]) - 1, latest_ms=end, query="no:match*")
    assert f"nothing older than the oldest index, {days[0]}" in told(search)[0]
    _, search = cluster.ask(f"{prefix}-waf-*")
    assert f"{days[2]}, {days[4]}, {days[5] + timedelta(1)} to " in told(search)[0]
    _, search = cluster.ask(f"{prefix}-waf-*", earliest_ms=midnight_ms(days[0]), latest_ms=midnight_ms(days[2]))
    assert told(search) == []


def test_no_index_outside_the_rules_is_named(cluster: Cluster, daily: Tuple[str, List[date]]) -> None:
    prefix, days = daily
    span = {"earliest_ms": midnight_ms(days[0]), "latest_ms": midnight_ms(days[5]) + 1}
    _, search = cluster.ask(f"{prefix}-waf-*", allowed_indices=(f"{prefix}-waf-*",), **span)
    assert len(told(search)) == 1
    assert "other" not in str(search.warnings + search.notes)
    with pytest.raises(IndexNotAllowed) as caught:
        cluster.ask(f"{prefix}-*", allowed_indices=(f"{prefix}-waf-*",), **span)
    assert str(days[2]) not in str(caught.value)


def test_indices_without_a_date_are_asked_for_their_oldest_event(cluster: Cluster) -> None:
    day = date(2026, 11, 20)
    rolled = cluster.create() + "-000007"
    mappings = {"properties": {"@timestamp": {"type": "date"}}}
    cluster.transport.request("PUT", (rolled,), body={"mappings": mappings})
    plain, empty = cluster.create(), cluster.create()
    for name in (rolled, plain):
        cluster.fill(name, [("1", {"@timestamp": midnight_ms(day) + 5 * 3_600_000})])
    oldest = "2026-11-20T05:00:00.000Z, and nothing older is there"
    for index, in_warnings in ((rolled, True), (plain, False)):
        for earlier_ms, is_said in ((1, True), (0, False)):
            _, search = cluster.ask(index, earliest_ms=midnight_ms(day) - earlier_ms)
            said = search.warnings if in_warnings else search.notes
            assert [oldest in text for text in said if BEYOND in text] == [True] * is_said
            assert in_warnings or told(search) == []
    for options in ({}, {"earliest_ms": 0}):
        _, search = cluster.ask(empty, **options)
        assert not [text for text in search.warnings + search.notes if BEYOND in text]
