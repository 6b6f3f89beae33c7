"""Times as users write them, turned into epoch milliseconds (UTC). Pure: one ``now`` comes in, nothing is read.

The grammar, tried in this order (`parse_time`):

=====================  ==============================================================================================
``0``                  unbounded, as Splunk's time picker says "All time"
``now``                the one instant the caller took at its start
``1795236780.5``       epoch seconds; from 100,000,000,000 on epoch milliseconds
``2026-11-21T04:53Z``  ISO 8601: date, or date and time with ``T`` or a space, fraction of any length, ``Z`` or offset.
                       Without an offset it is the user's local time
``now-1d/d``           date math of the engines, evaluated here and in UTC, as they do
``-1d@d``, ``@w1``     Splunk's relative time, in the user's time zone
=====================  ==============================================================================================

Date math: https://www.elastic.co/docs/reference/elasticsearch/rest-apis/common-options#date-math. The units are y M w d
h H m s, no number means 1, ``/`` rounds down. The engines round up for ``gt`` and ``lte``; our bounds are ``gte`` and
``lt``, for which they round down, and so does this module for both. Weeks begin on Monday (ISO 8601).

Splunk: https://help.splunk.com/en/splunk-enterprise/search/search-manual/10.0/specify-time-ranges/specify-time-modifiers-in-your-search
gives the unit spellings, "no number means 1", that a snap always goes backwards, that ``@w`` is ``@w0``, and that
``w0`` and ``w7`` are both Sunday. Offsets and snaps may follow each other and apply from left to right. Splunk's pages
say nothing of month ends and changes of the clock. Here months, quarters and years keep the day of the month, or take
the last day of a shorter month, as the engines do; days and longer units keep the time of day on the local clock; hours
and smaller units are elapsed time. A local time that the clock skipped is moved on by what it skipped; one that
happened twice means the first.

Fractions finer than a millisecond are rounded up: for ``time >= earliest`` and ``time < latest`` on whole milliseconds
that selects exactly the same records.
"""

from __future__ import annotations

import calendar
import re
import time
from datetime import date, datetime, timedelta, timezone, tzinfo
from typing import Optional

from es_bridge.errors import TimeError

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
#: Numbers below are seconds (up to the year 5138), from here on milliseconds (from 1973 on).
FIRST_MILLISECONDS = 10**11
#: From here on a number must be micro- or nanoseconds.
FIRST_TOO_LARGE = 10**14
LONGEST_TEXT = 100

