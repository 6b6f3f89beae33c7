"""Which days may have an index."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from collectors.delivery.event_window import AS_THE_POLICIES, EventWindow

NOON = datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp()


def window(retention_days, now=NOON):
    return EventWindow(retention_days, clock=lambda: now).now()


@pytest.mark.parametrize(
    ("day", "says"),
    [
        ("2026.11.21", ""),
        ("2026.11.22", ""),  # until a day ahead, and the rest of that day with it
        ("2026.11.23", "more than a day ahead"),
        ("2999.01.01", "more than a day ahead"),
        ("2026.10.22", ""),  # 30 days ago: its last events are younger than that
        ("2026.10.21", "older than the 30 days"),
        ("1970.01.01", "older than the 30 days"),
        ("0000.01.01", "none of the calendar"),
        ("2026.02.30", "none of the calendar"),
    ],
)
def test_a_day_is_judged_as_a_whole(day, says):
    reason = window(30)["aws-dns-" + day]
    assert says in reason
    assert bool(reason) == bool(says)


def test_without_a_retention_nothing_is_too_old_and_the_future_is_still_no_place():
    days = window(None)
    assert days["aws-waf-0001.01.01"] == ""
    assert "ahead" in days["aws-waf-2026.11.23"]
    assert window(10**9)["aws-waf-1970.01.01"] == ""


def test_each_log_has_the_retention_of_its_lifecycle_policy():
    days = window(AS_THE_POLICIES)
    assert days["aws-cloudtrail-2025.11.21"] == ""
    assert "older than the 365 days" in days["aws-cloudtrail-2025.11.20"]
    assert days["aws-vpcflow-2026.08.23"] == ""
    assert "older than the 90 days" in days["aws-vpcflow-2026.08.22"]


def test_late_in_the_day_the_day_after_tomorrow_is_still_ahead():
    assert window(None, NOON + 11 * 3_600)["x-2026.11.22"] == ""
    assert "ahead" in window(None, NOON + 11 * 3_600)["x-2026.11.23"]
    assert window(None, NOON + 12 * 3_600)["x-2026.11.23"] == ""


def test_the_window_moves_with_the_clock():
    now = NOON
    moving = EventWindow(1, clock=lambda: now)
    assert moving.now()["x-2026.11.20"] == ""
    now += 86_400
    assert "older" in moving.now()["x-2026.11.20"]


def test_a_negative_retention_is_a_mistake():
    with pytest.raises(ValueError, match="retention_days is -1"):
        EventWindow(-1)
