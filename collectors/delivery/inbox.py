"""The messages in flight: received when a worker is free, kept hidden meanwhile, and ended in one of two ways.

A message is deleted when all it asks for is done, or given back, to be seen again by whoever receives next. Workers
share what was received together, so none is idle while another has ten.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Callable, Deque, List, Optional

from aws_bridge.errors import QueueProblem
from aws_bridge.functions.json_log import JsonLog
from aws_bridge.keepalive import Change, Keepalive
from aws_bridge.queue import LONG_POLL_S, MAX_BATCH, Message, Queue
from collectors.delivery.prometheus import DaemonMetrics
from collectors.delivery.store_gate import Stopped, StoreGate
from es_bridge.backoff import Backoff

#: Pauses after the queue could not be asked.
PAUSES = Backoff(first_s=1.0, longest_s=60.0)


class Inbox:
    """Messages of ``queue``, for any number of workers. ``start`` before, ``close`` after."""

    def __init__(
        self,
        queue: Queue,
        gate: StoreGate,
        metrics: DaemonMetrics,
        log: JsonLog,
        *,
        visibility_s: int,
        long_poll_s: int = LONG_POLL_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queue, self._gate, self._metrics, self._log = queue, gate, metrics, log
        self._long_poll_s = long_poll_s
        self._keepalive = Keepalive(queue, visibility_s, self._on_change, clock)
        self._backlog: Deque[Message] = deque()
        self._receiving = threading.Lock()
        self._stopped = threading.Event()
        self._worked_once = False
        #: Why messages cannot be received now; empty while they can.
        self.problem = ""

    def start(self) -> None:
        """Begin to keep hidden what will be received."""
        self._keepalive.start()

    def close(self) -> None:
        """End keeping hidden."""
        self._keepalive.stop()

    @property
    def alive(self) -> bool:
        """Whether what is held is kept hidden."""
        return self._keepalive.alive

    def held(self) -> List[Message]:
        """Return the messages in flight."""
        return self._keepalive.held()

    def next(self) -> Message:
        """Return a message to work on, received now if none waits, and only while the cluster takes documents.

        Raises `Stopped`, and `QueueProblem` when the queue refuses this account from the beginning.
        """
        with self._receiving:  # one long poll at a time: whoever waits here is next to look into the backlog
            failures = 0
            while not self._stopped.is_set():
                message = self._waiting()
                if message:
                    return message
                self._gate.wait_until_open()
                try:
                    self._receive()
                    failures = 0
                except QueueProblem as exc:
                    if exc.refused and not self._worked_once:
                        raise
                    self.problem = str(exc)
                    self._log.error("queue_problem", reason=str(exc))
                    self._stopped.wait(PAUSES.ceiling_s(failures))
                    failures += 1
            raise Stopped

    def done(self, message: Message) -> None:
        """Delete a message: all it asked for is stored, was there, or is a dead letter."""
        # In this order: an extension of what was deleted would look like a message that is lost.
        still_ours = self._keepalive.let_go(message)
        failures = self._queue.delete([message])
        if not failures:
            self._metrics.messages_deleted.inc()
            return
        self._metrics.deletes_failed.inc()
        # What it asked for is done; received again, every record of it will be "already there".
        self._log.warning("delete_failed", message=message.id, still_ours=still_ours, reason=failures[0].reason)

    def give_back(self, message: Message, delay_s: int, why: str) -> None:
        """Let a message be seen again after ``delay_s`` seconds; ``why`` is one of a few words, for the metrics."""
        if not self._keepalive.let_go(message):
            return  # not ours any more: whoever has it now is not to be disturbed
        self._metrics.messages_returned.labels(why).inc()
        for failure in self._queue.change_visibility([(message, delay_s)]):
            self._log.warning("give_back_failed", message=message.id, reason=failure.reason)

    def stop(self) -> None:
        """Receive nothing more, and give back what nobody works on."""
        self._stopped.set()
        while True:
            message = self._waiting()
            if not message:
                break
            self.give_back(message, 0, "stopped")

    def give_all_back(self) -> None:
        """Give back everything, also what is being worked on."""
        for message in self.held():
            self.give_back(message, 0, "stopped")

    def _waiting(self) -> Optional[Message]:
        """Take a message out of the backlog, if it is still ours; a worker may do so while the process is stopped."""
        while True:
            try:
                message = self._backlog.popleft()
            except IndexError:
                return None
            if self._keepalive.holds(message):
                return message

    def _receive(self) -> None:
        messages = self._queue.receive(MAX_BATCH, self._keepalive.visibility_s, self._long_poll_s)
        self._keepalive.hold(messages)
        self._worked_once, self.problem = True, ""
        self._metrics.messages_received.inc(len(messages))
        self._backlog.extend(messages)
        if self._stopped.is_set():
            self.stop()

    def _on_change(self, change: Change) -> None:
        if change.lost:
            self._metrics.messages_lost.inc()
            self._log.warning("message_lost", message=change.message.id, reason=change.reason)
        else:
            self._metrics.extensions_failed.inc()
            self._log.warning("extension_failed", message=change.message.id, reason=change.reason)
