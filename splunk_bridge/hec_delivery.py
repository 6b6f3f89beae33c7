"""Events on their way into an index: kept until Splunk acknowledges them, and sent again when it does not.

What is sent again may be in the index already: whoever searches has to know an event again by something in it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Callable, List, Optional, Set

from splunk_bridge.hec import Hec, HecError

#: So much is in flight at most; who sends more waits.
MOST_BYTES = 32 << 20
#: Splunk's own advice. An event that is indexed twice costs licence, one that waits only time.
RESEND_AFTER_S = 300.0
#: Each further sending of the same waits twice as long, up to so many times `RESEND_AFTER_S`.
_LONGEST_RESEND = 8
#: Between two questions, and the longest of it where nothing is acknowledged.
LOOK_EVERY_S, LOOK_EVERY_AT_MOST_S = 1.0, 10.0
#: Instead of a number: it is not sent yet, and Splunk has forgotten it.
_NOT_SENT, _FORGOTTEN = -1, -2


@dataclass(eq=False)
class _Flight:
    """One request."""

    events: List[bytes]
    #: When it was given to us, by the caller's clock: what `HecDelivery.taken_until` answers with.
    begun: float
    number: int = _NOT_SENT
    #: Monotonic time of the last sending.
    sent_s: float = 0.0
    sendings: int = 0
    #: Requests that were on their way when it was acknowledged; None before.
    believed_after: Optional[Set[object]] = None

    @property
    def body(self) -> bytes:
        return b"\n".join(self.events)


@dataclass
class Figures:
    """What became of it so far."""

    #: Requests.
    acknowledged: int = 0
    #: Events.
    resent: int = 0
    #: What HEC takes in no request, with its reason.
    rejected: List[str] = field(default_factory=list)


class HecDelivery:
    """Sends by one channel. Safe to use from several threads; `begin` starts one that asks for acknowledgements."""

    def __init__(
        self,
        hec: Hec,
        *,
        wait_s: Callable[[int], float],
        sleep: Callable[[float], object] = time.sleep,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        resend_after_s: float = RESEND_AFTER_S,
        most_bytes: int = MOST_BYTES,
        on_wait: Callable[[HecError], None] = lambda problem: None,
    ) -> None:
        """``wait_s`` says how long to wait after the n-th attempt, from 0. ``sleep`` may raise, which ends `post`.
        ``clock`` is what `taken_until` answers by, ``monotonic`` what tells that an acknowledgement is late.
        ``on_wait`` is told, in the sender's thread, why it waits.
        """
        self.hec = hec
        self._wait_s, self._sleep, self._clock = wait_s, sleep, clock
        self._monotonic = monotonic
        self._resend_after_s, self._most_bytes = resend_after_s, most_bytes
        self._on_wait = on_wait
        self._open: List[_Flight] = []
        self._changed = threading.Condition()
        #: The highest number so far, and what is on its way to HEC at this moment.
        self._highest = _NOT_SENT
        self._sending: Set[object] = set()
        self._ended = threading.Event()
        self._thread: Optional[threading.Thread] = None
        self._send_problem: Optional[HecError] = None
        #: Why nothing is known of acknowledgements; None while it is.
        self.look_problem: Optional[HecError] = None
        self.figures = Figures()

    def begin(self) -> None:
        """Ask for acknowledgements from now on, in a thread."""
        self._thread = threading.Thread(target=self._look_again_and_again, name="hec", daemon=True)
        self._thread.start()

    def post(self, events: List[bytes]) -> None:
        """Send events in one request; return when HEC took them, which is not yet acknowledged.

        Waits while HEC is busy, away or refuses us, and while too much is in flight. What HEC finds wrong with an event
        alone is in ``figures.rejected``; the others are sent.
        """
        self._wait_for_room(sum(map(len, events)))
        self._send_whole(_Flight(list(events), self._clock()))

    def look(self) -> bool:
        """Ask for acknowledgements once, send again what is due; return whether one came. Raises `HecError`."""
        with self._changed:
            sent = {each.number: each for each in self._open if each.number >= 0 and each.believed_after is None}
        done = self.hec.acknowledged(sorted(sent)) if sent else set()
        with self._changed:
            for number in done:
                if sent[number].number == number:
                    # A request that is on its way may tell that this number is another one's by now.
                    sent[number].believed_after = set(self._sending)
            self._remove_acknowledged()
            now_s = self._monotonic()
            late = [each for each in self._open if self._is_due(each, now_s)]
        for flight in late:
            self.figures.resent += len(flight.events)
            self._attempt(flight)
        self.look_problem = self._silence()
        return bool(done)

    def taken_until(self, now: float) -> float:
        """Return the time, by the clock given, before which all that was posted is acknowledged."""
        with self._changed:
            return min((each.begun for each in self._open), default=now)

    def settle(self, within_s: float) -> bool:
        """Wait until all is acknowledged; return whether it is. Needs `begin`."""
        end_s = time.monotonic() + within_s
        with self._changed:
            while self._open and time.monotonic() < end_s:
                self._changed.wait(max(0.01, min(0.5, end_s - time.monotonic())))
            return not self._open

    @property
    def problem(self) -> Optional[HecError]:
        """Why nothing moves; None while it does."""
        return self._send_problem or self.look_problem

    @property
    def in_flight(self) -> int:
        """How many events are not acknowledged."""
        with self._changed:
            return sum(len(each.events) for each in self._open)

    def close(self) -> None:
        """End the thread and close the connections. What is in flight is forgotten."""
        self._ended.set()
        if self._thread:
            self._thread.join(5)
        self.hec.close()

    def _wait_for_room(self, size: int) -> None:
        while True:
            with self._changed:
                flying = sum(len(event) for each in self._open for event in each.events)
                if not self._open or flying + size <= self._most_bytes:
                    return
            self._sleep(0.1)

    def _send_whole(self, flight: _Flight) -> None:
        """Send until HEC takes it. What goes wrong on the way takes it out of those in flight: its sender knows."""
        with self._changed:
            self._open.append(flight)
        attempt = 0
        try:
            while flight.events:
                try:
                    self._attempt(flight)
                    return
                except HecError as exc:
                    if self._is_smaller_now(flight, exc):
                        continue
                    self._on_wait(exc)
                self._sleep(self._wait_s(attempt))
                attempt += 1
        finally:
            with self._changed:
                if flight.number == _NOT_SENT and flight in self._open:
                    self._open.remove(flight)
                    self._changed.notify_all()

    def _attempt(self, flight: _Flight) -> None:
        """Send once. Raises `HecError`."""
        request = object()
        with self._changed:
            highest_before = self._highest
            self._sending.add(request)
        number = _NOT_SENT
        try:
            number = self.hec.send(flight.body)
            self._send_problem = None
        except HecError as exc:
            self._send_problem = exc
            raise
        finally:
            with self._changed:
                if number >= 0:
                    # Numbers grow: one that does not is of a Splunk that has begun anew, and knows none of the others.
                    if number <= highest_before:
                        self._forget_numbers()
                        self._highest = number
                    self._highest = max(self._highest, number)
                    flight.number, flight.sent_s = number, self._monotonic()
                    flight.sendings += 1
                self._sending.discard(request)
                for each in self._open:
                    if each.believed_after is not None:
                        each.believed_after.discard(request)
                self._remove_acknowledged()

    def _forget_numbers(self) -> None:
        for each in self._open:
            if each.number >= 0:
                each.number, each.believed_after = _FORGOTTEN, None

    def _remove_acknowledged(self) -> None:
        left = [each for each in self._open if each.believed_after is None or each.believed_after]
        self.figures.acknowledged += len(self._open) - len(left)
        self._open = left
        self._changed.notify_all()

    def _is_due(self, flight: _Flight, now_s: float) -> bool:
        longer = min(2 ** max(0, flight.sendings - 1), _LONGEST_RESEND)
        late = flight.number >= 0 and now_s - flight.sent_s >= self._resend_after_s * longer
        return flight.number == _FORGOTTEN or (late and flight.believed_after is None)

    def _silence(self) -> Optional[HecError]:
        """Return what is wrong where events are taken and never acknowledged."""
        with self._changed:
            times = max((each.sendings for each in self._open), default=0)
        if times < 3:
            return None
        return HecError(
            f"{self.hec.url} takes events and does not acknowledge them: some were sent {times} times. Are the "
            "indexers' queues full, or is a load balancer without sticky sessions on the way?"
        )

    def _is_smaller_now(self, flight: _Flight, error: HecError) -> bool:
        """Take out of a request what HEC does not take, or halve it; return whether it is another one now."""
        events = flight.events
        if error.too_large and len(events) > 1:
            half = len(events) // 2
            rest = _Flight(events[half:], flight.begun)
            flight.events = events[:half]
            self._send_whole(rest)
            return True
        if error.too_large or (error.of_an_event and (len(events) == 1 or 0 <= error.event < len(events))):
            place = error.event if 0 <= error.event < len(events) else 0
            self.figures.rejected.append(f"{error}: {events[place][:200].decode('utf-8', 'replace')}")
            flight.events = events[:place] + events[place + 1 :]
            return True
        return False

    def _look_again_and_again(self) -> None:
        wait_s = LOOK_EVERY_S
        while not self._ended.wait(wait_s):
            moved = False
            try:
                moved = self.look()
            except HecError as exc:
                self.look_problem = exc
            wait_s = LOOK_EVERY_S if moved or not self.in_flight else min(LOOK_EVERY_AT_MOST_S, wait_s * 1.5)