# Compiled where a time is read: most searches take theirs from the picker, as numbers.
NUMBER = r"([0-9]+)(?:\.([0-9]*))?"
ISO = (
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)? ?([Zz]|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
DATE_MATH_STEP = r"([+-])([0-9]*)([a-zA-Z]+)|/([0-9]*[a-zA-Z]+)"
RELATIVE_STEP = r"([+-])([0-9]*)([a-zA-Z]+)|@([a-zA-Z]+)([0-7]?)"
REAL_TIME = r"(?i)[+-]?rt(?:now)?(?:[+\-@].*)?"

#: Letter of the engines' date math -> unit.
DATE_MATH_UNITS = {
    "y": "year",
    "M": "month",
    "w": "week",
    "d": "day",
    "h": "hour",
    "H": "hour",
    "m": "minute",
    "s": "second",
}
#: Splunk's spelling -> unit.
RELATIVE_UNITS = {
    spelling: unit
    for unit, spellings in {
        "second": "s sec secs second seconds",
        "minute": "m min mins minute minutes",
        "hour": "h hr hrs hour hours",
        "day": "d day days",
        "week": "w week weeks",
        "month": "mon month months",
        "quarter": "q qtr qtrs quarter quarters",
        "year": "y yr yrs year years",
    }.items()
    for spelling in spellings.split()
}
ELAPSED = {"second": timedelta(seconds=1), "minute": timedelta(minutes=1), "hour": timedelta(hours=1)}
DAYS = {"day": 1, "week": 7}
MONTHS = {"month": 1, "quarter": 3, "year": 12}

FORMS = (
    "Use 0 (no bound), now, epoch seconds or milliseconds, ISO 8601 such as 2026-11-21T04:53:00Z, engine date math "
    "such as now-30m or now-1d/d, or Splunk relative time such as -24h@h"
)


def now_ms() -> int:
    """Return the present instant in epoch milliseconds. Take it once a search."""
    return time.time_ns() // 1_000_000


def format_utc(ms: int) -> str:
    """Return epoch milliseconds as ISO 8601 in UTC, such as ``2026-11-21T04:53:00.000Z``."""
    return (EPOCH + ms * MS).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def shown_utc(ms: int) -> str:
    """Return epoch milliseconds as `format_utc` does, also of an instant that no calendar has."""
    try:
        return format_utc(ms)
    except OverflowError:
        return f"{ms} ms after 1970"


def zone_named(name: str) -> tzinfo:
    """Return the time zone with that IANA name; ``""`` is the machine's own. Raises `TimeError` for an unknown one."""
    if not name:
        return MachineZone()
    from zoneinfo import ZoneInfo  # here, because every import delays the first row of a search

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of zones, such as America
        raise TimeError(
            f"time zone {name!r} is not known. Use an IANA name such as Asia/Seoul or Europe/Berlin"
        ) from None


class MachineZone(tzinfo):
    """The time zone this machine is set to, with its changes of the clock, asked of the C library."""

    def utcoffset(self, dt: Optional[datetime]) -> Optional[timedelta]:
        if dt is None:
            return None
        # Not astimezone().utcoffset(): for a local time the clock skipped, Python 3.13 gives the offset after it.
        naive = dt.replace(tzinfo=None, microsecond=0)
        return naive - (EPOCH.replace(tzinfo=None) + timedelta(seconds=naive.timestamp()))

    def dst(self, dt: Optional[datetime]) -> Optional[timedelta]:
        return None

    def tzname(self, dt: Optional[datetime]) -> Optional[str]:
        return None if dt is None else dt.replace(tzinfo=None).astimezone().tzname()

    def fromutc(self, dt: datetime) -> datetime:
        local = dt.replace(tzinfo=timezone.utc).astimezone().replace(tzinfo=self, fold=0)
        is_first = local.utcoffset() == local.replace(tzinfo=None) - dt.replace(tzinfo=None)
        return local if is_first else local.replace(fold=1)


def parse_time(text: str, *, now_ms: int, zone: tzinfo) -> Optional[int]:
    """Return a user's time in epoch milliseconds, or ``None`` for "no bound".

    ``now_ms`` is the one instant that stands for *now* in the whole search, ``zone`` the user's time zone. Raises
    `TimeError` for what cannot be read, can be read in two ways, is real-time, or lies outside the years 1 to 9999.
    """
    text = text.strip()
    if not text:
        raise TimeError(f"a time is empty. {FORMS}")
    if len(text) > LONGEST_TEXT:
        raise TimeError(f"time {text[:40] + '...'!r} is too long. {FORMS}")
    try:
        return _parse(text, EPOCH + now_ms * MS, zone)
    except (OverflowError, ValueError, OSError):  # datetime's own limits
        raise TimeError(f"time {text!r} does not exist, or lies outside the years 1 to 9999. {FORMS}") from None


def rounded_in_utc(text: str, *, now_ms: int, zone: tzinfo) -> Optional[str]:
    """Return what to know of a time such as ``now/d``, where the user's day begins at another instant than UTC's."""
    text = text.strip()
    if not text.startswith("now") or "/" not in text:
        return None
    now = EPOCH + now_ms * MS
    try:
        there, here = _date_math(text, now), _date_math(text, now.astimezone(zone))
    except (TimeError, OverflowError, ValueError, OSError):
        return None
    if there == here:
        return None
    local = there.astimezone(zone).isoformat(sep=" ", timespec="minutes")
    return (
        f"time {text!r} is rounded in UTC, as the engines do: it is {format_utc(_ms(there))}, {local} in your time "
        "zone. For your own days, weeks and months write it as Splunk does, such as @d or -1d@d"
    )


def _parse(text: str, now: datetime, zone: tzinfo) -> Optional[int]:
    if text in ("now", "now()"):
        return _ms(now)
    if re.fullmatch(NUMBER, text):
        return _number(text)
    if re.fullmatch(ISO, text):
        return _iso(text, zone)
    if re.fullmatch(REAL_TIME, text):
        raise TimeError(f"time {text!r} is real-time, which is not supported. Use a range such as -5m to now")
    if text.startswith("now"):
        return _ms(_date_math(text, now))
    if text[0] in "+-@":
        return _ms(_relative(text, now.astimezone(zone)))
    if re.match(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}", text):
        raise TimeError(f"time {text!r} is not read, because day and month could change places. {FORMS}")
    raise TimeError(f"time {text!r} cannot be read. {FORMS}")


def _ms(instant: datetime) -> int:
    return -((EPOCH - instant) // MS)


def _round_up(whole: int, fraction: str, digits: int) -> int:
    """Return ``whole.fraction`` times 10**digits, rounded up."""
    kept, rest = fraction[:digits].ljust(digits, "0"), fraction[digits:]
    return whole * 10**digits + int(kept or "0") + bool(rest.strip("0"))


def _number(text: str) -> Optional[int]:
    whole_text, _, fraction = text.partition(".")
    whole = int(whole_text)
    if not whole and not fraction.strip("0"):
        return None
    if "." not in text:
        _refuse_compact_date(text, whole)
    if whole >= FIRST_TOO_LARGE:
        raise TimeError(f"time {text!r} is too large for epoch seconds or milliseconds. Leave digits off its end")
    if whole >= FIRST_MILLISECONDS:
        return _round_up(whole, fraction, 0)
    return _round_up(whole, fraction, 3)


def _refuse_compact_date(text: str, whole: int) -> None:
    """Raise `TimeError` for a number such as 2024 or 20240101, which a person would read as a date."""
    for pattern, length in (("%Y", 4), ("%Y%m", 6), ("%Y%m%d", 8), ("%Y%m%d%H%M", 12), ("%Y%m%d%H%M%S", 14)):
        if len(text) != length:
            continue
        try:
            read = datetime.strptime(text, pattern)  # noqa: DTZ007 - only to show how it reads
        except ValueError:
            return
        if 1900 <= read.year < 2200:
            as_number = format_utc(whole if whole >= FIRST_MILLISECONDS else whole * 1000)
            raise TimeError(
                f"time {text!r} can be read in two ways: as the date {read.isoformat()} or as the epoch time "
                f"{as_number}. Write the one you mean like that"
            )


def _iso(text: str, zone: tzinfo) -> int:
    match = re.fullmatch(ISO, text)
    assert match  # noqa: S101 - the caller looked
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    local = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    if offset is None:
        aware = local.replace(tzinfo=zone)
    else:
        aware = local.replace(tzinfo=_offset(offset))
    return _ms(aware.astimezone(timezone.utc) + _round_up(0, fraction or "", 3) * MS)


def _offset(text: str) -> timezone:
    if text in "Zz":
        return timezone.utc
    digits = text[1:].replace(":", "").ljust(4, "0")
    if int(digits[2:]) > 59:
        raise ValueError(text)
    delta = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-delta if text[0] == "-" else delta)


def _date_math(text: str, now: datetime) -> datetime:
    rest = text[len("now") :]
    if "@" in rest:
        raise TimeError(
            f"time {text!r} mixes two notations. Write {rest!r} for Splunk's relative time (your time zone), or "
            f"{'now' + rest.replace('@', '/')!r} for the engine's date math (UTC)"
        )
    instant = now
    for step in _steps(DATE_MATH_STEP, text, rest):
        sign, number, letter, rounding = step.groups()
        unit = DATE_MATH_UNITS.get(letter or rounding)
        if unit is None:
            raise TimeError(
                f"time {text!r}: {letter or rounding!r} is not a unit of date math. The units are y M w d h H m s, as "
                "in now-1M/M; Splunk's spellings go without 'now', as in -1mon@mon"
            )
        if rounding:
            instant = _snap(instant, unit, first_weekday=0)
        else:
            instant = _add(instant, unit, int(sign + (number or "1")))
    return instant


def _relative(text: str, now: datetime) -> datetime:
    if "/" in text:
        raise TimeError(
            f"time {text!r} mixes two notations. Write {text.replace('/', '@')!r} for Splunk's relative time (your "
            f"time zone), or {'now' + text!r} for the engine's date math (UTC)"
        )
    instant = now
    for step in _steps(RELATIVE_STEP, text, text):
        sign, number, spelling, snap, weekday = step.groups()
        unit = _relative_unit(text, spelling or snap)
        if sign:
            instant = _add(instant, unit, int(sign + (number or "1")))
        elif weekday and unit != "week":
            raise TimeError(f"time {text!r}: only a week has numbered days, as in @w1 for Monday")
        else:
            # Splunk counts from Sunday = 0 (or 7), Python from Monday = 0.
            instant = _snap(instant, unit, first_weekday=(int(weekday or 0) - 1) % 7)
    return instant


def _relative_unit(text: str, spelling: str) -> str:
    if spelling == "M":
        raise TimeError(
            f"time {text!r} can be read in two ways: M is a month in the engine's date math and could be a minute in "
            f"Splunk's relative time. Write {text.replace('M', 'mon')!r} for months or {text.replace('M', 'm')!r} for "
            "minutes"
        )
    unit = RELATIVE_UNITS.get(spelling)
    if unit is None:
        hint = f" Write {spelling.lower()!r}." if spelling.lower() in RELATIVE_UNITS else ""
        raise TimeError(
            f"time {text!r}: {spelling!r} is not a unit of Splunk's relative time.{hint} The units are s m h d w mon q "
            "y and their long forms, as in -7d@d"
        )
    return unit


def _steps(pattern: str, text: str, rest: str) -> list[re.Match[str]]:
    """Return the matches that make up all of ``rest``, one after the other."""
    compiled = re.compile(pattern)
    steps = []
    position = 0
    while position < len(rest):
        step = compiled.match(rest, position)
        if step is None:
            raise TimeError(f"time {text!r} cannot be read from {rest[position:]!r} on. {FORMS}")
        steps.append(step)
        position = step.end()
    return steps


def _add(instant: datetime, unit: str, amount: int) -> datetime:
    """Return ``instant`` moved by ``amount`` units, in its own time zone."""
    if unit in ELAPSED:
        # Through UTC: arithmetic on a local datetime would be arithmetic on the clock's face.
        return (instant.astimezone(timezone.utc) + amount * ELAPSED[unit]).astimezone(instant.tzinfo)
    if unit in DAYS:
        return _normal(instant.replace(fold=0) + timedelta(days=amount * DAYS[unit]))
    months = instant.year * 12 + instant.month - 1 + amount * MONTHS[unit]
    year, month = divmod(months, 12)
    last_day = calendar.monthrange(date(year, 1, 1).year, month + 1)[1]
    return _normal(instant.replace(year=year, month=month + 1, day=min(instant.day, last_day), fold=0))


def _snap(instant: datetime, unit: str, first_weekday: int) -> datetime:
    """Return the latest beginning of a ``unit`` that is not after ``instant``, in its own time zone."""
    if unit == "second":
        return instant.replace(microsecond=0)
    if unit == "minute":
        return instant.replace(second=0, microsecond=0)
    if unit == "hour":
        # The fold stays: in the repeated hour, the beginning of the repetition is meant.
        return _normal(instant.replace(minute=0, second=0, microsecond=0))
    day = instant.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "week":
        day -= timedelta(days=(day.weekday() - first_weekday) % 7)
    elif unit == "month":
        day = day.replace(day=1)
    elif unit == "quarter":
        day = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    elif unit == "year":
        day = day.replace(month=1, day=1)
    return _normal(day)


def _normal(local: datetime) -> datetime:
    """Return the same instant as a local time that exists (a clock put forward skips some)."""
    return local.astimezone(timezone.utc).astimezone(local.tzinfo)
