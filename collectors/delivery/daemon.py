"""The loader as a process that never ends: messages in, objects into the store, messages deleted.

Every worker has an `Intake` of its own and takes one message at a time. What happens to it:

=====================================  ============================================================================
every record of every object is        deleted
stored, was there, or a dead letter
an object cannot be read now           given back with a growing delay, never deleted: the queue's redrive policy
(access, KMS, a broken body)           moves it to the dead-letter queue when it never works
no notification, a fault of ours,      the same; objects of expected buckets beside it are loaded
another bucket than expected
the cluster is down, full, overloaded  nothing more is received, and what is in flight stays so: its receive count does
                                       not rise, so no outage, however long, fills the dead-letter queue
the cluster refuses the account        the same, or with ``exit_when_refused`` given back and the process ends
the process is told to stop            the object under way is finished, the rest given back at once
=====================================  ============================================================================
"""

from __future__ import annotations

import math
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Callable, FrozenSet, List, Optional, Protocol, Sequence

from aws_bridge.errors import NotANotification, QueueProblem
from aws_bridge.object_ref import ObjectRef
from aws_bridge.queue import LONG_POLL_S, LONGEST_VISIBILITY_S, Message, Queue
from collectors.delivery.expected import ANY_BUCKET, divided, refuse
from collectors.delivery.inbox import Inbox
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.outcome import DONE, UNFINISHED, ObjectResult
from collectors.delivery.prometheus import DaemonMetrics
from collectors.delivery.redelivery import FAILED, seen_again_s
from collectors.delivery.store_gate import Stopped, StoreGate
from collectors.delivery.work import Work, read_work
from collectors.errors import IntakeStopped, StoreUnavailable
from es_bridge.backoff import Backoff

#: How long one attempt lasts that asks whether the cluster takes documents again.
ATTEMPT_S = 10.0
#: An object that is told to end still finishes what is under way; beyond this nobody waits for it.
FINISH_S = 15.0
#: How often the main thread looks around. Nothing waits for it but the end of the process.
LOOK_S = 0.2

WHEN_REFUSED = (
    "nothing is received until the cluster lets this account in, which is tried every minute. Give its role what is "
    "missing; after a change of its password, restart this process"
)

DONE_STATUS, FAILED_STATUS, REFUSED_STATUS = 0, 1, 3


class Taker(Protocol):
    """What a worker needs of `Intake`."""

    def take(
        self, ref: ObjectRef, *, first_number: int = 1, seconds_left: Callable[[], float] = ...
    ) -> ObjectResult: ...


@dataclass(frozen=True)
class DaemonSettings:
    """How the daemon works. Raises ValueError on what cannot be."""

    workers: int = 2
    #: How long a message stays hidden at a time; extended at half of it. What a crash costs until it is seen again.
    visibility_s: int = 120
    #: After a signal, how long objects under way may take to finish.
    grace_s: float = 60.0
    #: End instead of waiting when the cluster refuses the account.
    exit_when_refused: bool = False
    #: Until a message that failed is seen again.
    retry: Backoff = FAILED
    long_poll_s: int = LONG_POLL_S
    #: Names of the buckets whose objects are loaded; without one, those of every bucket.
    expected_buckets: FrozenSet[str] = frozenset()

    def __post_init__(self) -> None:
        if not 1 <= self.workers <= 64:
            raise ValueError(f"{self.workers} workers: give 1 to 64")
        if not 2 <= self.visibility_s <= LONGEST_VISIBILITY_S:
            raise ValueError(
                f"a visibility of {self.visibility_s} s: SQS allows up to 43,200, and less than 2 is no time"
            )
        if not 0 <= self.long_poll_s <= LONG_POLL_S:
            raise ValueError(f"a long poll of {self.long_poll_s} s: SQS allows 0 to {LONG_POLL_S}")
        if self.grace_s < 0:
            raise ValueError(f"a grace of {self.grace_s} s")


