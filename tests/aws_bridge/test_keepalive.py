"""Messages are kept hidden from the moment of receipt: with a clock that the test turns, and for real against moto."""

from __future__ import annotations

import threading
from typing import List, Sequence, Tuple

from aws_bridge.keepalive import Change, Keepalive
from aws_bridge.queue import LONGEST_VISIBILITY_S, Failure, Message, Queue

GONE = "ReceiptHandleIsInvalid"


class FakeQueue:
    """Notes what is to be hidden; ``fails`` are codes by receipt."""

    def __init__(self) -> None:
        self.calls: List[List[Tuple[str, int]]] = []
        self.fails: dict[str, str] = {}

    def change_visibility(self, delays_s: Sequence[Tuple[Message, int]]) -> List[Failure]:
        self.calls.append([(message.receipt, seconds) for message, seconds in delays_s])
        return [
            Failure(message, self.fails[message.receipt], "no")
            for message, _ in delays_s
            if message.receipt in self.fails
        ]


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def made(visibility_s: int = 120):
    queue, clock, changes = FakeQueue(), Clock(), []  # type: ignore[var-annotated]
    return queue, clock, changes, Keepalive(queue, visibility_s, changes.append, clock)  # type: ignore[arg-type]


def message(name: str) -> Message:
    return Message(name, name, "")


def test_all_that_were_received_together_are_extended_at_half_of_their_time_again_and_again():
    queue, clock, changes, keepalive = made()
    keepalive.hold([message("a"), message("b")])
    for _ in range(2):
        clock.now_s += 59
        keepalive.extend_due()
        clock.now_s += 1
        keepalive.extend_due()
    assert queue.calls == [[("a", 120), ("b", 120)]] * 2
    assert changes == []


def test_what_is_let_go_is_extended_no_more():
    queue, clock, _, keepalive = made()
    keepalive.hold([message("a"), message("b")])
    assert keepalive.let_go(message("a"))
    assert not keepalive.let_go(message("a"))
    clock.now_s += 60
    keepalive.extend_due()
    assert queue.calls == [[("b", 120)]]


def test_an_invalid_receipt_ends_it_at_once():
    queue, clock, changes, keepalive = made()
    keepalive.hold([message("a"), message("b")])
    queue.fails = {"a": GONE}
    clock.now_s += 60
    keepalive.extend_due()
    assert [(each.message.id, each.lost) for each in changes] == [("a", True)]
    assert [each.id for each in keepalive.held()] == ["b"]


def test_an_extension_that_fails_is_told_and_tried_again_until_the_time_is_over():
    queue, clock, changes, keepalive = made()
    keepalive.hold([message("a")])
    queue.fails = {"a": "InternalError"}
    while keepalive.held():
        clock.now_s += 1
        keepalive.extend_due()
        assert clock.now_s < 1200
    assert clock.now_s >= 1120
    assert [each.lost for each in changes] == [False] * (len(changes) - 1) + [True]
    assert len(changes) > 3


def test_one_that_works_in_time_makes_up_for_those_that_failed():
    queue, clock, changes, keepalive = made()
    keepalive.hold([message("a")])
    queue.fails = {"a": "InternalError"}
    clock.now_s += 60
    keepalive.extend_due()
    queue.fails = {}
    clock.now_s += 30
    keepalive.extend_due()
    clock.now_s += 60
    keepalive.extend_due()
    assert [each.lost for each in changes] == [False]
    assert len(queue.calls) == 3
    assert keepalive.held()


def test_after_twelve_hours_in_total_it_is_let_go_without_asking_for_more_than_sqs_allows():
    queue, clock, changes, keepalive = made(visibility_s=3600)
    keepalive.hold([message("a")])
    started_s = clock.now_s
    while keepalive.held():
        clock.now_s += 60
        keepalive.extend_due()
        if len(queue.calls) and keepalive.held():
            assert clock.now_s + queue.calls[-1][0][1] <= started_s + LONGEST_VISIBILITY_S + 3600
    assert clock.now_s - started_s == LONGEST_VISIBILITY_S - 60
    assert [each.lost for each in changes] == [True]
    assert "12 hours" in changes[0].reason
    assert queue.calls[-1][0][1] < 3600


def test_ten_messages_received_together_stay_hidden_for_as_long_as_they_are_held(account):
    urls = account.new_queue(visibility_s=30)
    for number in range(10):
        account.send(urls, str(number))
    queue = Queue(account.sqs, urls.url)
    changes: List[Change] = []
    keepalive = Keepalive(queue, 2, changes.append)
    keepalive.start()
    received = queue.receive(10, visibility_s=2, wait_s=0)
    keepalive.hold(received)
    assert len(received) == 10
    assert queue.receive(10, visibility_s=2, wait_s=5) == []  # more than twice their own time
    for each in received:
        keepalive.let_go(each)
    again = queue.receive(10, visibility_s=30, wait_s=20)
    keepalive.stop()
    assert len(again) > 0
    assert again[0].receive_count == 2
    assert changes == []
    assert not any(thread.name == "keepalive" for thread in threading.enumerate())
