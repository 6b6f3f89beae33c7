"""By when an incident has to be reported: clocks that a person starts, since when one begins is a matter of law."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, NamedTuple, Tuple

from response.errors import BadRequest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}", re.ASCII)
_HOUR_MS = 3_600_000
LONGEST_HOURS = 24 * 365


class Due(NamedTuple):
    """One clock, as it is now. ``left_s`` is negative for one that is over."""

    name: str
    due_ms: int
    left_s: int

    @property
    def says(self) -> str:
        """How it is, in words."""
        hours, minutes = divmod(abs(self.left_s) // 60, 60)
        return f"{self.name}: {'over since' if self.left_s < 0 else 'due in'} {hours} h {minutes:02} min"


def started(clocks: Mapping[str, int], name: str, hours: float, now_ms: int) -> Dict[str, int]:
    """Return the clocks with one more that is due in so many hours. Raises `BadRequest`; one that runs is not moved."""
    if not _NAME.fullmatch(name):
        raise BadRequest(f"{name[:60]!r} is no name of a clock: letters, digits, '.', '_' and '-', at most 40")
    if not 0 < hours <= LONGEST_HOURS:
        raise BadRequest(f"a clock of {hours:g} hours: from a little over 0 to {LONGEST_HOURS:,} are possible")
    if name in clocks:
        raise BadRequest(f"the clock {name} runs already: stop it first, or give another --name")
    return {**clocks, name: now_ms + int(hours * _HOUR_MS)}


def stopped(clocks: Mapping[str, int], name: str) -> Dict[str, int]:
    """Return the clocks without one. Raises `BadRequest` when it does not run."""
    if name not in clocks:
        raise BadRequest(f"there is no clock {name[:60]!r}; there is {', '.join(sorted(clocks)) or 'none'}")
    return {each: due for each, due in clocks.items() if each != name}


def changed(told: Mapping[str, int], clocks: Mapping[str, int]) -> Tuple[Dict[str, int], Dict[str, int]]:
    """Return the clocks that were started, and those that were stopped, since Splunk was told: name -> due."""
    begun = {name: due for name, due in clocks.items() if told.get(name) != due}
    return begun, {name: due for name, due in told.items() if name not in clocks}


def as_of(clocks: Mapping[str, int], now_ms: int) -> List[Due]:
    """Return how the clocks are, the next one first."""
    found = [Due(name, due, (due - now_ms) // 1000) for name, due in clocks.items()]
    return sorted(found, key=lambda each: each.due_ms)
