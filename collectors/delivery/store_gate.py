"""Whether the search cluster takes documents: while it does not, nothing new is received and one worker tries again.

Whether a write would work is not asked of the cluster's health, which is green with a full disk: the object that was
interrupted is taken again, for a few seconds. That is the same request with the same rights to the same index, and
what it stores counts.
"""

from __future__ import annotations

import threading
import time
from typing import Callable

from es_bridge.backoff import Backoff

#: Pauses before one more attempt.
PAUSES = Backoff(first_s=1.0, longest_s=30.0)
#: After a refusal somebody has to change a role or a password: a wrong password tried often locks accounts.
REFUSED_PAUSE_S = 60.0


class Stopped(Exception):  # noqa: N818 - not an error: whoever waits is told to go home
    """The process is being stopped."""


class StoreGate:
    """Open at first. For any number of threads; ``clock`` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, pauses: Backoff = PAUSES) -> None:
        self._clock = clock
        self._pauses = pauses
        self._changed = threading.Condition()
        self._stopped = False
        self._reason = ""
        self._closed_since_s = 0.0
        self._failures = 0
        self._next_attempt_s = 0.0
        self._attempt_under_way = False

    @property
    def reason(self) -> str:
        """Why it is closed; empty while it is open."""
        return self._reason

    def closed_s(self) -> float:
        """Return for how long it has been closed."""
        with self._changed:
            return self._clock() - self._closed_since_s if self._reason else 0.0

    def close(self, reason: str, *, refused: bool = False, attempt: bool = False) -> bool:
        """Close it, or with ``attempt`` keep it closed after an attempt that failed; return whether it was open."""
        with self._changed:
            was_open = not self._reason
            if was_open:
                self._closed_since_s = self._clock()
                self._failures = 0
            if was_open or attempt:
                pause_s = self._pauses.ceiling_s(self._failures)
                self._next_attempt_s = self._clock() + (max(pause_s, REFUSED_PAUSE_S) if refused else pause_s)
                self._failures += 1
            self._reason = reason
            self._attempt_under_way = self._attempt_under_way and not attempt
            self._changed.notify_all()
            return was_open

    def open(self, *, attempt: bool = False) -> bool:
        """Open it: the cluster has taken something. Return whether it was closed."""
        with self._changed:
            was_closed, self._reason = bool(self._reason), ""
            self._attempt_under_way = self._attempt_under_way and not attempt
            self._changed.notify_all()
            return was_closed

    def enter(self) -> bool:
        """Wait until it is open, or until it is this thread's turn to try; return whether the latter.

        Whoever tries ends that with `open` or `close`, as an ``attempt``. Raises `Stopped`.
        """
        with self._changed:
            while not self._stopped:
                if not self._reason:
                    return False
                left_s = None if self._attempt_under_way else self._next_attempt_s - self._clock()
                if left_s is not None and left_s <= 0:
                    self._attempt_under_way = True
                    return True
                self._changed.wait(left_s)
            raise Stopped

    def wait_until_open(self) -> None:
        """Wait until it is open. Raises `Stopped`."""
        with self._changed:
            while self._reason and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise Stopped

    def stop(self) -> None:
        """Send everybody home who waits."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
