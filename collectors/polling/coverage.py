"""Which places need not be polled, because another one that is polled shows their findings as well.

Nothing is taken for shown that AWS has not just said: who cannot be asked, or whose own list fails, shows nobody's, and
the others are polled themselves. Findings that come by both then are written once (`collectors.polling.memory`).
"""

from __future__ import annotations

import threading
from typing import Dict, FrozenSet, NamedTuple, Optional, Set

from collectors.records.record import Origin


class Seat(NamedTuple):
    """One kind of findings in one account and region."""

    dataset: str
    place: Origin


class Coverage:
    """What was found out. Safe to share between threads."""

    def __init__(self) -> None:
        self._shows: Dict[Seat, FrozenSet[Origin]] = {}
        self._by: Optional[Dict[Seat, Seat]] = None
        self._lock = threading.Lock()

    def found(self, seat: Seat, shows: FrozenSet[Origin]) -> None:
        """Note which other places the list of ``seat`` shows."""
        with self._lock:
            if self._shows.get(seat) != shows:
                self._shows[seat] = shows - {seat.place}
                self._by = None

    def shows(self, seat: Seat) -> FrozenSet[Origin]:
        """Return the other places that the list of a seat shows."""
        with self._lock:
            return self._shows.get(seat, frozenset())

    def shown_by(self, seat: Seat) -> Optional[Seat]:
        """Return the seat that is polled and shows this one's findings; ``None`` for one that is to be polled."""
        with self._lock:
            if self._by is None:
                self._by = self._decide()
            return self._by.get(seat)

    def _decide(self) -> Dict[Seat, Seat]:
        """Return who is shown by whom. Whoever shows most comes first; nobody who rests shows anybody."""
        by: Dict[Seat, Seat] = {}
        polled: Set[Seat] = set()
        for seat in sorted(self._shows, key=lambda each: (-len(self._shows[each]), each)):
            if seat in by:
                continue
            polled.add(seat)
            for place in self._shows[seat]:
                shown = Seat(seat.dataset, place)
                if shown not in polled:
                    by.setdefault(shown, seat)
        return by
