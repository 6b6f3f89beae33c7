"""Which days may have an index."""

from __future__ import annotations

from datetime import date, datetime, timezone

import pytest

from collectors.delivery.event_window import AS_THE_POLICIES, EventWindow

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp()


def said(retention_days, day, dataset="route53_resolver", now=NOON):
    """Return why nothing of this day is taken."""
    return EventWindow(retention_days, clock=lambda: now).now(dataset)[number(day)]


def number(day):
    """Return the days from 1970 to this one."""
    return (date.fromisoformat(day) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026-11-21", ""),
        ("2026-11-22", ""),  # until a day ahead, and the rest of that day with it
        ("2026-11-23", "more than a day ahead"),
        ("2999-01-01", "more than a day ahead"),
        ("2026-10-22", ""),  # 30 days ago: its last events are younger than that
        ("2026-10-21", "older than the 30 days"),
        ("1970-01-01", "older than the 30 days"),
        ("1969-12-31", "older than the 30 days"),
        ("0001-01-01", "older than the 30 days"),
    ],
)
def test_a_day_is_judged_as_a_whole(day, says):
    reason = said(30, day)
    assert says in reason
    assert bool(reason) == bool(says)


def test_without_a_retention_nothing_is_too_old_and_the_future_is_still_no_place():
    assert said(None, "0001-01-01") == ""
    assert "ahead" in said(None, "2026-11-23")
    assert said(10**9, "1970-01-01") == ""


def test_each_log_has_the_retention_of_its_lifecycle_policy():
    assert said(AS_THE_POLICIES, "2025-11-21", "cloudtrail") == ""
    assert "older than the 365 days" in said(AS_THE_POLICIES, "2025-11-20", "cloudtrail")
    assert said(AS_THE_POLICIES, "2026-08-23", "vpc_flow") == ""
    assert "older than the 90 days" in said(AS_THE_POLICIES, "2026-08-22", "vpc_flow")


def test_late_in_the_day_the_day_after_tomorrow_is_still_ahead():
    assert said(None, "2026-11-22", now=NOON + 11 * 3_600) == ""
    assert "ahead" in said(None, "2026-11-23", now=NOON + 11 * 3_600)
    assert said(None, "2026-11-23", now=NOON + 12 * 3_600) == ""


def test_the_window_moves_with_the_clock():
    now = NOON
    moving = EventWindow(1, clock=lambda: now)
    assert moving.now("waf")[number("2026-11-20")] == ""
    now += 86_400
    assert "older" in moving.now("waf")[number("2026-11-20")]


def test_a_negative_retention_is_a_mistake():
    with pytest.raises(ValueError, match="retention_days is -1"):
        EventWindow(-1)
    with pytest.raises(ValueError, match="retention_days is -7"):
        EventWindow({"waf": -7})
