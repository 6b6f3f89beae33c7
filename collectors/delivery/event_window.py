"""Which days may have an index: not those the lifecycle deletes at once, not those far ahead of the clock.

A wrong clock in an event's time would otherwise create an index for the year 1970 or 2999, each with its shards, and
an index that is older than the retention is deleted again by the next run of the lifecycle policy.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import Callable, Dict, Optional

#: How far ahead of the clock an event may be.
AHEAD = timedelta(days=1)


class EventWindow:
    """The days that are taken. A day is judged as a whole, as an index is one.

    It is too old when all of it is more than ``retention_days`` ago (``None``: nothing is), and ahead when all of it
    is more than `AHEAD` from now. ``clock`` gives seconds since 1970.
    """

    def __init__(self, retention_days: Optional[int] = None, clock: Callable[[], float] = time.time) -> None:
        if retention_days is not None and retention_days < 0:
            raise ValueError(f"retention_days is {retention_days}; give the days events are kept, or None for no limit")
        self.retention_days = retention_days
        self._clock = clock

    def now(self) -> IndexDays:
        """Return the window as it stands now. Made anew for each object: a day does not end within one."""
        moment = datetime.fromtimestamp(self._clock(), timezone.utc)
        oldest = date.min
        if self.retention_days is not None and self.retention_days < moment.toordinal():
            oldest = moment.date() - timedelta(days=self.retention_days)
        return IndexDays(oldest, (moment + AHEAD).date(), self.retention_days)


class IndexDays(Dict[str, str]):
    """``days[index]`` is why no event may go into the index of this name, or ``""``: one dictionary access a record.

    The name ends in the day, ``YYYY.MM.DD``.
    """

    def __init__(self, oldest: date, newest: date, retention_days: Optional[int]) -> None:
        super().__init__()
        self._oldest, self._newest, self._retention_days = oldest, newest, retention_days

    def __missing__(self, index: str) -> str:
        self[index] = reason = self._reason(index[-10:])
        return reason

    def _reason(self, text: str) -> str:
        try:
            day = date(int(text[:4]), int(text[5:7]), int(text[8:]))
        except ValueError:  # year 0, or a name of another kind: the engine need not see it
            return f"the event's day {text!r} is none of the calendar"
        if day < self._oldest:
            return f"the event of {day} is older than the {self._retention_days} days that events are kept"
        if day > self._newest:
            return f"the event of {day} is more than a day ahead of the clock"
        return ""
