"""What time a search runs at, for which range and in whose time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from typing import Optional

from es_bridge import times


@dataclass(frozen=True)
class Moment:
    """Epoch seconds: ``now_s`` as `now()` gives it; earliest is inclusive, latest exclusive, ``None`` no bound."""

    now_s: float
    earliest_s: Optional[float] = None
    latest_s: Optional[float] = None
    zone: tzinfo = timezone.utc
    #: The same two bounds for when an event was indexed, as ``dispatch.index_earliest`` says it.
    index_earliest_s: Optional[float] = None
    index_latest_s: Optional[float] = None

    def local(self, epoch_s: float) -> datetime:
        """Return an instant on the user's clock."""
        return datetime.fromtimestamp(epoch_s, timezone.utc).astimezone(self.zone)


def moment_of(earliest: str, latest: str, zone_name: str, now_s: Optional[float] = None) -> Moment:
    """Return now, with a range as a time picker or an option gives it; ``"0"`` or nothing is no bound.

    ``now_s``: when it is, in epoch seconds; without, the clock says it.

    Raises `es_bridge.errors.TimeError` for a time or a zone that cannot be read.
    """
    now_ms = times.now_ms() if now_s is None else round(now_s * 1000)
    zone = times.zone_named(zone_name)

    def seconds(text: str) -> Optional[float]:
        found = times.parse_time(text or "0", now_ms=now_ms, zone=zone)
        return None if found is None else found / 1000

    return Moment(now_ms / 1000, seconds(earliest), seconds(latest), zone)
