"""An event's own time: as a number, and as its ``@timestamp`` in UTC."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Optional

_ISO = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)", re.ASCII)
_ISO_LIKE = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,9})?)? ?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)
_EPOCH_S = re.compile(r"(\d{9,10})(?:\.(\d{1,9}))?", re.ASCII)
_EPOCH_MS = re.compile(r"\d{12,13}", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_MILLISECOND = timedelta(milliseconds=1)
#: ``2026-11-21T04:53:07.123456789+09:00``; what is longer is no time, and is not remembered.
_LONGEST_ISO = 35
#: 9999-12-31, the last day that Python and every engine know.
_LAST_S = 253_402_300_799
#: The end of a stamp with each millisecond: half the time of writing it for each event.
_MILLISECONDS = tuple(f"{number:03d}Z" for number in range(1000))


class EventTime(NamedTuple):
    """Milliseconds since 1970, what is finer cut off, and ISO 8601 with all digits: ``2026-11-21T04:53:00.000Z``."""

    epoch_ms: int
    stamp: str


def from_iso(text: str) -> Optional[EventTime]:
    """Return the time of ISO 8601 ``text`` with seconds and a zone, as AWS writes it; None if it is none."""
    return _from_iso(text) if len(text) <= _LONGEST_ISO else None


@lru_cache(maxsize=4096)  # logs in whole seconds: many records of an object share one
def _from_iso(text: str) -> Optional[EventTime]:
    found = _ISO.fullmatch(text)
    if not found:
        return None
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}")
        if zone != "Z":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            moment = moment - offset if zone[0] == "+" else moment + offset
    except (ValueError, OverflowError):
        return None
    return _event_time(moment, (fraction or ".")[1:])


def from_epoch_ms(epoch_ms: int) -> Optional[EventTime]:
    """Return the time of milliseconds since 1970; None outside of 1970 to 9999."""
    second = _from_epoch_s(epoch_ms // 1000)
    # Not by the constructor, which takes three times as long.
    return second and tuple.__new__(EventTime, (epoch_ms, second.stamp[:-4] + _MILLISECONDS[epoch_ms % 1000]))


def odd_time(value: Any) -> Optional[EventTime]:
    """Return a time in the forms that AWS and common tools write: ISO 8601, also without a zone (which is UTC),
    without seconds or with a space, and seconds or milliseconds since 1970; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    text = str(value)
    if len(text) > 40:
        return None
    found = _ISO_LIKE.fullmatch(text)
    if found:
        day, minute, second, zone = found.groups()
        zone = zone if zone and zone[0] in "+-" else "Z"
        return from_iso(f"{day}T{minute}{second or ':00'}{zone}")
    if _EPOCH_MS.fullmatch(text):
        return from_epoch_ms(int(text))
    found = _EPOCH_S.fullmatch(text)
    return from_epoch_ms(int(found[1]) * 1000 + int((found[2] or "").ljust(3, "0")[:3])) if found else None


@lru_cache(maxsize=4096)
def _from_epoch_s(seconds: int) -> Optional[EventTime]:
    if not 0 <= seconds <= _LAST_S:
        return None
    return _event_time(_EPOCH + timedelta(seconds=seconds), "")


def _event_time(moment: datetime, fraction: str) -> EventTime:
    stamp = moment.isoformat()  # pads years before 1000, unlike strftime on some platforms
    fraction = fraction.ljust(3, "0")
    return EventTime((moment - _EPOCH) // _MILLISECOND + int(fraction[:3]), f"{stamp}.{fraction}Z")
