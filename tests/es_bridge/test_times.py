"""The grammar of a user's times: a table for each form, and properties over many instants and zones."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from es_bridge.errors import QueryError, TimeError
from es_bridge.times import RELATIVE_UNITS, format_utc, now_ms, parse_time, zone_named

pytestmark = pytest.mark.splunk_python

UTC = timezone.utc
BERLIN = ZoneInfo("Europe/Berlin")
SEOUL = ZoneInfo("Asia/Seoul")
#: Saturday, in Seoul already 13:53:07.
NOW = "2026-11-21T04:53:07.250Z"


def ms(text: str) -> int:
    """Return the epoch milliseconds of a full ISO time, read by the standard library."""
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return round((instant - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def parsed(text: str, now: str = NOW, zone=UTC) -> str | None:
    """Return what `parse_time` makes of ``text``, as ISO text that reads well in a failure."""
    result = parse_time(text, now_ms=ms(now), zone=zone)
    return None if result is None else format_utc(result)


@pytest.mark.parametrize("text", ["0", " 0 ", "0.0", "0.000", "00"])
def test_zero_means_no_bound(text):
    assert parsed(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("1795236787", "2026-11-21T04:53:07.000Z"),
        ("1795236787.5", "2026-11-21T04:53:07.500Z"),
        ("1795236787.", "2026-11-21T04:53:07.000Z"),
        ("1795236787.0000001", "2026-11-21T04:53:07.001Z"),
        ("1795236787.123000", "2026-11-21T04:53:07.123Z"),
        ("1795236787123", "2026-11-21T04:53:07.123Z"),
        ("1795236787123.01", "2026-11-21T04:53:07.124Z"),
        ("1", "1970-01-01T00:00:01.000Z"),
        ("2024.0", "1970-01-01T00:33:44.000Z"),
        ("99999999999", "5138-11-16T09:46:39.000Z"),
        ("100000000000", "1973-03-03T09:46:40.000Z"),
    ],
)
def test_now_and_epoch_numbers(text, expected):
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "date_reading", "number_reading"),
    [
        ("2024", "2024-01-01", "1970-01-01T00:33:44"),
        ("202401", "2024-01-01", "1970-01-03T08:13:21"),
        ("20240131", "2024-01-31", "1970-08-23T06:15:31"),
        ("202401311530", "2024-01-31T15:30", "1976-05-31T"),
        ("20240131153059", "2024-01-31T15:30:59", "2611-05-"),
    ],
)
def test_numbers_that_read_as_dates_are_refused_with_both_readings(text, date_reading, number_reading):
    with pytest.raises(TimeError, match="two ways") as caught:
        parsed(text)
    assert date_reading in str(caught.value)
    assert number_reading in str(caught.value)


@pytest.mark.parametrize("text", ["9999", "20241340", "100000"])
def test_numbers_of_the_length_of_a_date_that_are_none_are_epoch_seconds(text):
    assert parse_time(text, now_ms=0, zone=UTC) == int(text) * 1000


@pytest.mark.parametrize("text", ["1795236787123456", "1795236787123456789"])
def test_micro_and_nanoseconds_are_refused(text):
    with pytest.raises(TimeError, match="too large"):
        parsed(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", "2026-11-21T00:00:00.000Z"),
        ("2026-11-21T04:53", "2026-11-21T04:53:00.000Z"),
        ("2026-11-21 04:53:07", "2026-11-21T04:53:07.000Z"),
        ("2026-11-21T04:53:07Z", "2026-11-21T04:53:07.000Z"),
        ("2026-11-21t04:53:07z", "2026-11-21T04:53:07.000Z"),
        ("2026-11-21T04:53:07.5+09:00", "2026-11-20T19:53:07.500Z"),
        ("2026-11-21T04:53:07,5-0330", "2026-11-21T08:23:07.500Z"),
        ("2026-11-21 04:53:07 +09", "2026-11-20T19:53:07.000Z"),
        ("2026-11-21T04:53:07.123456789Z", "2026-11-21T04:53:07.124Z"),
        ("2026-11-21T04:53:07.123000000Z", "2026-11-21T04:53:07.123Z"),
        ("2026-12-31T23:59:59.99999Z", "2027-01-01T00:00:00.000Z"),
        ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z"),
    ],
)
def test_iso_8601(text, expected):
    assert parsed(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-21", "2026-11-20T15:00:00.000Z"),
        ("2026-11-21T04:53:07.5", "2026-11-20T19:53:07.500Z"),
        ("2026-11-21T04:53:07Z", "2026-11-21T04:53:07.000Z"),
    ],
)
def test_iso_without_offset_is_the_users_local_time(text, expected):
    assert parsed(text, zone=SEOUL) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # 2026-03-29 in Berlin: 02:00 becomes 03:00. 2026-10-25: 03:00 becomes 02:00.
        ("2026-03-29T02:30", "2026-03-29T01:30:00.000Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30:00.000Z"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00.000Z"),
    ],
)
def test_local_times_that_the_clock_skips_or_repeats(text, expected):
    assert parsed(text, zone=BERLIN) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now-30m", "2026-11-21T04:23:07.250Z"),
        ("now-d", "2026-11-20T04:53:07.250Z"),
        ("now-1d/d", "2026-11-20T00:00:00.000Z"),
        ("now/d", "2026-11-21T00:00:00.000Z"),
        ("now/w", "2026-11-16T00:00:00.000Z"),
        ("now+1M/M", "2026-12-01T00:00:00.000Z"),
        ("now/y", "2026-01-01T00:00:00.000Z"),
        ("now/h", "2026-11-21T04:00:00.000Z"),
        ("now-2H/H", "2026-11-21T02:00:00.000Z"),
        ("now/m", "2026-11-21T04:53:00.000Z"),
        ("now/s", "2026-11-21T04:53:07.000Z"),
        ("now/d-3h", "2026-11-20T21:00:00.000Z"),
        ("now-1y+2M-1w/d+1h", "2026-01-14T01:00:00.000Z"),
    ],
)
def test_date_math_is_utc_and_rounds_down(text, expected):
    assert parsed(text, zone=SEOUL) == expected


@pytest.mark.parametrize(
    ("now", "text", "expected"),
    [
        ("2026-03-31T12:00:00Z", "now-1M", "2026-02-28T12:00:00.000Z"),
        ("2028-03-31T12:00:00Z", "now-1M", "2028-02-29T12:00:00.000Z"),
        ("2028-02-29T12:00:00Z", "now-1y", "2027-02-28T12:00:00.000Z"),
        ("2026-01-15T12:00:00Z", "now-1M", "2025-12-15T12:00:00.000Z"),
        ("2026-03-31T12:00:00Z", "-1mon", "2026-02-28T12:00:00.000Z"),
        ("2026-05-31T12:00:00Z", "-1q", "2026-02-28T12:00:00.000Z"),
        ("2028-02-29T12:00:00Z", "+1y", "2029-02-28T12:00:00.000Z"),
    ],
)
def test_months_end_on_their_last_day(now, text, expected):
    assert parsed(text, now=now) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Seoul is nine hours ahead, so "today" is 2026-11-21, a Saturday, and began at 15:00 UTC.
        ("-24h@h", "2026-11-20T04:00:00.000Z"),
        ("@d", "2026-11-20T15:00:00.000Z"),
        ("-1d@d", "2026-11-19T15:00:00.000Z"),
        ("-1d@d+3h", "2026-11-19T18:00:00.000Z"),
        ("+1d", "2026-11-22T04:53:07.250Z"),
        ("-d", "2026-11-20T04:53:07.250Z"),
        ("-7d@w1", "2026-11-08T15:00:00.000Z"),
        ("@w0", "2026-11-14T15:00:00.000Z"),
        ("@w7", "2026-11-14T15:00:00.000Z"),
        ("@w", "2026-11-14T15:00:00.000Z"),
        ("@week", "2026-11-14T15:00:00.000Z"),
        ("@w1", "2026-11-15T15:00:00.000Z"),
        ("@w2", "2026-11-16T15:00:00.000Z"),
        ("@w3", "2026-11-17T15:00:00.000Z"),
        ("@w4", "2026-11-18T15:00:00.000Z"),
        ("@w5", "2026-11-19T15:00:00.000Z"),
        ("@w6", "2026-11-20T15:00:00.000Z"),
        ("-1mon@mon", "2026-09-30T15:00:00.000Z"),
        ("@q", "2026-09-30T15:00:00.000Z"),
        ("-1q@q", "2026-06-30T15:00:00.000Z"),
        ("@y", "2025-12-31T15:00:00.000Z"),
        ("@m", "2026-11-21T04:53:00.000Z"),
        ("@s", "2026-11-21T04:53:07.000Z"),
        ("-5m", "2026-11-21T04:48:07.250Z"),
        ("-1h@h-5m", "2026-11-21T02:55:00.000Z"),
        ("-1mon@mon+7d", "2026-10-07T15:00:00.000Z"),
        ("-1d-2h", "2026-11-20T02:53:07.250Z"),
        ("@d@mon", "2026-10-31T15:00:00.000Z"),
        ("-0d@d", "2026-11-20T15:00:00.000Z"),
    ],
)
def test_relative_time_snaps_in_the_users_zone(text, expected):
    assert parsed(text, zone=SEOUL) == expected


@pytest.mark.parametrize(
    ("spellings", "expected"),
    [
        ("s sec secs second seconds", "2026-11-21T04:53:05.250Z"),
        ("m min mins minute minutes", "2026-11-21T04:51:07.250Z"),
        ("h hr hrs hour hours", "2026-11-21T02:53:07.250Z"),
        ("d day days", "2026-11-19T04:53:07.250Z"),
        ("w week weeks", "2026-11-07T04:53:07.250Z"),
        ("mon month months", "2026-09-21T04:53:07.250Z"),
        ("q qtr qtrs quarter quarters", "2026-05-21T04:53:07.250Z"),
        ("y yr yrs year years", "2024-11-21T04:53:07.250Z"),
    ],
)
def test_every_documented_spelling_of_a_unit(spellings, expected):
    assert {spelling: parsed("-2" + spelling) for spelling in spellings.split()} == dict.fromkeys(
        spellings.split(), expected
    )


@pytest.mark.parametrize(
    ("zone", "now", "text", "expected"),
    [
        # Clock put forward: 2026-03-29 has 23 hours in Berlin.
        ("Europe/Berlin", "2026-03-29T10:00:00Z", "@d", "2026-03-28T23:00:00.000Z"),
        ("Europe/Berlin", "2026-03-29T10:00:00Z", "-1d", "2026-03-28T11:00:00.000Z"),
        ("Europe/Berlin", "2026-03-29T10:00:00Z", "-24h", "2026-03-28T10:00:00.000Z"),
        ("Europe/Berlin", "2026-03-30T00:30:00Z", "-1d", "2026-03-29T01:30:00.000Z"),
        # Clock put back: 02:00 to 03:00 comes twice on 2026-10-25.
        ("Europe/Berlin", "2026-10-25T10:00:00Z", "@d", "2026-10-24T22:00:00.000Z"),
        ("Europe/Berlin", "2026-10-25T00:40:00Z", "@h", "2026-10-25T00:00:00.000Z"),
        ("Europe/Berlin", "2026-10-25T01:40:00Z", "@h", "2026-10-25T01:00:00.000Z"),
        ("Europe/Berlin", "2026-10-25T01:40:00Z", "-1h@h", "2026-10-25T00:00:00.000Z"),
        ("Europe/Berlin", "2026-10-26T01:30:00Z", "-1d", "2026-10-25T00:30:00.000Z"),
        ("Europe/Berlin", "2026-10-26T12:00:00Z", "@w0", "2026-10-24T22:00:00.000Z"),
        # Midnight itself does not exist on this day in Beirut: the day begins at 01:00.
        ("Asia/Beirut", "2022-03-27T10:00:00Z", "@d", "2022-03-26T22:00:00.000Z"),
        # Midnight comes twice in Havana: the day begins with the first.
        ("America/Havana", "2026-11-01T12:00:00Z", "@d", "2026-11-01T04:00:00.000Z"),
        # An hour begins on the local clock, which is half an hour off in Kolkata.
        ("Asia/Kolkata", "2026-11-21T04:53:07Z", "@h", "2026-11-21T04:30:00.000Z"),
        # Half an hour of daylight saving.
        ("Australia/Lord_Howe", "2026-10-03T15:40:00Z", "@h", "2026-10-03T15:30:00.000Z"),
    ],
)
def test_relative_time_across_changes_of_the_clock(zone, now, text, expected):
    assert parsed(text, now=now, zone=ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("-1M", ["'-1mon'", "'-1m'", "two ways"]),
        ("@M", ["'@mon'", "'@m'"]),
        ("-1d/d", ["'-1d@d'", "'now-1d/d'"]),
        ("now@d", ["'@d'", "'now/d'"]),
        ("now-1d@d", ["'-1d@d'", "'now-1d/d'"]),
        ("now-1mon", ["'mon'", "-1mon@mon"]),
        ("now/2d", ["'2d'"]),
        ("now-1q", ["'q'"]),
        ("-1D", ["'D'", "Write 'd'"]),
        ("-5", ["from '-5' on"]),
        ("-1d@", ["from '@' on"]),
        ("-1w1", ["from '1' on"]),
        ("@d3", ["@w1"]),
        ("@w8", ["from '8' on"]),
        ("rt", ["real-time"]),
        ("rtnow", ["real-time"]),
        ("rt-5m", ["real-time"]),
        ("rt-5m@m", ["real-time"]),
        ("-rt-5m", ["real-time"]),
        ("", ["empty"]),
        ("yesterday", ["'yesterday'", "now-30m", "-24h@h"]),
        ("11/21/2026:00:00:00", ["day and month"]),
        ("2026-11-21||-1d", ["cannot be read"]),
        ("2026-02-30", ["does not exist"]),
        ("2026-11-21T25:00Z", ["does not exist"]),
        ("2026-11-21T04:53:07+25:00", ["does not exist"]),
        ("2026-11-21T04:53:07+09:75", ["does not exist"]),
        ("0000-01-01", ["does not exist"]),
        ("9999-12-31T23:59:59.9999Z", ["years 1 to 9999"]),
        ("-99999999999999999999d", ["years 1 to 9999"]),
        ("now-99999y", ["years 1 to 9999"]),
        ("-9999999999999s", ["years 1 to 9999"]),
        ("٣", ["cannot be read"]),
        ("1" * 5000, ["too long"]),
        ("now" + "-1d" * 100, ["too long"]),
    ],
)
def test_what_is_refused_says_what_to_write(text, said):
    with pytest.raises(TimeError) as caught:
        parsed(text, zone=BERLIN)
    message = str(caught.value)
    assert [part for part in said if part not in message] == []
    assert isinstance(caught.value, QueryError)


def test_the_very_first_year_is_refused_where_the_zone_would_leave_it():
    with pytest.raises(TimeError, match="years 1 to 9999"):
        parsed("0001-01-01T00:00", zone=SEOUL)


@pytest.mark.parametrize("name", ["Mars/Olympus", "America", "../etc/passwd", "/etc/localtime", "Ä", "a\0b"])
def test_unknown_zone(name):
    with pytest.raises(TimeError, match="IANA"):
        zone_named(name)


def test_named_zone():
    assert parsed("@d", zone=zone_named("Asia/Seoul")) == "2026-11-20T15:00:00.000Z"


@pytest.mark.skipif(os.name == "nt", reason="the C library reads TZ on POSIX systems only")
def test_the_machines_own_zone_with_its_changes_of_the_clock():
    """In a child process with TZ set: the same answers as with the named zone, around both changes of 2026."""
    program = """
