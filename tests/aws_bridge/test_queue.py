"""The queue's calls, against the moto server, and against answers that are wrong on purpose."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

from aws_bridge import queue as queue_module
from aws_bridge.errors import QueueProblem
from aws_bridge.queue import Message, Queue
from lab.front.faults import FaultyServer
from lab.front.server import Reply


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(queue_module, "ENTRY_PAUSES_S", (0.0,) * 3)


def messages(count: int):
    return [Message(f"id-{number}", f"receipt-{number}", "body") for number in range(count)]


def answer(successful=(), failed=()) -> Reply:
    body = {
        "Successful": [{"Id": str(each)} for each in successful],
        "Failed": [{"Id": str(each), **facts} for each, facts in failed],
    }
    return Reply(200, json.dumps(body).encode())


def entries(received) -> Dict[str, Any]:
    return json.loads(received.body)["Entries"]


def test_a_message_says_when_it_was_sent_and_how_often_it_was_received(account):
    urls = account.new_queue()
    account.send(urls, "hello")
    queue = Queue(account.sqs, urls.url)
    first = queue.receive(10, visibility_s=30, wait_s=0)[0]
    assert (first.body, first.receive_count) == ("hello", 1)
    assert first.sent_ms > 1_600_000_000_000
    assert queue.receive(10, visibility_s=30, wait_s=0) == []
    assert queue.change_visibility([(first, 0)]) == []
    assert queue.receive(10, visibility_s=30, wait_s=0)[0].receive_count == 2


def test_more_than_a_batch_is_deleted(account):
    urls = account.new_queue()
    for number in range(23):
        account.send(urls, str(number))
    queue = Queue(account.sqs, urls.url)
    received = [message for _ in range(3) for message in queue.receive(10, visibility_s=30, wait_s=0)]
    assert len(received) == 23
    assert queue.delete(received) == []
    assert account.left(urls.url) == 0


def test_an_entry_that_fails_is_tried_again_and_the_others_are_not(account):
    busy = {"Code": "InternalError", "Message": "busy", "SenderFault": False}
    with FaultyServer([answer([0, 2], [(1, busy)]), answer([], [(1, busy)]), answer([1])]) as server:
        queue = Queue(account.client("sqs", server.url), f"{server.url}/111122223333/logs")
        assert queue.delete(messages(3)) == []
        assert [[entry["ReceiptHandle"] for entry in entries(each)] for each in server.received] == [
            ["receipt-0", "receipt-1", "receipt-2"],
            ["receipt-1"],
            ["receipt-1"],
        ]


def test_an_entry_that_fails_every_time_is_told(account):
    busy = {"Code": "InternalError", "Message": "busy", "SenderFault": False}
    with FaultyServer([answer([0], [(1, busy)])] + [answer([], [(1, busy)])] * 5) as server:
        queue = Queue(account.client("sqs", server.url), f"{server.url}/111122223333/logs")
        failures = queue.delete(messages(2))
        assert [(each.message.id, each.reason, each.receipt_gone) for each in failures] == [("id-1", "busy", False)]
        assert len(server.received) == len(queue_module.ENTRY_PAUSES_S)


def test_a_receipt_that_is_gone_is_not_tried_again(account):
    gone = {"Code": "ReceiptHandleIsInvalid", "Message": "gone", "SenderFault": True}
    with FaultyServer([answer([1], [(0, gone)])]) as server:
        queue = Queue(account.client("sqs", server.url), f"{server.url}/111122223333/logs")
        failures = queue.change_visibility([(message, 60) for message in messages(2)])
        assert [(each.message.id, each.receipt_gone) for each in failures] == [("id-0", True)]
        assert len(server.received) == 1


def test_an_answer_that_forgets_an_entry_is_a_failure(account):
    with FaultyServer([answer([0])]) as server:
        queue = Queue(account.client("sqs", server.url), f"{server.url}/111122223333/logs")
        assert [each.message.id for each in queue.delete(messages(2))] == ["id-1"]


def test_a_queue_that_cannot_be_reached_fails_every_entry(account):
    with FaultyServer() as server:
        url = server.url
    queue = Queue(account.client("sqs", url), f"{url}/111122223333/logs")
    failures = queue.delete(messages(12))
    assert [each.message.id for each in failures] == [f"id-{number}" for number in range(12)]
    assert "cannot delete messages" in failures[0].reason


def test_a_queue_that_is_not_there_is_a_refusal_that_says_what_to_check(account):
    queue = Queue(account.sqs, account.url + "/123456789012/no-such-queue")
    with pytest.raises(QueueProblem, match="Check the queue's URL") as caught:
        queue.receive(1, visibility_s=30, wait_s=0)
    assert caught.value.refused


def test_a_queue_that_is_unwell_is_no_refusal(account):
    unwell = Reply(503, b'{"__type":"ServiceUnavailable"}')
    with FaultyServer([unwell] * 20) as server:
        queue = Queue(account.client("sqs", server.url), f"{server.url}/111122223333/logs")
        with pytest.raises(QueueProblem, match="It is tried again") as caught:
            queue.send("body")
        assert not caught.value.refused