class Daemon:
    """Runs until ``ask_to_stop``. ``takers``: one for each worker."""

    def __init__(
        self,
        queue: Queue,
        takers: Sequence[Taker],
        settings: DaemonSettings,
        metrics: DaemonMetrics,
        log: ObjectLog,
        gate: Optional[StoreGate] = None,
    ) -> None:
        self._settings, self._metrics, self._log = settings, metrics, log
        self._gate = gate or StoreGate()
        self._inbox = Inbox(
            queue,
            self._gate,
            metrics,
            log,
            visibility_s=settings.visibility_s,
            long_poll_s=settings.long_poll_s,
        )
        metrics.watch_messages(lambda: tuple(message.sent_ms for message in self._inbox.held()))
        self._workers: List[threading.Thread] = [
            threading.Thread(target=self._work, args=(taker,), name=f"worker-{number}", daemon=True)
            for number, taker in enumerate(takers, 1)
        ]
        self._asked_to_stop = False
        self._stopping = threading.Event()
        #: On the clock of `time.monotonic`.
        self._grace_ends_s = math.inf
        self._status = DONE_STATUS

    def run(self) -> int:
        """Work until asked to stop; return the exit status. Threads that overran the grace may be left: see `idle`."""
        if not self._settings.expected_buckets:
            self._log.warning("any_bucket", reason=f"{ANY_BUCKET} (--expect-bucket)")
        self._log.info("started", workers=len(self._workers), visibility_s=self._settings.visibility_s)
        self._inbox.start()
        for worker in self._workers:
            worker.start()
        while not self._asked_to_stop and not self._stopping.is_set() and not self.dead():
            time.sleep(LOOK_S)
        if not self._asked_to_stop and not self._stopping.is_set():
            self._log.error("dead", reason=self.dead())
            self._status = FAILED_STATUS
        self._stop()
        self._log.info("stopped", status=self._status, unfinished=not self.idle)
        return self._status

    def ask_to_stop(self) -> None:
        """Have it end in an orderly way. Only sets a mark, so that a signal handler may call it."""
        self._asked_to_stop = True

    @property
    def idle(self) -> bool:
        """Whether no worker works."""
        return not any(worker.is_alive() for worker in self._workers)

    def dead(self) -> str:
        """Return which of the threads has ended that should not have, or nothing."""
        if self._stopping.is_set():
            return ""
        gone = [worker.name for worker in self._workers if not worker.is_alive()]
        if not self._inbox.alive:
            gone.append("keepalive")
        return f"ended: {', '.join(gone)}" if gone else ""

    def not_ready(self) -> str:
        """Return why nothing is received, or nothing."""
        if self._asked_to_stop or self._stopping.is_set():
            return "stopping"
        return self._gate.reason or self._inbox.problem

    def _stop(self) -> None:
        self._grace_ends_s = time.monotonic() + self._settings.grace_s
        self._stopping.set()
        self._inbox.stop()
        self._gate.stop()
        for worker in self._workers:
            worker.join(max(0.0, self._grace_ends_s + FINISH_S - time.monotonic()))
        self._inbox.give_all_back()
        self._inbox.close()

    def _end(self, status: int) -> None:
        self._status = status
        self._stopping.set()

    def _work(self, taker: Taker) -> None:
        try:
            while not self._stopping.is_set():
                self._handle(taker, self._inbox.next())
        except Stopped:
            pass
        except QueueProblem as exc:
            self._log.error("queue_refused", reason=str(exc))
            self._end(FAILED_STATUS)

    def _handle(self, taker: Taker, message: Message) -> None:
        """Work on one message and end it, whatever happens."""
        retry_s = seen_again_s(self._settings.retry, message.receive_count)
        try:
            asked = read_work(message.body)
            if asked.ignored:
                self._metrics.events_ignored.inc(asked.ignored)
            expected = self._settings.expected_buckets
            work, strangers = divided(asked.work, expected)
            # All of them, although one failed: the rest need not wait for the next receipt.
            outcomes = {self._take(taker, each).outcome for each in work}
            refuse(strangers, expected)
        except NotANotification as exc:
            self._log.error(
                "poison", message=message.id, receive_count=message.receive_count, reason=str(exc), seen_again_s=retry_s
            )
            self._inbox.give_back(message, retry_s, "poison")
        except Stopped:
            self._inbox.give_back(message, 0, "stopped")
        except Exception:
            # A worker that ended would stop the loading of everything; the message tells where the fault is.
            self._log.error("fault", message=message.id, trace=traceback.format_exc(), seen_again_s=retry_s)
            self._inbox.give_back(message, retry_s, "fault")
        else:
            if outcomes <= {DONE}:
                self._inbox.done(message)
            else:
                self._inbox.give_back(message, retry_s, "retry")

    def _take(self, taker: Taker, work: Work) -> ObjectResult:
        """Take one object, through every outage. Raises `Stopped`."""
        first_number = work.first_number
        while not self._stopping.is_set():
            is_attempt = self._gate.enter()
            started_s = time.monotonic()
            left = self._left(started_s + ATTEMPT_S if is_attempt else math.inf)
            try:
                result = taker.take(work.ref, first_number=first_number, seconds_left=left)
            except (StoreUnavailable, IntakeStopped) as exc:
                self._closed(exc, is_attempt)
                continue
            except BaseException:
                self._opened(is_attempt)
                raise
            self._metrics.object_taken(work.ref, result)
            self._log.object(work.ref, result, time.monotonic() - started_s, as_planned=(DONE,))
            # An attempt that ended with the object's own fault says nothing about the cluster; the next object will.
            if is_attempt or result.stored or result.already_there:
                self._opened(is_attempt)
            if result.outcome != UNFINISHED:
                return result
            first_number = result.next_number
        raise Stopped

    def _left(self, end_s: float) -> Callable[[], float]:
        """Return how to ask for the seconds until ``end_s``, or until the grace is over."""
        return lambda: min(end_s, self._grace_ends_s) - time.monotonic()

    def _closed(self, exc: Exception, is_attempt: bool) -> None:
        refused = isinstance(exc, IntakeStopped)
        was_open = self._gate.close(str(exc), refused=refused, attempt=is_attempt)
        self._metrics.store_available.set(0)
        if refused and self._settings.exit_when_refused:
            self._log.error("intake_stopped", reason=str(exc))
            self._end(REFUSED_STATUS)
        elif was_open and refused:
            self._log.error("intake_stopped", reason=str(exc), next_step=WHEN_REFUSED)
        elif was_open:
            self._log.error("store_unavailable", reason=str(exc))
        elif is_attempt:
            self._log.warning("store_still_unavailable", reason=str(exc), closed_s=round(self._gate.closed_s()))

    def _opened(self, is_attempt: bool) -> None:
        closed_s = self._gate.closed_s()
        if self._gate.open(attempt=is_attempt):
            self._metrics.store_available.set(1)
            self._log.info("store_available", closed_s=round(closed_s))
