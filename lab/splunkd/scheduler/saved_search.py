"""One stanza of ``savedsearches.conf``, as far as the scheduler heeds it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timezone, tzinfo
from typing import Mapping, Optional, Tuple

from es_bridge import times
from savedsearches.runner.moment import Moment

from .cron import Cron

_PERIOD = re.compile(r"([0-9]+)(s|m|h|d)?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class SavedSearch:
    """A scheduled search. ``continuous``: every scheduled time is run for, however late."""

    name: str
    search: str
    cron: Cron
    continuous: bool
    settings: Mapping[str, str]
    #: Empty: all rows are one alert.
    suppressed_by: Tuple[str, ...]
    suppressed_for_s: int

    def moment(self, scheduled_s: float, zone: tzinfo = timezone.utc) -> Moment:
        """Return the range of the run that was scheduled for a time; relative times count from there."""

        def bound(key: str) -> Optional[float]:
            text = self.settings.get(f"dispatch.{key}", "")
            if not text:
                return None
            found = times.parse_time(text, now_ms=int(scheduled_s * 1000), zone=zone)
            return None if found is None else found / 1000

        return Moment(
            scheduled_s,
            bound("earliest_time"),
            bound("latest_time"),
            zone,
            bound("index_earliest"),
            bound("index_latest"),
        )


def saved_search(name: str, settings: Mapping[str, str]) -> Optional[SavedSearch]:
    """Return a stanza's search; None for one that is off or not scheduled. Raises ValueError for what is left out."""
    if settings.get("disabled", "0") == "1" or settings.get("enableSched", "0") != "1":
        return None
    condition = [settings.get(key, "") for key in ("counttype", "relation", "quantity")]
    if condition not in (["number of events", "greater than", "0"], ["", "", ""]):
        raise ValueError(f"[{name}]: only alerts on any row are in the stand-in, not {' '.join(condition)}")
    period = _PERIOD.fullmatch(settings.get("alert.suppress.period", "0"))
    if period is None:
        raise ValueError(f"[{name}]: alert.suppress.period")
    suppresses = settings.get("alert.suppress", "0") == "1"
    fields = [each.strip() for each in settings.get("alert.suppress.fields", "").split(",") if each.strip()]
    return SavedSearch(
        name,
        settings["search"],
        Cron(settings["cron_schedule"]),
        settings.get("realtime_schedule", "1") == "0",
        settings,
        tuple(fields) if suppresses else (),
        int(period.group(1)) * _SECONDS[period.group(2) or "s"] if suppresses else 0,
    )
