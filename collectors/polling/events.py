"""Findings that EventBridge puts into a queue: seconds after they are made, and deleted some time after the flush.

A message is deleted ``delete_after_s`` (5 minutes by default) after what it holds was flushed, and not before the sink
knows it taken. Until then it is hidden; when this process is killed it comes again, and is written again: searches give
each version once. A message that is no event is left to the queue's redrive policy, and said.

Needs ``sqs:ReceiveMessage`` and ``sqs:DeleteMessage``.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Set

from aws_bridge.errors import NotANotification
from aws_bridge.notification import opened
from aws_bridge.queue import LONG_POLL_S, LONGEST_VISIBILITY_S, MAX_BATCH, Message, Queue
from collectors.errors import InvalidRecord
from collectors.polling.writer import FindingWriter, Tally
from collectors.records.finding import Finding
from collectors.sources.eventbridge import dataset_of, findings_of

DELETE_AFTER_S = 300
#: How much longer than `DELETE_AFTER_S` a message stays hidden: what deleting may take.
SPARE_S = 600


class NotAnEvent(ValueError):
    """A message is no event of EventBridge."""


@dataclass
class Received(Tally):
    """What one receipt of messages did."""

    messages: int = 0
    #: Messages of other sources.
    passed_over: int = 0
    #: How long the oldest event was on its way, milliseconds.
    lag_ms: int = 0


class _Flushed(NamedTuple):
    at_ms: int
    message: Message


@dataclass
class EventQueue:
    """Reads one queue. One thread at a time."""

    queue: Queue
    writer: FindingWriter
    clock_ms: Callable[[], int]
    #: Names of the sources whose events are wanted; all if empty. Others are deleted unread, and counted.
    datasets: Set[str] = field(default_factory=set)
    delete_after_s: int = DELETE_AFTER_S
    _flushed: Deque[_Flushed] = field(default_factory=deque)

    def turn(self, wait_s: int = LONG_POLL_S) -> Received:
        """Receive once, write, and delete what is due. Raises `aws_bridge.errors.QueueProblem`, `StoreUnavailable`."""
        received = Received()
        visibility_s = min(self.delete_after_s + SPARE_S, LONGEST_VISIBILITY_S)
        messages = self.queue.receive(MAX_BATCH, visibility_s, wait_s)
        received.messages = len(messages)
        findings: List[Finding] = []
        done: List[Message] = []
        for message in messages:
            try:
                event = event_of(message.body)
                if self.datasets and dataset_of(event) not in self.datasets:
                    received.passed_over += 1
                else:
                    findings += list(findings_of(event))
                done.append(message)
            except (NotAnEvent, InvalidRecord) as exc:
                received.bad.append(
                    f"message {message.id}, received {message.receive_count} times: {exc}. It stays in the queue, "
                    "whose redrive policy moves it to the dead-letter queue"
                )
        self.writer.write(findings, (), received)
        now_ms = self.clock_ms()
        self._flushed += [_Flushed(now_ms, message) for message in done]
        if findings:
            received.lag_ms = max(0, now_ms - min(finding.record.time_ms for finding in findings))
        received.bad += self.delete_due()
        return received

    def delete_due(self) -> List[str]:
        """Delete the messages that are due; return what went wrong, in words. They come again by themselves."""
        now_ms = self.clock_ms()
        until_ms = min(now_ms - self.delete_after_s * 1000, self.writer.sink.taken_until_ms(now_ms))
        due: List[Message] = []
        while self._flushed and self._flushed[0].at_ms <= until_ms:
            due.append(self._flushed.popleft().message)
        failures = self.queue.delete(due) if due else []
        return [f"message {failed.message.id} is not deleted: {failed.reason}" for failed in failures]

    @property
    def waiting(self) -> int:
        """How many messages are written and not deleted yet."""
        return len(self._flushed)


def event_of(body: str) -> Dict[str, Any]:
    """Return the event in a message, also in one that SNS wrapped. Raises `NotAnEvent`."""
    try:
        found = opened(body).event
    except NotANotification as exc:
        raise NotAnEvent(f"it is no event of EventBridge: {exc}") from exc
    if not isinstance(found.get("detail-type"), str) or not isinstance(found.get("source"), str):
        raise NotAnEvent("it is no event of EventBridge: it has no detail-type or no source")
    return found
