"""What goes into an event and what an answer means, by the tables of AWS's documentation."""

from __future__ import annotations

import json
from typing import Any, List

import pytest

from lab.lambda_runtime import Answer
from lab.lambda_runtime.batches import MAX_PAYLOAD_BYTES, PARTIAL, event_of, failed_ids, split_to_fit

ARN = "arn:aws:sqs:eu-west-1:123456789012:objects"
SENT = ["a", "b", "c"]


def message(number: int, body: str = "{}") -> Any:
    return {
        "MessageId": f"m{number}",
        "ReceiptHandle": f"r{number}",
        "Body": body,
        "MD5OfBody": "0" * 32,
        "Attributes": {"ApproximateReceiveCount": "1"},
        "MessageAttributes": {"kind": {"StringValue": "x", "DataType": "String"}},
    }


def test_a_message_has_lambdas_names_in_the_event() -> None:
    assert json.loads(event_of([message(1)], ARN)) == {
        "Records": [
            {
                "messageId": "m1",
                "receiptHandle": "r1",
                "body": "{}",
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {
                    "kind": {
                        "stringValue": "x",
                        "stringListValues": [],
                        "binaryListValues": [],
                        "dataType": "String",
                    }
                },
                "md5OfBody": "0" * 32,
                "eventSource": "aws:sqs",
                "eventSourceARN": ARN,
                "awsRegion": "eu-west-1",
            }
        ]
    }


def test_messages_that_do_not_fit_into_one_event_make_several() -> None:
    messages = [message(number, "é" * 300_000) for number in range(8)]  # 6 bytes each in JSON
    groups = split_to_fit(messages, ARN)
    assert len(groups) > 1
    assert [one for group in groups for one in group] == messages
    assert all(len(event_of(group, ARN)) <= MAX_PAYLOAD_BYTES for group in groups)
    assert len(event_of(groups[0] + groups[1][:1], ARN)) > MAX_PAYLOAD_BYTES, "the first could have held one more"


def test_no_messages_make_no_event() -> None:
    assert split_to_fit([], ARN) == []


@pytest.mark.parametrize(
    ("payload", "stay"),
    [
        ({"batchItemFailures": []}, []),
        ({"batchItemFailures": None}, []),
        ({}, []),
        (None, []),
        ({"batchItemFailures": [{"itemIdentifier": "b"}]}, ["b"]),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "c"}]}, ["b", "c"]),
        ({"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "unknown"}]}, SENT),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, SENT),
        ({"batchItemFailures": [{"itemIdentifier": None}]}, SENT),
        ({"batchItemFailures": [{"itemId": "b"}]}, SENT),
        ({"batchItemFailures": ["b"]}, SENT),
        ({"batchItemFailures": "b"}, SENT),
        ("Success", SENT),
    ],
)
def test_which_messages_stay_in_the_queue(payload: Any, stay: List[str]) -> None:
    assert sorted(failed_ids(Answer(payload), SENT, [PARTIAL])) == stay


def test_a_function_error_keeps_the_whole_batch() -> None:
    assert sorted(failed_ids(Answer(None, "ValueError", "no"), SENT, [PARTIAL])) == SENT


def test_without_partial_answers_whatever_is_returned_is_success() -> None:
    assert failed_ids(Answer({"batchItemFailures": [{"itemIdentifier": "b"}]}), SENT, []) == set()
