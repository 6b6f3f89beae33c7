"""Messages stay hidden from other receivers for as long as this process works on them, from the moment of receipt.

SQS hides a received message for the visibility timeout only. Messages received together would expire while the first
of them is worked on, so *every* message is extended, at half of its time, until it is let go. What can end that early:

- The receipt is invalid: the message was deleted, or somebody else has it. It is not ours any more.
- Extensions fail until its time is over. The same.
- SQS allows 12 hours in total since the receipt
  (https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html). The message
  is let go then, and its next receipt begins anew.

None of it interrupts the work: ids make storing twice harmless, and an end that comes too late is seen by the delete.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, NamedTuple, Sequence

from aws_bridge.queue import LONGEST_VISIBILITY_S, Failure, Message, Queue

#: What is left of the 12 hours when a message is let go: time for the last call.
SPARE_S = 60


class Change(NamedTuple):
    """What the owner of a message is told."""

    message: Message
    #: Whether it is not ours any more; else one extension failed, and is tried again.
    lost: bool
    reason: str


@dataclass
class _Held:
    message: Message
    received_s: float
    expires_s: float
    due_s: float


class Keepalive:
    """Extends what it holds, from a thread of its own between ``start`` and ``stop``.

    ``on_change`` is called from that thread. ``clock`` counts seconds.
    """

    def __init__(
        self,
        queue: Queue,
        visibility_s: int,
        on_change: Callable[[Change], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.visibility_s = visibility_s
        self._queue = queue
        self._on_change = on_change
        self._clock = clock
        self._held: Dict[str, _Held] = {}
        self._wake = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="keepalive", daemon=True)

    def start(self) -> None:
        """Begin to extend."""
        self._thread.start()

    def stop(self) -> None:
        """End extending; what is still held runs out by itself."""
        with self._wake:
            self._stopped = True
            self._wake.notify()
        self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether extensions are being made."""
        return self._thread.is_alive()

    def hold(self, messages: Sequence[Message]) -> None:
        """Keep messages hidden that were received just now, for `visibility_s` to begin with."""
        now_s = self._clock()
        with self._wake:
            for message in messages:
                self._held[message.receipt] = _Held(
                    message, now_s, now_s + self.visibility_s, now_s + self.visibility_s / 2
                )
            self._wake.notify()

    def let_go(self, message: Message) -> bool:
        """End extending ``message``; return whether it was held, that is, still ours."""
        with self._wake:
            return self._held.pop(message.receipt, None) is not None

    def holds(self, message: Message) -> bool:
        """Whether ``message`` is ours now."""
        with self._wake:
            return message.receipt in self._held

    def held(self) -> List[Message]:
        """Return the messages that are ours now."""
        with self._wake:
            return [each.message for each in self._held.values()]

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._stopped:
                    return
                due_s = min((each.due_s for each in self._held.values()), default=None)
                wait_s = None if due_s is None else due_s - self._clock()
                if wait_s is None or wait_s > 0:
                    self._wake.wait(wait_s)
                    continue
            self.extend_due()

    def extend_due(self) -> None:
        """Extend what is due now: one step of the thread."""
        now_s = self._clock()
        with self._wake:
            due = [each for each in self._held.values() if each.due_s <= now_s]
        longest_s = LONGEST_VISIBILITY_S - SPARE_S
        for each in [each for each in due if now_s - each.received_s >= longest_s]:
            due.remove(each)
            self._lose(each, "it has been worked on for 12 hours, the longest SQS allows; it is received again")
        if not due:
            return
        delays = [
            (each.message, max(1, min(self.visibility_s, int(each.received_s + LONGEST_VISIBILITY_S - now_s))))
            for each in due
        ]
        failed = {failure.message.receipt: failure for failure in self._queue.change_visibility(delays)}
        for each, (_, delay_s) in zip(due, delays):
            failure = failed.get(each.message.receipt)
            if failure is None:
                each.expires_s = now_s + delay_s
                each.due_s = now_s + delay_s / 2
            else:
                self._failed(each, failure)

    def _failed(self, each: _Held, failure: Failure) -> None:
        now_s = self._clock()
        if failure.receipt_gone:
            self._lose(each, f"its receipt is not valid any more: {failure.reason}")
        elif now_s >= each.expires_s:
            self._lose(each, f"its visibility could not be extended in time: {failure.reason}")
        elif self.holds(each.message):
            each.due_s = now_s + min(self.visibility_s / 8, max(0.1, (each.expires_s - now_s) / 2))
            self._on_change(Change(each.message, False, failure.reason))

    def _lose(self, each: _Held, reason: str) -> None:
        # Between the call and here its owner may have deleted it, which makes a receipt invalid too.
        if self.let_go(each.message):
            self._on_change(Change(each.message, True, reason))
