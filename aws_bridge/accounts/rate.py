"""So many calls a second, with a burst: asked before a call, so that nobody has to be refused first."""

from __future__ import annotations

import threading
import time
from typing import Callable


class Rate:
    """A bucket of permissions that fills evenly. Safe to share between threads."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(burst)
        self._filled_s = clock()

    def wait_s(self) -> float:
        """Take one permission; return how many seconds from now on it holds: 0 for at once."""
        with self._lock:
            now_s = self._clock()
            self._left = min(self._burst, self._left + (now_s - self._filled_s) * self._per_second)
            self._filled_s = now_s
            self._left -= 1
            return max(0.0, -self._left / self._per_second)
