"""Times as AWS writes them: a number, which also gives the day of the index, and the stamp of the document."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.records import event_time
from collectors.records.event_time import EventTime, from_epoch_ms, from_iso
from collectors.records.record import Record
from collectors.sinks.opensearch.index_names import index_of


def day_of(time):
    """Return the end of the index that an event of this time goes to."""
    return index_of(Record("waf", time.epoch_ms, "", b"")).rpartition("-")[2]


@pytest.mark.parametrize(
    ("text", "day", "stamp"),
    [
        ("2026-11-21T04:53:07Z", "2026.11.21", "2026-11-21T04:53:07.000Z"),
        ("2026-11-21T04:53:07.1Z", "2026.11.21", "2026-11-21T04:53:07.100Z"),
        ("2026-11-21T04:53:07.123456789Z", "2026.11.21", "2026-11-21T04:53:07.123456789Z"),
        ("2026-11-21T04:53:07+09:00", "2026.11.20", "2026-11-20T19:53:07.000Z"),
        ("2026-11-21T04:53:07.123456789+09:00", "2026.11.20", "2026-11-20T19:53:07.123456789Z"),
        ("2026-12-31T23:30:00-0100", "2027.01.01", "2027-01-01T00:30:00.000Z"),
        ("0987-01-02T03:04:05Z", "0987.01.02", "0987-01-02T03:04:05.000Z"),
        ("1969-12-31T23:59:59.9999Z", "1969.12.31", "1969-12-31T23:59:59.9999Z"),
    ],
)
def test_iso(text, day, stamp):
    assert (day_of(from_iso(text)), from_iso(text).stamp) == (day, stamp)
    assert from_iso(text).epoch_ms % 1000 == int(stamp[20:23])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-21",
        "2026-11-21T04:53:07",
        "2026-11-21 04:53:07Z",
        "2026-13-21T04:53:07Z",
        "2026-02-30T04:53:07Z",
        "2026-11-21T24:53:07Z",
        "2026-11-21T04:53:07z",
        "2017-03-16T19:20:177Z",
        "0001-01-01T00:00:00+09:00",
        "٢026-11-21T04:53:07Z",
        "2026-11-21T04:53:07Z\n",
    ],
)
def test_what_is_no_iso_time(text):
    assert from_iso(text) is None


def test_a_long_text_is_no_time_and_not_remembered():
    before = event_time._from_iso.cache_info().currsize
    assert from_iso("2026-11-21T04:53:07." + "0" * 100_000 + "Z") is None
    assert event_time._from_iso.cache_info().currsize == before


@pytest.mark.parametrize(
    ("epoch_ms", "day", "stamp"),
    [
        (0, "1970.01.01", "1970-01-01T00:00:00.000Z"),
        (1_795_236_787_123, "2026.11.21", "2026-11-21T04:53:07.123Z"),
        (1_795_236_787_007, "2026.11.21", "2026-11-21T04:53:07.007Z"),
        (253_402_300_799_999, "9999.12.31", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_epoch(epoch_ms, day, stamp):
    assert from_epoch_ms(epoch_ms) == EventTime(epoch_ms, stamp)
    assert day_of(from_epoch_ms(epoch_ms)) == day


@pytest.mark.parametrize("epoch_ms", [-1, -(10**18), 253_402_300_800_000, 10**30])
def test_what_no_calendar_has(epoch_ms):
    assert from_epoch_ms(epoch_ms) is None


@given(st.integers(0, 253_402_300_799_999))
def test_both_ways_are_one_time(epoch_ms):
    found = from_epoch_ms(epoch_ms)
    assert found == from_iso(found.stamp)
    moment = datetime.strptime(found.stamp, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert round(moment.timestamp() * 1000) == epoch_ms
