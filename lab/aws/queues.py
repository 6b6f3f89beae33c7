"""SQS's receipts and locks, where moto is more lenient or not safe between threads.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html: "You must provide the most
recently received ReceiptHandle for the message; otherwise, the request succeeds, but the message will not be deleted."
"""

from __future__ import annotations

import functools
import threading
import time
from typing import Any, Callable, List

#: How soon a long poll sees a new message.
POLL_S = 0.05


def let_time_pass(account: str, region: str, queue_name: str, seconds: float) -> None:
    """Let the messages of a queue be hidden and delayed for so much less."""
    from moto.sqs.models import sqs_backends

    for message in list(sqs_backends[account][region].get_queue(queue_name)._messages):
        message.visible_at -= seconds * 1000
        message.delayed_until -= seconds * 1000


def install() -> None:
    """Put these rules around moto's own."""
    from moto.sqs.exceptions import ReceiptHandleIsInvalid, SQSException
    from moto.sqs.models import Message, Queue, SQSBackend

    lock = threading.RLock()
    receive_now = SQSBackend.receive_message

    def receive_message(
        self: Any,
        queue_name: str,
        count: int,
        wait_seconds_timeout: int,
        visibility_timeout: int,
        message_attribute_names: Any = None,
    ) -> List[Any]:
        until = time.monotonic() + (wait_seconds_timeout or 0)
        while True:
            with lock:
                found = receive_now(self, queue_name, count, 0, visibility_timeout, message_attribute_names)
            if found or time.monotonic() >= until:
                return found
            time.sleep(POLL_S)

    def locked(method: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(method)
        def call(*args: Any, **kwargs: Any) -> Any:
            with lock:
                return method(*args, **kwargs)

        return call

    def delete_message(self: Any, receipt_handle: str) -> None:
        if receipt_handle in self.deleted_messages:
            return
        for place, message in enumerate(self._messages):
            if message.receipt_handle == receipt_handle:
                del self._messages[place]
                self.pending_messages.discard(message)
                self.deleted_messages.update(message.all_receipt_handles)
                return
        if not any(message.had_receipt_handle(receipt_handle) for message in self._messages):
            raise ReceiptHandleIsInvalid()

    change_any = SQSBackend.change_message_visibility

    def change_message_visibility(self: Any, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
        for message in self.get_queue(queue_name)._messages:
            if message.had_receipt_handle(receipt_handle) and message.visible:
                raise SQSException(
                    "MessageNotInflight",
                    f"Value {receipt_handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or "
                    "is not available for visibility timeout change.",
                )
        change_any(self, queue_name, receipt_handle, visibility_timeout)

    def is_retained(self: Any, queue_name: str, message: Any) -> bool:
        kept_s = int(self.get_queue(queue_name).message_retention_period)
        return message.sent_timestamp / 1000 + kept_s > time.time()

    # moto counts all messages at every send and for every message that is received, with a clock that takes 15
    # microseconds a look: a minute for sending 2,000 messages.
    SQSBackend.is_message_valid_based_on_retention_period = is_retained
    Message.visible = property(lambda self: time.time() * 1000 > self.visible_at)
    Message.delayed = property(lambda self: time.time() * 1000 < self.delayed_until)
    SQSBackend.receive_message = receive_message
    SQSBackend.change_message_visibility = locked(change_message_visibility)
    SQSBackend.delete_message = locked(SQSBackend.delete_message)
    Queue.delete_message = delete_message
    Queue.add_message = locked(Queue.add_message)
