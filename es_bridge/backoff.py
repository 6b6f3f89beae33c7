"""After how long a request is tried again: the one formula of waits, for engines and for AWS."""

from __future__ import annotations

import random
from typing import NamedTuple

#: Doubled more often than this, nothing stays below its longest wait, and a float would end somewhere.
_MOST_DOUBLINGS = 20


class Backoff(NamedTuple):
    """Waits that double from attempt to attempt, counted from 0, up to a longest one."""

    first_s: float
    longest_s: float

    def ceiling_s(self, attempt: int) -> float:
        """Return the most to wait after an attempt."""
        return min(self.longest_s, self.first_s * 2 ** min(max(attempt, 0), _MOST_DOUBLINGS))

    def wait_s(self, attempt: int) -> float:
        """Return how long to wait after an attempt: half of the ceiling to all of it, so that not all come at once."""
        return self.ceiling_s(attempt) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, not a secret
