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


def install() -> None:
    """Put these rules around moto's own."""
    from moto.sqs.exceptions import SQSException
    from moto.sqs.models import Queue, SQSBackend

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

    delete_any = Queue.delete_message

    def delete_message(self: Any, receipt_handle: str) -> None:
        for message in self._messages:
            if message.had_receipt_handle(receipt_handle) and message.receipt_handle != receipt_handle:
                return
        delete_any(self, receipt_handle)

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

    SQSBackend.receive_message = receive_message  # type: ignore[method-assign]
    SQSBackend.change_message_visibility = locked(change_message_visibility)  # type: ignore[method-assign]
    SQSBackend.delete_message = locked(SQSBackend.delete_message)  # type: ignore[method-assign]
    Queue.delete_message = delete_message  # type: ignore[method-assign]
    Queue.add_message = locked(Queue.add_message)  # type: ignore[method-assign]
