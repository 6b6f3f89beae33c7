"""Which days may have an index: not those the lifecycle deletes at once, not those far ahead of the clock.

A wrong clock in an event's time would otherwise create an index for the year 1970 or 2999, each with its shards, and
an index that is older than the retention is deleted again by the next run of the lifecycle policy.
"""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta, timezone
from typing import Callable, Dict, Mapping, Optional, Union

from collectors.sources.registry import LOGS

#: How far ahead of the clock an event may be.
AHEAD = timedelta(days=1)
#: Dataset -> the days after which the lifecycle policies of this product delete its indices.
AS_THE_POLICIES: Mapping[str, int] = {log.name: log.retention.delete_after_days for log in LOGS.values()}

DAY_MS = 86_400_000
_1970 = date(1970, 1, 1).toordinal()


class EventWindow:
    """The days that are taken. A day is judged as a whole, as an index is one.

    It is too old when all of it is more than ``retention_days`` ago (one number for all logs, or one by dataset, such
    as `AS_THE_POLICIES`; ``None``: nothing is), and ahead when all of it is more than `AHEAD` from now. ``clock`` gives
    seconds since 1970.
    """

    def __init__(
        self, retention_days: Union[None, int, Mapping[str, int]] = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._for_all = retention_days if isinstance(retention_days, int) else None
        self._by_log = {} if retention_days is None or isinstance(retention_days, int) else retention_days
        for days in [self._for_all or 0, *self._by_log.values()]:
            if days < 0:
                raise ValueError(f"retention_days is {days}; give the days events are kept, or None for no limit")
        self._clock = clock

    def now(self, dataset: str) -> LogDays:
        """Return the window of a log as it stands now. Made anew for each object: a day does not end within one."""
        moment = datetime.fromtimestamp(self._clock(), timezone.utc)
        return LogDays(moment, self._by_log.get(dataset) if self._for_all is None else self._for_all)


class LogDays(Dict[int, str]):
    """``days[day]`` is why no event of this day since 1970 is taken, or ``""``: one dictionary access a record."""

    def __init__(self, moment: datetime, retention_days: Optional[int]) -> None:
        super().__init__()
        self._today, self._newest, self._retention_days = moment.date(), (moment + AHEAD).date(), retention_days

    def __missing__(self, number: int) -> str:
        self[number] = reason = self._reason(date.fromordinal(_1970 + number))
        return reason

    def _reason(self, day: date) -> str:
        kept_days = self._retention_days
        if kept_days is not None and (self._today - day).days > kept_days:
            return f"the event of {day} is older than the {kept_days} days that events are kept"
        if day > self._newest:
            return f"the event of {day} is more than a day ahead of the clock"
        return ""
