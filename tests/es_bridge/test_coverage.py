"""What of a time range the store does not hold, told by the names of its indices."""

from __future__ import annotations

from datetime import timezone
from typing import List, Optional
from zoneinfo import ZoneInfo

import pytest

from es_bridge.coverage import missing_days
from es_bridge.query import SearchRequest
from es_bridge.times import parse_time, rounded_in_utc


def ms(text: Optional[str]) -> Optional[int]:
    return None if text is None else parse_time(text, now_ms=0, zone=timezone.utc)


NOW = "2026-11-29T12:00Z"


def told(
    names: List[str], earliest: Optional[str], latest: Optional[str] = None, index: str = "aws-waf-*", **options: str
) -> List[str]:
    request = SearchRequest(index, earliest_ms=ms(earliest), latest_ms=ms(latest), **options)  # type: ignore[arg-type]
    return missing_days(request, names, ms(NOW) or 0)


def daily(*days: int, prefix: str = "aws-waf-", form: str = "{}2026.11.{:02}") -> List[str]:
    return [form.format(prefix, day) for day in days]


@pytest.mark.parametrize(
    ("days", "earliest", "latest", "says"),
    [
        (range(20, 30), "2026-11-20", None, ""),
        (range(20, 29), "2026-11-20", None, ""),  # today has no event yet
        (range(20, 30), "2026-11-20", "2099-01-01", ""),
        (range(20, 30), "2026-11-20", "2026-11-21", ""),
        (range(20, 30), "2026-11-19T23:59:59.999Z", None, "nothing older than the oldest index, 2026-11-20"),
        (range(20, 30), "1970-01-02", None, "nothing older than the oldest index, 2026-11-20"),
        (range(20, 30), "2026-11-01", "2026-11-05", "nothing older than the oldest index, 2026-11-20"),
        (range(20, 30), None, None, ""),
        (range(20, 30), None, "2026-11-05", ""),
        ((20, 21, 25, 28), None, None, "no open index for 2026-11-22 to 2026-11-24, 2026-11-26 to 2026-11-27."),
        ((20, 21, 25, 28), "2026-11-21", "2026-11-24", "no open index for 2026-11-22 to 2026-11-23."),
        ((20, 22), "2026-11-20", "2026-11-23", "no open index for 2026-11-21."),
        ((20, 22), "2026-11-20", "2026-11-21", ""),
        ((20,), "2026-11-20", None, "no open index for 2026-11-21 to 2026-11-28."),
        ((20, 22), "2026-11-10", "2026-11-23", "2026-11-21 and nothing older than the oldest index, 2026-11-20"),
        (range(1, 30, 2), "2026-11-01", None, "2026-11-10 and 9 more."),
        ((20,), "2026-12-20", "2026-12-24", ""),
    ],
)
def test_days_without_an_index(days: List[int], earliest: str, latest: str, says: str) -> None:
    texts = told(daily(*days), earliest, latest)
    if not says:
        assert texts == []
        return
    (text,) = texts
    assert text.startswith("the range reaches beyond what the store holds: aws-waf-* has n")
    assert says in text


@pytest.mark.parametrize("form", ["{}2026-11-{:02}", "{}2026.11.{:02}"])
def test_other_separators(form: str) -> None:
    (text,) = told(daily(20, 22, form=form), "2026-11-20", "2026-11-23")
    assert "2026-11-21." in text


def test_months() -> None:
    names = ["aws-waf-2026.06", "aws-waf-2026.07", "aws-waf-2026.10"]
    (text,) = told(names, "2026-05-31", None)
    assert "no open index for 2026-08 to 2026-09 and nothing older than the oldest index, 2026-06" in text
    assert told(names[:2], "2026-06-15", "2026-08-01") == []


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        ("aws-waf-2026.11.2*", ""),
        ("aws-waf-2026.11.20,aws-waf-2026.11.22", ""),
        ("aws-waf-*,-aws-waf-2026.11.21", ""),
        ("aws-waf-*,-*.21", ""),
        ("*", "2026-11-21"),
        ("_all", "2026-11-21"),
        ("an-alias", "2026-11-21"),
        ("<aws-waf-{now/d}>,an-alias", "2026-11-21"),
    ],
)
def test_only_what_the_pattern_would_lead_to(index: str, expected: str) -> None:
    if "11.2*" in index:
        assert "2026-11-21." in told(daily(20, 22), "2026-11-01", "2026-11-23", index)[0]
        assert "older" not in told(daily(20, 22), "2026-11-01", "2026-11-23", index)[0]
        return
    texts = told(daily(20, 22), "2026-11-20", "2026-11-23", index)
    assert [expected in text for text in texts] == ([True] if expected else [])


def test_each_series_by_itself_and_not_without_end() -> None:
    texts = told([*daily(20, 22), *daily(20, 21, 22, prefix="aws-dns-"), "plain"], "2026-11-20", "2026-11-23", "aws-*")
    assert ["aws-waf-* has" in text for text in texts] == [True]
    many = [name for i in range(8) for name in daily(20, 22 + i // 4, prefix=f"s{i}-")]
    texts = told(many, "2026-11-20", "2026-11-24", "*")
    assert ["s0-*, s1-*, s2-*, s3-* have no open index for 2026-11-21, 2026-11-23." in text for text in texts] == [
        True,
        False,
    ]
    many = [name for i in range(40) for name in daily(1, 2 + i % 20, prefix=f"s{i:02}-")]
    texts = told(many, "2026-11-01", "2026-11-23", "*")
    assert len(texts) == 6
    assert "30 more series" in texts[-1]


@pytest.mark.parametrize("index", ["aws-*", "*", "aws-waf-*,x", "aws-*,-x*"])
def test_a_range_of_decades(index: str) -> None:
    (text,) = told(["aws-waf-1970.01.01", *daily(20)], None, "2026-11-20", index)
    assert "no open index for 1970-01-02 to 2026-11-19." in text


@pytest.mark.parametrize(
    "name", ["a", "a-2026.13.01", "a-2026.02.30", "a-2026.11-20", ".ds-a-2026.11.20-000001", "a-0001.01.01", "a-12345"]
)
def test_names_without_a_date(name: str) -> None:
    assert told([name], "2020-01-01", None, "*") == []


def test_when_something_was_written_says_nothing_about_its_index() -> None:
    assert told(daily(20, 25), "2026-11-01", None, time_field="event.ingested") == []


@pytest.mark.parametrize(
    ("text", "zone", "differs"),
    [
        ("now/d", "Asia/Seoul", True),
        ("now-1d/d", "America/New_York", True),
        ("now/M", "Asia/Seoul", True),
        ("now/h", "Asia/Kolkata", True),
        ("now/h", "Asia/Seoul", False),
        ("now/d", "UTC", False),
        ("now-1d", "Asia/Seoul", False),
        ("@d", "Asia/Seoul", False),
        ("2026-11-20", "Asia/Seoul", False),
        ("now/x", "Asia/Seoul", False),
    ],
)
def test_rounding_in_utc_is_told_in_other_zones(text: str, zone: str, differs: bool) -> None:
    said = rounded_in_utc(text, now_ms=ms(NOW) or 0, zone=ZoneInfo(zone))
    assert (said is not None) == differs
    if text == "now/M":
        assert "2026-11-01T00:00:00.000Z, 2026-11-01 09:00+09:00 in your time zone" in str(said)
