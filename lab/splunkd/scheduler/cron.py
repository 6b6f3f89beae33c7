"""Cron lines of five fields, as ``cron_schedule`` has them."""

from __future__ import annotations

from datetime import datetime, timezone, tzinfo
from typing import FrozenSet, Iterator, Set

_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


class Cron:
    """One line. Minute, hour, day of the month, month, day of the week (0 and 7 are Sunday)."""

    def __init__(self, line: str) -> None:
        fields = line.split()
        if len(fields) != len(_RANGES):
            raise ValueError(f"cron line {line!r} has {len(fields)} fields, not 5")
        self._minutes, self._hours, self._days, self._months, weekdays = (
            _numbers(field, *bounds) for field, bounds in zip(fields, _RANGES)
        )
        self._weekdays = frozenset(day % 7 for day in weekdays)
        #: A day fits when one of the two does, where both are given.
        self._either = fields[2] != "*" and fields[4] != "*"

    def fits(self, moment: datetime) -> bool:
        """Return whether it runs in the minute of a local time."""
        day = moment.day in self._days
        weekday = moment.isoweekday() % 7 in self._weekdays
        return (
            moment.minute in self._minutes
            and moment.hour in self._hours
            and moment.month in self._months
            and ((day or weekday) if self._either else (day and weekday))
        )

    def fits_utc(self, epoch_s: float) -> bool:
        """Return whether it runs at an instant, where the clock is UTC's."""
        return self.fits(datetime.fromtimestamp(epoch_s, timezone.utc))

    def between(self, after_s: float, until_s: float, zone: tzinfo) -> Iterator[int]:
        """Yield the instants after one and until another, ends of the range included on the right."""
        minute = int(after_s // 60 + 1) * 60
        while minute <= until_s:
            if self.fits(datetime.fromtimestamp(minute, timezone.utc).astimezone(zone)):
                yield minute
            minute += 60


def _numbers(field: str, least: int, most: int) -> FrozenSet[int]:
    found: Set[int] = set()
    for part in field.split(","):
        bounds, _, step = part.partition("/")
        first, _, last = bounds.partition("-")
        if bounds == "*":
            begin, end = least, most
        else:
            begin = int(first)
            end = int(last) if last else (most if step else begin)
        if not least <= begin <= end <= most or (step and int(step) < 1):
            raise ValueError(f"cron field {field!r} is not within {least} to {most}")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)
