"""Logs that S3 announces in a queue, such as a web ACL's: what is selected is written, the rest is counted.

A message is deleted as one of findings is (`events`): some time after the flush, when it has been taken. An object that
cannot be read now comes again with its message; one that is gone is said, and done.

Needs ``s3:GetObject`` and ``kms:Decrypt`` beside the permissions of the queue.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Callable, Deque, List, Optional, Tuple

from aws_bridge.errors import NotANotification, ObjectGone, ObjectUnreadable
from aws_bridge.notification import notification_in, opened
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import Objects
from aws_bridge.queue import LONG_POLL_S, LONGEST_VISIBILITY_S, Message, Queue
from collectors.errors import DamagedFile, InvalidRecord
from collectors.polling import counts as counting
from collectors.polling.budget import DailyBudget
from collectors.polling.counts import Counts
from collectors.polling.writer import EventSink, Tally
from collectors.reading.unpack import unpacked
from collectors.records.finding import Finding
from collectors.records.lines import Lines
from collectors.records.record import BadRecord, Context, record_id

#: What reading an object may take, beside the time until its deletion.
SPARE_S = 1800
#: Messages at once: an object may be large.
_MESSAGES = 2
#: So many lines are written together.
_BATCH = 200
PERCENT = 100


@dataclass
class Received(Tally):
    """What one receipt of messages did."""

    messages: int = 0
    #: Lines that no rule had anything against, or that are not in the sample.
    dropped: int = 0
    lag_ms: int = 0
    #: Why nothing of what was announced could be read, where that is so.
    unread: Optional[ObjectUnreadable] = None


class ObjectMessages:
    """Reads the objects that the messages of a queue announce, and deletes the messages. One thread at a time."""

    queue: Queue
    objects: Objects
    sink: EventSink
    clock_ms: Callable[[], int]
    delete_after_s: int
    #: When what each message brought was flushed, epoch milliseconds.
    flushed: Deque[Tuple[int, Message]]

    def turn(self, wait_s: int = LONG_POLL_S) -> Received:
        """Receive once, write, and delete what is due. Raises `aws_bridge.errors.QueueProblem`, `StoreUnavailable`."""
        received = Received()
        visibility_s = min(self.delete_after_s + SPARE_S, LONGEST_VISIBILITY_S)
        unread: List[ObjectUnreadable] = []
        for message in self.queue.receive(_MESSAGES, visibility_s, wait_s):
            received.messages += 1
            try:
                for ref in notification_in(opened(message.body).event).objects:
                    self._read(ref, received)
            except (NotANotification, ObjectUnreadable, DamagedFile) as exc:
                if isinstance(exc, ObjectUnreadable):
                    unread.append(exc)
                received.bad.append(f"{exc}. The message stays in the queue, whose redrive policy decides about it")
                continue
            self.flushed.append((self.clock_ms(), message))
        if unread and len(unread) == received.messages:
            # Each names another object: it is one failure, and no list of what is wrong with single ones.
            received.unread, received.bad = unread[-1], []
        received.bad += self.delete_due()
        return received

    def delete_due(self) -> List[str]:
        """Delete the messages that are due; return what went wrong, in words. They come again by themselves."""
        now_ms = self.clock_ms()
        until_ms = min(now_ms - self.delete_after_s * 1000, self.sink.taken_until_ms(now_ms))
        due: List[Message] = []
        while self.flushed and self.flushed[0][0] <= until_ms:
            due.append(self.flushed.popleft()[1])
        failures = self.queue.delete(due) if due else []
        return [f"message {failed.message.id} is not deleted: {failed.reason}" for failed in failures]

    @property
    def waiting(self) -> int:
        """How many messages are written and not deleted yet."""
        return len(self.flushed)

    def _read(self, ref: ObjectRef, received: Received) -> None:
        """Read one object. Raises `ObjectUnreadable`, `DamagedFile`."""
        raise NotImplementedError


#: Line, identity, number and context -> its event, with an empty text if it is not kept. Raises `InvalidRecord`.
Select = Callable[[bytes, str, int, Context], Finding]


@dataclass
class ObjectQueue(ObjectMessages):
    """Reads the logs of one queue."""

    queue: Queue
    objects: Objects
    select: Select
    sink: EventSink
    budget: DailyBudget
    counts: Counts
    clock_ms: Callable[[], int]
    delete_after_s: int
    #: Of the lines that are kept.
    sample_percent: int = PERCENT
    flushed: Deque[Tuple[int, Message]] = field(default_factory=deque)

    def _read(self, ref: ObjectRef, received: Received) -> None:
        context, batch, identity = Context(ref), [], ref.identity
        try:
            with self.objects.open(ref) as stream:
                lines = Lines(unpacked(stream), glued=True)
                for item in lines:
                    if isinstance(item, BadRecord):
                        received.bad.append(f"{ref.uri}, record {item.number}: {item.reason}")
                        continue
                    number, line = item
                    try:
                        finding = self.select(line, record_id(identity, number), number, context)
                    except InvalidRecord as exc:
                        if not lines.take_apart():
                            received.bad.append(f"{ref.uri}, record {number}: {exc}")
                        continue
                    if not finding.record.text or not self._in_sample(number):
                        received.dropped += 1
                        continue
                    batch.append(finding)
                    if len(batch) >= _BATCH:
                        self._write(batch, received)
                        batch = []
        except ObjectGone as exc:
            received.bad.append(str(exc))
        finally:
            self._write(batch, received)

    def _in_sample(self, number: int) -> bool:
        """Return whether a line is written: evenly, and the same ones when the object is read again."""
        return number * self.sample_percent // PERCENT != (number - 1) * self.sample_percent // PERCENT

    def _write(self, findings: List[Finding], received: Received) -> None:
        now_ms = self.clock_ms()
        day = datetime.fromtimestamp(now_ms // 1000, timezone.utc).strftime("%Y-%m-%d")
        chosen, size = [], 0
        for finding in findings:
            length = len(finding.record.text)
            if not self.budget.has_room(size + length, now_ms):
                received.over_ceiling += 1
                self.counts.add(counting.OVER_CEILING, day, finding)
                self.budget.add(now_ms, withheld=length)
                continue
            size += length
            chosen.append(finding.record)
        for answer in self.sink.write(chosen):
            received.written += 1
            self.budget.add(now_ms, written=len(answer.record.text))
            received.lag_ms = max(received.lag_ms, now_ms - answer.record.time_ms)
