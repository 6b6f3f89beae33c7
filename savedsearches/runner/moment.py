"""What time a search runs at, for which range and in whose time zone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone, tzinfo
from typing import Optional


@dataclass(frozen=True)
class Moment:
    """Epoch seconds: ``now_s`` as `now()` gives it; earliest is inclusive, latest exclusive, ``None`` no bound."""

    now_s: float
    earliest_s: Optional[float] = None
    latest_s: Optional[float] = None
    zone: tzinfo = timezone.utc

    def local(self, epoch_s: float) -> datetime:
        """Return an instant on the user's clock."""
        return datetime.fromtimestamp(epoch_s, timezone.utc).astimezone(self.zone)