from es_bridge.times import parse_time, zone_named
for hours in range(-48, 49):
    for change in (1774746000000, 1792890000000):
        now = change + hours * 3600_000 + 1234
        for text in ("@h", "@d", "@w1", "-1d", "-1d@d+3h", "-3h", "@mon"):
            own = parse_time(text, now_ms=now, zone=zone_named(""))
            named = parse_time(text, now_ms=now, zone=zone_named("Europe/Berlin"))
            assert own == named, (text, now, own, named)
print("same")
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "TZ": "Europe/Berlin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.stdout.strip() == "same"


def test_now_ms_is_the_clock():
    before = datetime.now(UTC)
    assert ms(before.isoformat()) - 1 <= now_ms() <= ms(datetime.now(UTC).isoformat()) + 1


# --- properties ------------------------------------------------------------------------------------------------------

INSTANTS = st.integers(ms("1975-01-01T00:00:00Z"), ms("2037-12-31T00:00:00Z"))
ZONES = st.sampled_from(
    [
        UTC,
        BERLIN,
        SEOUL,
        *map(ZoneInfo, ["America/New_York", "America/Sao_Paulo", "Asia/Kolkata", "Asia/Beirut", "America/Havana"]),
        *map(ZoneInfo, ["Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]),
    ]
)
SNAPS = st.sampled_from(["s", "m", "h", "d", "w", "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "mon", "q", "y"])
UNITS = st.sampled_from(sorted(RELATIVE_UNITS))


@given(INSTANTS, ZONES, SNAPS)
@example(ms("2026-10-25T01:40:00Z"), BERLIN, "h")
@example(ms("2011-12-31T12:00:00Z"), ZoneInfo("Pacific/Apia"), "d")  # the day after a day that did not exist
def test_a_snap_goes_back_to_a_beginning_and_stays_there(now, zone, snap):
    snapped = parse_time("@" + snap, now_ms=now, zone=zone)
    assert snapped <= now
    assert parse_time("@" + snap, now_ms=snapped, zone=zone) == snapped
    longest_days = {"s": 0, "m": 0, "h": 0, "d": 2, "w": 9, "mon": 33, "q": 94, "y": 368}[snap.rstrip("01234567")]
    assert now - snapped < max(longest_days * 86_400_000, 2 * 3600_000)


@given(INSTANTS, ZONES, st.integers(0, 5000), st.sampled_from(["s", "m", "h"]))
def test_hours_and_less_are_elapsed_time(now, zone, amount, unit):
    ms_each = {"s": 1000, "m": 60_000, "h": 3600_000}[unit]
    assert parse_time(f"-{amount}{unit}", now_ms=now, zone=zone) == now - amount * ms_each
    assert parse_time(f"now+{amount}{unit}", now_ms=now, zone=zone) == now + amount * ms_each


@given(INSTANTS, ZONES, st.integers(-400, 400))
def test_days_keep_the_time_of_day(now, zone, days):
    result = parse_time(f"{days:+d}d", now_ms=now, zone=zone)
    before = datetime.fromtimestamp(now // 1000, zone)
    after = datetime.fromtimestamp(result // 1000, zone)
    wished = (before.replace(tzinfo=None) + timedelta(days=days)).replace(tzinfo=zone)
    exists = wished.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wished.replace(tzinfo=None)
    if exists:
        assert after.replace(tzinfo=None) == wished.replace(tzinfo=None)
    else:
        assert abs(after.replace(tzinfo=None) - wished.replace(tzinfo=None)) <= timedelta(days=1)


@given(INSTANTS, st.integers(0, 600), st.sampled_from(["y", "M", "w", "d", "h", "H", "m", "s"]))
def test_date_math_rounds_down_in_utc_whatever_the_users_zone(now, amount, unit):
    results = {parse_time(f"now-{amount}{unit}/{unit}", now_ms=now, zone=zone) for zone in (UTC, BERLIN, SEOUL)}
    assert len(results) == 1
    assert results.pop() <= now


@given(INSTANTS)
def test_formatted_times_read_back(now):
    assert parse_time(format_utc(now), now_ms=0, zone=SEOUL) == now


@given(st.decimals(min_value=300_000_000, max_value=99_999_999_999, places=9))
def test_fractions_of_epoch_seconds_round_up(seconds):
    result = parse_time(format(seconds, "f"), now_ms=0, zone=UTC)
    assert 0 <= result - Fraction(seconds) * 1000 < 1


@given(st.datetimes(min_value=datetime(1975, 1, 1), max_value=datetime(2037, 1, 1)), st.text("0123456789", max_size=12))
def test_fractions_of_iso_seconds_round_up(moment, fraction):
    text = moment.replace(microsecond=0).isoformat()
    result = parse_time(text + ("." + fraction if fraction else "") + "Z", now_ms=0, zone=UTC)
    exact = ms(text + "+00:00") + Fraction(int(fraction or "0") * 1000, 10 ** len(fraction))
    assert 0 <= result - exact < 1


@given(st.text(max_size=120) | st.from_regex(r"(now|rt)?([+\-@/][0-9]{0,12}[a-zA-Z]{0,4}){0,5}", fullmatch=True), ZONES)
def test_any_text_is_a_time_or_a_time_error(text, zone):
    try:
        result = parse_time(text, now_ms=ms(NOW), zone=zone)
    except TimeError as error:
        assert str(error)
    else:
        assert result is None or isinstance(result, int)


@given(INSTANTS, ZONES, st.lists(st.tuples(st.sampled_from("+-"), st.integers(0, 20), UNITS), min_size=1, max_size=4))
def test_a_chain_is_its_steps_one_after_the_other(now, zone, steps):
    chained = parse_time("".join(f"{sign}{amount}{unit}" for sign, amount, unit in steps), now_ms=now, zone=zone)
    stepped = now
    for sign, amount, unit in steps:
        stepped = parse_time(f"{sign}{amount}{unit}", now_ms=stepped, zone=zone)
    assert chained == stepped
