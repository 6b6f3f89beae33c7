"""What Lambda makes of an SQS queue's messages, and of a function's answer. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import json
from typing import Any, Collection, Dict, List, Sequence, Set

from lab.lambda_runtime.environment import Answer

#: A synchronous invocation's payload, in bytes.
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
PARTIAL = "ReportBatchItemFailures"


def event_of(messages: Sequence[Dict[str, Any]], queue_arn: str) -> bytes:
    """Return the event for messages as boto3 returns them."""
    return json.dumps({"Records": [record_of(message, queue_arn) for message in messages]}).encode()


def record_of(message: Dict[str, Any], queue_arn: str) -> Dict[str, Any]:
    """Return one message as it is in an event: the names are not those of SQS's own interface."""
    attributes = {
        name: {
            "stringValue": value.get("StringValue"),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": value["DataType"],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message.get("Attributes", {}),
        "messageAttributes": attributes,
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }


def split_to_fit(messages: Sequence[Dict[str, Any]], queue_arn: str) -> List[List[Dict[str, Any]]]:
    """Return the messages in groups whose events are small enough for one invocation each, in order."""
    groups: List[List[Dict[str, Any]]] = [[]]
    size = 0
    for message in messages:
        needs = len(json.dumps(record_of(message, queue_arn))) + 2
        if groups[-1] and size + needs > MAX_PAYLOAD_BYTES - 100:
            groups.append([])
            size = 0
        groups[-1].append(message)
        size += needs
    return [group for group in groups if group]


def failed_ids(answer: Answer, sent: Collection[str], response_types: Collection[str]) -> Set[str]:
    """Return which of the message ids ``sent`` stay in the queue.

    All of them after a function error, and after an answer that names an id that was not sent, no id or is no answer of
    this kind at all; none after one without failures.
    """
    if answer.failed:
        return set(sent)
    if PARTIAL not in response_types or answer.payload is None:
        return set()
    if not isinstance(answer.payload, dict):
        return set(sent)
    failures = answer.payload.get("batchItemFailures")
    if not failures and (failures is None or isinstance(failures, list)):
        return set()
    if not isinstance(failures, list):
        return set(sent)
    found = {each.get("itemIdentifier") if isinstance(each, dict) else None for each in failures}
    return found if found <= set(sent) else set(sent)  # type: ignore[return-value]
