"""When a request is tried again, and after how long: the one list of statuses, and the one formula of waits."""

from __future__ import annotations

import random
from dataclasses import dataclass

#: A moment later the same request may work. `es_bridge.transport` tries again what was refused as a whole,
#: `es_bridge.bulk` the documents that were refused one by one.
RETRY_STATUS = (429, 502, 503, 504)
#: Doubled more often than this, nothing stays below its longest wait, and a float would end somewhere.
_MOST_DOUBLINGS = 20


@dataclass(frozen=True)
class Backoff:
    """Waits that double from attempt to attempt, counted from 0, up to a longest one."""

    first_s: float
    longest_s: float

    def ceiling_s(self, attempt: int) -> float:
        """Return the most to wait after an attempt."""
        return min(self.longest_s, self.first_s * 2 ** min(max(attempt, 0), _MOST_DOUBLINGS))

    def wait_s(self, attempt: int) -> float:
        """Return how long to wait after an attempt: half of the ceiling to all of it, so that not all come at once."""
        return self.ceiling_s(attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
