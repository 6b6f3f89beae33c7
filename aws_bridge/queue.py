"""The SQS queue that notifications come through: receive, delete, keep invisible, send.

A batch call of SQS answers HTTP 200 and may fail for single entries: every entry's answer is read, and what failed for
a moment is tried again
(https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html, 10 entries a call).

Needs ``sqs:ReceiveMessage``, ``sqs:DeleteMessage``, ``sqs:ChangeMessageVisibility``; ``sqs:SendMessage`` for `send`.
"""

from __future__ import annotations

import time
from typing import Any, Callable, Dict, List, NamedTuple, Sequence, Tuple

from aws_bridge.accounts.refusals import refusal
from aws_bridge.clients import code_and_status, errors, said
from aws_bridge.errors import QueueProblem

MAX_BATCH = 10
LONG_POLL_S = 20
#: SQS hides a message for this long at most, counted from its receipt.
LONGEST_VISIBILITY_S = 12 * 3600
#: Before each attempt at an entry that fails in a batch call that succeeds as a whole. The calls themselves are tried
#: again by the client, with botocore's own waits.
ENTRY_PAUSES_S = (0.0, 0.4, 0.8)
#: The receipt is worth nothing any more: the message was deleted, or hidden again for another receiver.
RECEIPT_GONE = (
    "ReceiptHandleIsInvalid",
    "InvalidReceiptHandle",
    "MessageNotInflight",
    "AWS.SimpleQueueService.MessageNotInflight",
)
#: What is done, in words -> the action of a policy.
RECEIVE = ("receive messages", "sqs:ReceiveMessage")
DELETE = ("delete messages", "sqs:DeleteMessage")
HIDE = ("hide messages", "sqs:ChangeMessageVisibility")
SEND = ("send a message", "sqs:SendMessage")
#: Answers that no later attempt changes without somebody's doing.
REFUSALS = (
    "AccessDenied",
    "QueueDoesNotExist",
    "NonExistentQueue",
    "InvalidClientTokenId",
    "UnrecognizedClient",
    "KMS",
)


class Message(NamedTuple):
    """One message, as received."""

    id: str
    receipt: str
    body: str
    #: How often it has been received, this time included; -1 if the queue did not say.
    receive_count: int = -1
    #: Epoch milliseconds; 0 if the queue did not say.
    sent_ms: int = 0


class Failure(NamedTuple):
    """An entry of a batch call that failed in every attempt."""

    message: Message
    code: str
    reason: str

    @property
    def receipt_gone(self) -> bool:
        """Whether the message is not this receiver's any more."""
        return self.code.rsplit("#", 1)[-1] in RECEIPT_GONE


class Queue:
    """One queue, by its URL. Safe to share between threads, as ``client`` (boto3's for SQS) is."""

    def __init__(self, client: Any, url: str) -> None:
        self.url = url
        self._client = client

    def receive(self, most: int, visibility_s: int, wait_s: int = LONG_POLL_S) -> List[Message]:
        """Return up to ``most`` (10) messages, hidden from others for ``visibility_s``; none after ``wait_s`` seconds.

        Raises `QueueProblem`.
        """
        answer = self._call(
            RECEIVE,
            self._client.receive_message,
            MaxNumberOfMessages=min(most, MAX_BATCH),
            VisibilityTimeout=visibility_s,
            WaitTimeSeconds=wait_s,
            MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"],
        )
        return [_message(found) for found in answer.get("Messages", [])]

    def delete(self, messages: Sequence[Message]) -> List[Failure]:
        """Delete messages; return those that are not deleted. Never raises `QueueProblem`."""
        return self._in_batches(DELETE, self._client.delete_message_batch, [(message, {}) for message in messages])

    def change_visibility(self, delays_s: Sequence[Tuple[Message, int]]) -> List[Failure]:
        """Hide each message from now on for so many seconds, 0 for not at all; return those that failed.

        Never raises `QueueProblem`.
        """
        entries = [(message, {"VisibilityTimeout": seconds}) for message, seconds in delays_s]
        return self._in_batches(HIDE, self._client.change_message_visibility_batch, entries)

    def send(self, body: str) -> None:
        """Put a message of ours into the queue. Raises `QueueProblem`."""
        self._call(SEND, self._client.send_message, MessageBody=body)

    def _in_batches(
        self, doing: Tuple[str, str], call: Callable[..., Any], entries: Sequence[Tuple[Message, Dict[str, Any]]]
    ) -> List[Failure]:
        failures: List[Failure] = []
        for start in range(0, len(entries), MAX_BATCH):
            failures += self._batch(doing, call, entries[start : start + MAX_BATCH])
        return failures

    def _batch(
        self, doing: Tuple[str, str], call: Callable[..., Any], entries: Sequence[Tuple[Message, Dict[str, Any]]]
    ) -> List[Failure]:
        # Ids of entries are ours: two copies of one message may be in the same batch with different receipts.
        pending = {str(number): entry for number, entry in enumerate(entries)}
        failures: Dict[str, Failure] = {}
        for pause_s in ENTRY_PAUSES_S:
            time.sleep(pause_s)
            sent = [{"Id": id, "ReceiptHandle": message.receipt, **more} for id, (message, more) in pending.items()]
            try:
                answer = self._call(doing, call, Entries=sent)
            except QueueProblem as exc:  # the client has tried again already
                return [Failure(message, "", str(exc)) for message, _ in pending.values()] + [
                    failure for id, failure in failures.items() if id not in pending
                ]
            again = {}
            done = {entry["Id"] for entry in answer.get("Successful", [])}
            for failed in answer.get("Failed", []):
                message = pending[failed["Id"]][0]
                failures[failed["Id"]] = Failure(
                    message, failed.get("Code", ""), failed.get("Message") or failed["Code"]
                )
                if not failed.get("SenderFault"):
                    again[failed["Id"]] = pending[failed["Id"]]
            for id in done:
                failures.pop(id, None)
            for id in pending.keys() - done - failures.keys():  # an answer that forgets an entry
                failures[id] = Failure(pending[id][0], "", "the queue did not say what became of it")
            pending = again
            if not pending:
                break
        return list(failures.values())

    def _call(self, doing: Tuple[str, str], call: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return call(QueueUrl=self.url, **arguments)
        except errors() as exc:
            text, action = doing
            code, _ = code_and_status(exc)
            refused = any(word in code for word in REFUSALS)
            problem = refusal(exc, action, self.url, known_elsewhere=False)
            next_step = (
                "Check the queue's URL, its policy, and that this account has sqs:ReceiveMessage, sqs:DeleteMessage, "
                "sqs:ChangeMessageVisibility, and kms:Decrypt on its key if it has one"
                if refused
                else "It is tried again"
            )
            if problem.call != action:  # a role was not assumed, which its own words say
                next_step = str(problem)
            raise QueueProblem(f"cannot {text} at {self.url}: {said(exc)}. {next_step}", refused=refused).about(
                problem, "kms:Decrypt" if "KMS" in code.upper() else ""
            ) from exc


def _message(found: Dict[str, Any]) -> Message:
    attributes = found.get("Attributes", {})
    return Message(
        found["MessageId"],
        found["ReceiptHandle"],
        found["Body"],
        int(attributes.get("ApproximateReceiveCount", -1)),
        int(attributes.get("SentTimestamp", 0)),
    )
