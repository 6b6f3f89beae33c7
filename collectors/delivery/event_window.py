"""Which days may have an index: not those the lifecycle deletes at once, not those far ahead of the clock.

A wrong clock in an event's time would otherwise create an index for the year 1970 or 2999, each with its shards, and
an index that is older than the retention is deleted again by the next run of the lifecycle policy.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import Callable, Dict, Mapping, Optional, Union

from collectors.datasets import DATASETS
from collectors.retention import RETENTION

#: How far ahead of the clock an event may be.
AHEAD = timedelta(days=1)
#: Dataset -> the days after which the lifecycle policies of this product delete its indices.
AS_THE_POLICIES: Mapping[str, int] = {name: RETENTION[name].delete_after_days for name in DATASETS}

_DATE_CHARS = len("YYYY.MM.DD")


class EventWindow:
    """The days that are taken. A day is judged as a whole, as an index is one.

    It is too old when all of it is more than ``retention_days`` ago (one number for all logs, or one by dataset, such
    as `AS_THE_POLICIES`; ``None``: nothing is), and ahead when all of it is more than `AHEAD` from now. ``clock`` gives
    seconds since 1970.
    """

    def __init__(
        self, retention_days: Union[None, int, Mapping[str, int]] = None, clock: Callable[[], float] = time.time
    ) -> None:
        given = {"": retention_days} if isinstance(retention_days, int) else retention_days or {}
        for days in given.values():
            if days < 0:
                raise ValueError(f"retention_days is {days}; give the days events are kept, or None for no limit")
        #: Beginning of an index's name -> days; the empty one stands for every index.
        self._retention = {DATASETS[name].index_prefix if name else "": days for name, days in given.items()}
        self._clock = clock

    def now(self) -> IndexDays:
        """Return the window as it stands now. Made anew for each object: a day does not end within one."""
        return IndexDays(datetime.fromtimestamp(self._clock(), timezone.utc), self._retention)


class IndexDays(Dict[str, str]):
    """``days[index]`` is why no event may go into the index of this name, or ``""``: one dictionary access a record.

    The name ends in the day, ``YYYY.MM.DD``.
    """

    def __init__(self, moment: datetime, retention: Mapping[str, int]) -> None:
        super().__init__()
        self._today, self._newest, self._retention = moment.date(), (moment + AHEAD).date(), retention

    def __missing__(self, index: str) -> str:
        retention_days = self._retention.get("", self._retention.get(index[:-_DATE_CHARS]))
        self[index] = reason = self._reason(index[-_DATE_CHARS:], retention_days)
        return reason

    def _reason(self, text: str, retention_days: Optional[int]) -> str:
        try:
            day = date(int(text[:4]), int(text[5:7]), int(text[8:]))
        except ValueError:  # year 0, or a name of another kind: the engine need not see it
            return f"the event's day {text!r} is none of the calendar"
        if retention_days is not None and (self._today - day).days > retention_days:
            return f"the event of {day} is older than the {retention_days} days that events are kept"
        if day > self._newest:
            return f"the event of {day} is more than a day ahead of the clock"
        return ""
