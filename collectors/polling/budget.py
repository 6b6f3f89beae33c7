"""How many bytes a day one input writes and withholds, and its ceiling: warned of in time, counts beyond it.

Splunk is paid by what is indexed in a day. Beyond the ceiling nothing is silent: what is not written is counted by
rule, account and resource (`counts`).
"""

from __future__ import annotations

import threading
from typing import Any, Dict, Mapping, Optional

#: Of the ceiling, from which on it is warned of.
WARN_AT = 0.8
DAY_MS = 86_400_000


class DailyBudget:
    """The bytes of the present day (UTC). Safe to share between threads."""

    def __init__(self, ceiling_bytes: int, stored: Optional[Mapping[str, Any]] = None) -> None:
        """``ceiling_bytes`` 0: none. ``stored`` is what `as_json` gave to an earlier process."""
        self.ceiling_bytes = ceiling_bytes
        self._lock = threading.Lock()
        stored = stored or {}
        self._day = int(stored.get("day", -1))
        self.written = int(stored.get("written", 0))
        self.withheld = int(stored.get("withheld", 0))
        self._told = float(stored.get("told", 0.0))
        self._refused = False

    def has_room(self, size: int, now_ms: int) -> bool:
        """Return whether so many bytes may be written today."""
        with self._lock:
            self._turn(now_ms)
            fits = not self.ceiling_bytes or self.written + size <= self.ceiling_bytes
            self._refused = self._refused or not fits
            return fits

    def add(self, now_ms: int, *, written: int = 0, withheld: int = 0) -> None:
        """Note bytes that were written, or not."""
        with self._lock:
            self._turn(now_ms)
            self.written += written
            self.withheld += withheld

    def warning(self, now_ms: int) -> str:
        """Return what has to be said now: once at `WARN_AT`, once at the ceiling, each day; else nothing."""
        with self._lock:
            self._turn(now_ms)
            if not self.ceiling_bytes:
                return ""
            used = self.written / self.ceiling_bytes
            if (self._refused or used >= 1) and self._told < 1:
                self._told = 1.0
                return (
                    f"the daily ceiling of {self.ceiling_bytes:,} bytes is reached. Until midnight UTC findings are "
                    "only counted, by rule, account and resource. Raise the ceiling, or choose less: severity, products"
                )
            if used >= WARN_AT and self._told < WARN_AT:
                self._told = WARN_AT
                return (
                    f"{used:.0%} of the daily ceiling of {self.ceiling_bytes:,} bytes is written. Beyond it findings "
                    "are only counted until midnight UTC"
                )
            return ""

    def as_json(self) -> Dict[str, Any]:
        """Return it as what a checkpoint holds."""
        with self._lock:
            return {"day": self._day, "written": self.written, "withheld": self.withheld, "told": self._told}

    def _turn(self, now_ms: int) -> None:
        day = now_ms // DAY_MS
        if day != self._day:
            self._day, self.written, self.withheld = day, 0, 0
            self._told, self._refused = 0.0, False
