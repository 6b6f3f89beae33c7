"""Which messages of a batch fail, and what goes back into the queue: the intake is a table, the queue moto's."""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, List, Tuple

import pytest

from aws_bridge.object_ref import ObjectRef
from aws_bridge.queue import Queue
from collectors.delivery.object_log import ObjectLog
from collectors.delivery.outcome import DONE, RETRY, UNFINISHED, ObjectResult
from collectors.delivery.redelivery import OUTAGE, seen_again_s
from collectors.delivery.work import MAX_HOPS, Work, continuation, read_work
from collectors.errors import IntakeStopped, StoreUnavailable
from collectors.lambda_function.batch import Batch, messages_of
from lab.front.faults import FaultyServer
from tests.account import EVENTS, notification_of


class Table:
    """An intake whose answers are given by key; notes what it was asked for."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.asked: List[Tuple[str, int]] = []

    def take(self, ref: ObjectRef, *, first_number: int = 1, seconds_left: Callable[[], float] = float) -> ObjectResult:
        self.asked.append((ref.key, first_number))
        answer = self.answers.get(ref.key, ObjectResult(outcome=DONE))
        if isinstance(answer, Exception):
            raise answer
        return answer


def objects(*keys: str) -> str:
    return notification_of(*(ObjectRef("b", key) for key in keys))


class Run:
    """A batch of messages with these bodies, received from a queue of its own and run."""

    def __init__(
        self, account, taker: Any, *bodies: str, seconds_left: Callable[[], float] = lambda: 60.0, expected: Any = ()
    ) -> None:
        self.urls = account.new_queue()
        self.account = account
        for body in bodies:
            account.send(self.urls, body)
        self.queue = Queue(account.sqs, self.urls.url)
        self.messages = sorted(
            (message for _ in bodies for message in self.queue.receive(10, 600, wait_s=0)),
            key=lambda message: bodies.index(message.body),
        )
        self.batch = Batch(taker, self.queue, ObjectLog(), seconds_left, frozenset(expected))
        self.answer = self.batch.run(self.messages)

    @property
    def failed(self) -> List[int]:
        """The places of the messages that failed."""
        ids = [message.id for message in self.messages]
        return [ids.index(each["itemIdentifier"]) for each in self.answer["batchItemFailures"]]

    def passed_on(self) -> List[Work]:
        """What was put into the queue."""
        found = self.queue.receive(10, 600, wait_s=0)
        return [work for message in found for work in read_work(message.body).work]


def test_a_message_about_another_bucket_fails_and_what_is_expected_in_it_is_loaded(account):
    taker = Table()
    strange = notification_of(ObjectRef("b", "ours"), ObjectRef("theirs", "x"))
    forged = continuation(Work(ObjectRef("theirs", "y"), 5))
    run = Run(account, taker, objects("a"), strange, forged, expected=["b", "c"])
    assert run.failed == [1, 2]
    assert [key for key, _ in taker.asked] == ["a", "ours"]
    assert run.passed_on() == []


def test_only_the_messages_that_failed_are_in_the_answer(account):
    taker = Table(unreadable=ObjectResult(outcome=RETRY))
    run = Run(account, taker, objects("a"), "poison", objects("b", "unreadable", "c"), '{"Event":"s3:TestEvent"}')
    assert run.failed == [1, 2]
    assert [key for key, _ in taker.asked] == ["a", "b", "unreadable", "c"]
    assert run.passed_on() == []


def test_nothing_failed_is_an_empty_list(account):
    assert Run(account, Table(), objects("a")).answer == {"batchItemFailures": []}


def test_the_rest_of_an_object_and_objects_not_begun_go_back_into_the_queue(account):
    taker = Table(large=ObjectResult(outcome=UNFINISHED, next_number=501))
    left = iter([1.0, 1.0, 0.0, 0.0])
    bodies = (objects("a", "large", "not begun"), objects("next message"))
    run = Run(account, taker, *bodies, seconds_left=lambda: next(left, 0.0))
    assert run.failed == []
    assert taker.asked == [("a", 1), ("large", 1)]
    assert sorted(run.passed_on()) == [
        Work(ObjectRef("b", "large"), 501, 1),
        Work(ObjectRef("b", "next message"), 1, 1),
        Work(ObjectRef("b", "not begun"), 1, 1),
    ]


def test_what_was_passed_on_goes_on_at_its_record(account):
    taker = Table(large=ObjectResult(outcome=UNFINISHED, next_number=900))
    run = Run(account, taker, continuation(Work(ObjectRef("b", "large"), 501, 7)))
    assert taker.asked == [("large", 501)]
    assert run.passed_on() == [Work(ObjectRef("b", "large"), 900, 9)]


def test_a_chain_without_end_becomes_a_failure(account):
    taker = Table(large=ObjectResult(outcome=UNFINISHED, next_number=502))
    run = Run(account, taker, continuation(Work(ObjectRef("b", "large"), 501, MAX_HOPS - 1)))
    assert run.failed == [0]
    assert run.passed_on() == []


def test_a_message_of_which_one_object_cannot_be_read_is_tried_again_as_a_whole(account):
    taker = Table(unreadable=ObjectResult(outcome=RETRY), large=ObjectResult(outcome=UNFINISHED, next_number=2))
    run = Run(account, taker, objects("unreadable", "large"))
    assert run.failed == [0]
    assert run.passed_on() == []


def test_a_rest_that_cannot_be_sent_makes_the_message_a_failure(account):
    taker = Table(large=ObjectResult(outcome=UNFINISHED, next_number=501))
    run = Run(account, taker)
    with FaultyServer() as server:
        gone = server.url
    batch = Batch(taker, Queue(account.client("sqs", gone), f"{gone}/1/q"), ObjectLog(), lambda: 60.0)
    account.send(run.urls, objects("large"))
    message = run.queue.receive(1, 600, wait_s=0)[0]
    assert batch.run([message]) == {"batchItemFailures": [{"itemIdentifier": message.id}]}


@pytest.mark.parametrize("problem", [StoreUnavailable("the disk is full"), IntakeStopped("not allowed")])
def test_a_cluster_that_takes_nothing_ends_the_batch_and_hides_what_is_left(account, problem):
    taker = Table(second=problem)
    run = Run(account, taker, objects("first"), objects("second"), objects("third"), objects("fourth"))
    assert run.failed == [1, 2, 3]
    assert [key for key, _ in taker.asked] == ["first", "second"]
    assert run.batch.outage is not None
    assert (run.batch.outage.reason, run.batch.outage.ref.key) == (str(problem), "second")
    assert account.visible(run.urls.url) == 0


def test_a_fault_of_ours_in_one_message_fails_that_message_only(account, capsys):
    run = Run(account, Table(fault=ZeroDivisionError("ours")), objects("fault"), objects("b"))
    assert run.failed == [0]
    assert "ZeroDivisionError: ours" in capsys.readouterr().err


def test_a_message_that_failed_is_seen_again_after_the_delay_and_not_after_the_queues_own(account, monkeypatch):
    delays: List[Any] = []
    monkeypatch.setattr(Queue, "change_visibility", lambda self, entries: delays.extend(entries) or [])
    run = Run(account, Table(out=StoreUnavailable("down")), "poison", objects("out"))
    assert [(message.id, seconds) for message, seconds in delays] == [
        (run.messages[0].id, 30),
        (run.messages[1].id, 15 * 60),
    ]


@pytest.mark.parametrize("max_receive_count", [5, 10])
def test_six_hours_without_the_cluster_are_shorter_than_the_queues_patience_even_if_nothing_is_switched_off(
    max_receive_count,
):
    assert sum(seen_again_s(OUTAGE, receipt) for receipt in range(1, max_receive_count + 1)) > 6 * 3600
    assert all(seen_again_s(OUTAGE, receipt) <= 12 * 3600 for receipt in range(-1, 100))


def test_the_event_that_lambda_hands_over_becomes_messages():
    found = messages_of(json.loads((EVENTS / "lambda_sqs_batch.json").read_text()))
    assert [(each.id, each.receive_count, each.sent_ms) for each in found] == [
        ("059f36b4-87a3-44ab-83d2-661975830a7d", 1, 1795236962114)
    ]
    assert len(read_work(found[0].body).work) == 1


@pytest.mark.parametrize("event", [{}, {"Records": [{"eventSource": "aws:s3"}]}, {"hello": 1}, [], "text"])
def test_any_other_event_is_refused(event: Dict[str, Any]):
    with pytest.raises(ValueError, match="batches of an SQS queue"):
        messages_of(event)


def test_the_metrics_of_an_object_are_lines_that_cloudwatch_reads(account, capsys):
    key = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/21/x.json.gz"
    result = ObjectResult("cloudtrail", records=6, stored=3, already_there=2, dead=1, newest_ms=1_000)
    Run(account, Table(**{key: result}), objects(key))
    line = json.loads(capsys.readouterr().out.splitlines()[0])
    dimensions = {"Account": "111122223333", "Region": "eu-west-1", "Source": "cloudtrail"}
    directive = line["_aws"]["CloudWatchMetrics"][0]
    assert directive["Namespace"] == "AwsSiemBridge"
    assert directive["Dimensions"] == [["Account", "Region", "Source"]]
    assert [metric["Name"] for metric in directive["Metrics"]] == ["Records", "DeadLetters", "LagSeconds"]
    assert {name: line[name] for name in dimensions} == dimensions
    assert (line["Records"], line["DeadLetters"]) == (5, 1)
    assert line["LagSeconds"] > 1_000_000
