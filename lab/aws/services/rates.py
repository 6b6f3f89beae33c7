"""How often an account may call in a region: a bucket of tokens for each limit, refilled all the time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Callable, Dict, NamedTuple, Tuple


class Limit(NamedTuple):
    """AWS's limit of a group of operations."""

    per_second: float
    burst: int


#: (service, operation) -> limit; operation "" is every other one, together.
#: https://docs.aws.amazon.com/securityhub/1.0/APIReference/Welcome.html
LIMITS: Dict[Tuple[str, str], Limit] = {
    ("securityhub", "GetFindings"): Limit(3, 6),
    ("securityhub", "BatchEnableStandards"): Limit(1, 1),
    ("securityhub", "UpdateStandardsControl"): Limit(1, 5),
    ("securityhub", "BatchImportFindings"): Limit(10, 30),
    ("securityhub", "BatchUpdateFindings"): Limit(10, 30),
    ("securityhub", ""): Limit(10, 30),
}


@dataclass
class Rates:
    """The buckets. ``speeds`` lets time pass faster for an account, so that a test of many pages need not wait."""

    clock: Callable[[], float] = time.monotonic
    speeds: Dict[str, float] = field(default_factory=dict)
    #: Bucket -> (tokens left, when).
    _left: Dict[Tuple[str, str, str, str], Tuple[float, float]] = field(default_factory=dict)

    def allows(self, account: str, region: str, service: str, operation: str) -> bool:
        """Whether this call is within its limit; counts it if so."""
        group = operation if (service, operation) in LIMITS else ""
        limit = LIMITS.get((service, group))
        if limit is None:
            return True
        bucket = (account, region, service, group)
        now = self.clock()
        left, then = self._left.get(bucket, (float(limit.burst), now))
        left = min(float(limit.burst), left + (now - then) * limit.per_second * self.speeds.get(account, 1.0))
        allowed = left >= 1
        self._left[bucket] = (left - 1 if allowed else left, now)
        return allowed


#: The limits of the stand-in's process.
RATES = Rates()
