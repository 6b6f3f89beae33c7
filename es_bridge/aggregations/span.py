"""``span=``: steps of time, as Splunk's ``bin`` and ``timechart`` make them."""

from __future__ import annotations

import os
import re
from typing import Any, Dict, NamedTuple, Tuple

from es_bridge.aggregations.buckets import Source
from es_bridge.answers import NUMBER
from es_bridge.errors import QueryError, TimeError
from es_bridge.times import zone_named

_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}
_NAMES = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hr", "hrs", "hour", "hours"),
    "d": ("d", "day", "days"),
}
_UNIT = {name: unit for unit, names in _NAMES.items() for name in names}


class Span(NamedTuple):
    """A step: so many milliseconds from the epoch on, or (0) a day in a time zone."""

    step_ms: int

    @property
    def is_day(self) -> bool:
        """Whether it is a day, which begins at midnight in a time zone."""
        return not self.step_ms

    def source(self, field: str, zone: str) -> Source:
        """Return it as a source of a composite aggregation. ``zone``: IANA name, for days."""
        step: Dict[str, Any] = (
            {"calendar_interval": "day", "time_zone": zone} if self.is_day else {"fixed_interval": f"{self.step_ms}ms"}
        )
        return Source({"date_histogram": {"field": field, **step}}, NUMBER)


def parse_span(text: str) -> Span:
    """Return a span such as ``5m`` or ``1d``. Raises `QueryError`."""
    match = re.fullmatch(r"([0-9]{1,9})?([a-z]+)", text.strip())
    unit = _UNIT.get(match[2]) if match else None
    if match is None or unit is None:
        raise QueryError(
            f"span={text[:40]} is not a step of time: seconds, minutes, hours or one day, such as 30s, 5m, 4h or 1d"
        )
    number = int(match[1] or 1)
    if number < 1:
        raise QueryError(f"span={text} must be 1 or more")
    if unit == "d":
        if number > 1:
            raise QueryError(f"span={text}: days begin at midnight, and where several begin is not said. Use 1d")
        return Span(0)
    return Span(number * _UNITS_MS[unit])


def day_zone(name: str) -> Tuple[str, str]:
    """Return the time zone of days as the engines know it, and what to say of it. ``""``: this machine's.

    Raises `TimeError` for a zone that is not known.
    """
    whose = "your time zone"
    if not name:
        name, whose = _machine_zone(), "this machine's time zone, as no other is set"
    zone_named(name)
    return name, f"span=1d: days begin at midnight in {name} ({whose})"


def _machine_zone() -> str:
    """Return the IANA name of this machine's time zone; UTC where it has none."""
    for found in (os.environ.get("TZ", ""), os.path.realpath("/etc/localtime").partition("/zoneinfo/")[2]):
        try:
            if found:
                zone_named(found)
                return found
        except TimeError:
            continue
    return "UTC"
