"""How much time a function has: what stops by itself ends with an honest answer, and not in the middle."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable

#: What is left of a function's time when it stops: enough for one more answer of AWS and for telling of it.
MARGIN_S = 60.0


@dataclass(frozen=True)
class Budget:
    """So many seconds of any clock from now on, for ever without."""

    seconds: float = float("inf")
    clock: Callable[[], float] = time.monotonic
    began: float = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "began", self.clock())

    @property
    def is_over(self) -> bool:
        """Whether it is time to stop."""
        return self.clock() - self.began > self.seconds


def budget_of(context: Any, margin_s: float = MARGIN_S) -> Budget:
    """Return the time of a function by Lambda's context, for ever without one."""
    return Budget(seconds_of(context, margin_s))


def seconds_of(context: Any, margin_s: float = MARGIN_S) -> float:
    """Return the seconds that a function has, less the margin, but for one quarter of them at least."""
    if context is None:
        return float("inf")
    left_s: float = context.get_remaining_time_in_millis() / 1000
    return max(left_s - margin_s, left_s / 4)
