"""A batch of messages, worked on within the time a function has; the answer says which of them failed.

=================================  ================================================================================
a message                          ends
=================================  ================================================================================
every record stored, there before  acknowledged: it is not in the answer
or a dead letter
time runs short                    the rest of the object, and objects not begun, go back into the queue as messages
                                   of ours (bucket, key, version, next record), then it is acknowledged. Returned as
                                   a failure it would come nearer to the dead-letter queue each time, although
                                   nothing is wrong with it; a message that could not be sent makes it one
an object cannot be read now       a failure, seen again after a growing delay
no notification, or another        the same, until the queue moves it to the dead-letter queue; what it names of
bucket than expected               expected buckets is loaded
the cluster takes nothing          a failure, hidden for longer and longer, as are all that follow; the function's
                                   event source mapping is switched off (see `event_source_mapping`)
=================================  ================================================================================

Why six hours without a cluster put nothing into the dead-letter queue: with the mapping switched off nothing is
received, so an outage costs each message one receipt, and a mapping that was switched on too early one more each time.
And were it not possible to switch it off at all, a message is seen again after 15, 30, 60, 120, 240, 240, ... minutes
(`redelivery.OUTAGE`). SQS moves it when it would be received more than ``maxReceiveCount`` times: with 5 that is after
15 + 30 + 60 + 120 + 240 = 465 minutes at the earliest, with 10 after more than a day.
"""

from __future__ import annotations

import time
import traceback
from typing import AbstractSet, Any, Callable, Dict, List, NamedTuple, Optional, Protocol, Sequence, Tuple

from aws_bridge.errors import NotANotification, QueueProblem
from aws_bridge.object_ref import ObjectRef
from aws_bridge.queue import Message, Queue
from collectors.delivery.expected import divided, refuse
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.outcome import DONE, RETRY, UNFINISHED, ObjectResult
from collectors.delivery.redelivery import FAILED, OUTAGE, seen_again_s
from collectors.delivery.work import Work, continuation, read_work
from collectors.errors import IntakeStopped, StoreUnavailable
from collectors.lambda_function.object_metrics import emit_object


class Taker(Protocol):
    """What a batch needs of `Intake`."""

    def take(
        self, ref: ObjectRef, *, first_number: int = 1, seconds_left: Callable[[], float] = ...
    ) -> ObjectResult: ...


class Outage(NamedTuple):
    """The cluster took nothing: why, and the object that met it."""

    reason: str
    ref: ObjectRef


class Batch:
    """One invocation. ``seconds_left`` is what the function has, less what it needs to end in an orderly way."""

    def __init__(
        self,
        taker: Taker,
        queue: Queue,
        log: ObjectLog,
        seconds_left: Callable[[], float],
        expected_buckets: AbstractSet[str] = frozenset(),
    ) -> None:
        self._expected = expected_buckets
        self._taker, self._queue, self._log = taker, queue, log
        self._seconds_left = seconds_left
        #: Set when the cluster took nothing.
        self.outage: Optional[Outage] = None

    def run(self, messages: Sequence[Message]) -> Dict[str, List[Dict[str, str]]]:
        """Work on all messages and return Lambda's answer: the ids of those that failed.

        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
        """
        failed: List[Tuple[Message, int]] = []
        for message in messages:
            if not self._is_done(message):
                failed.append((message, seen_again_s(OUTAGE if self.outage else FAILED, message.receive_count)))
        for failure in self._queue.change_visibility(failed):
            # It is seen again when the queue's own visibility timeout is over.
            self._log.warning("hide_failed", message=failure.message.id, reason=failure.reason)
        return {"batchItemFailures": [{"itemIdentifier": message.id} for message, _ in failed]}

    def _is_done(self, message: Message) -> bool:
        if self.outage:
            return False
        try:
            asked = read_work(message.body)
            wanted, strangers = divided(asked.work, self._expected)
            rest = self._take_all(wanted)
            if rest is None:
                return False
            for work in rest:
                self._queue.send(continuation(work))
                self._log.info("passed_on", uri=work.ref.uri, next_record=work.first_number, hops=work.hops + 1)
            refuse(strangers, self._expected)
        except NotANotification as exc:
            self._log.error("poison", message=message.id, receive_count=message.receive_count, reason=str(exc))
            return False
        except QueueProblem as exc:
            self._log.error("pass_on_failed", message=message.id, reason=str(exc))
            return False
        except Exception:
            # One message with a fault of ours in it must not make the others of its batch fail with it.
            self._log.error("fault", message=message.id, trace=traceback.format_exc())
            return False
        return True

    def _take_all(self, all_work: Sequence[Work]) -> Optional[List[Work]]:
        """Take all objects; return what is left to do, or None if the message is to be tried again as it is."""
        failed = False
        for place, work in enumerate(all_work):
            result = self._take(work)
            if result is None:
                return None
            failed = failed or result.outcome == RETRY
            if result.outcome == UNFINISHED:
                if failed:
                    return None
                return [work._replace(first_number=result.next_number), *all_work[place + 1 :]]
        return None if failed else []

    def _take(self, work: Work) -> Optional[ObjectResult]:
        """Take one object; return None when the cluster took nothing, which `outage` then tells about."""
        if self._seconds_left() <= 0:
            return ObjectResult(outcome=UNFINISHED, next_number=work.first_number)
        started_s = time.monotonic()
        try:
            result = self._taker.take(work.ref, first_number=work.first_number, seconds_left=self._seconds_left)
        except (StoreUnavailable, IntakeStopped) as exc:
            self.outage = Outage(str(exc), work.ref)
            self._log.error(
                "intake_stopped" if isinstance(exc, IntakeStopped) else "store_unavailable",
                uri=work.ref.uri,
                reason=str(exc),
            )
            return None
        emit_object(work.ref, result, time.time())
        self._log.object(work.ref, result, time.monotonic() - started_s, as_planned=(DONE, UNFINISHED))
        return result


def messages_of(event: Dict[str, Any]) -> List[Message]:
    """Return the messages of the event Lambda hands over for a queue. Raises ValueError for any other event."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list) or not all(each.get("eventSource") == "aws:sqs" for each in records):
        raise ValueError("this function works on batches of an SQS queue: map one to it, and invoke it in no other way")
    return [
        Message(
            each["messageId"],
            each["receiptHandle"],
            each["body"],
            int(each["attributes"].get("ApproximateReceiveCount", -1)),
            int(each["attributes"].get("SentTimestamp", 0)),
        )
        for each in records
    ]
