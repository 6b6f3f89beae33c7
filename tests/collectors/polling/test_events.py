"""Events from a queue: written once, deleted late, and what is none is left to the redrive policy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from aws_bridge.queue import Queue
from collectors.polling.budget import DailyBudget
from collectors.polling.counts import Counts
from collectors.polling.events import EventQueue, event_of
from collectors.polling.memory import Memory
from collectors.polling.position import Risk
from collectors.polling.writer import FindingWriter, Rules
from tests.collectors.polling.listed import NOW_MS
from tests.collectors.polling.test_poller import Kept

pytestmark = pytest.mark.splunk_python

DATA = Path(__file__).resolve().parents[2] / "data" / "findings"


def example(dataset: str, name: str) -> Dict[str, Any]:
    found: Dict[str, Any] = json.loads((DATA / f"{dataset}.json").read_text("utf-8"))[name]["event"]
    return found


class Sqs:
    """The client of a queue, as far as this uses it; hidden messages come again when the test says so."""

    def __init__(self) -> None:
        self.waiting: List[Dict[str, Any]] = []
        self.hidden: Dict[str, Dict[str, Any]] = {}
        self.visibility_s = 0

    def put(self, body: str) -> None:
        number = str(len(self.waiting) + len(self.hidden))
        self.waiting.append({"MessageId": f"m{number}", "ReceiptHandle": f"r{number}", "Body": body})

    def receive_message(self, MaxNumberOfMessages: int, VisibilityTimeout: int, **_: Any) -> Dict[str, Any]:
        self.visibility_s = VisibilityTimeout
        taken, self.waiting = self.waiting[:MaxNumberOfMessages], self.waiting[MaxNumberOfMessages:]
        self.hidden.update({each["ReceiptHandle"]: each for each in taken})
        return {"Messages": taken}

    def delete_message_batch(self, Entries: List[Dict[str, str]], **_: Any) -> Dict[str, Any]:
        for entry in Entries:
            del self.hidden[entry["ReceiptHandle"]]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def come_again(self) -> None:
        self.waiting += self.hidden.values()
        self.hidden = {}


class Input:
    def __init__(self, folder: Path) -> None:
        self.folder, self.sqs, self.kept, self.now_ms = folder, Sqs(), Kept(), NOW_MS

    def start(self, **more: Any) -> EventQueue:
        memory = Memory(self.folder / "seen", 1024)
        writer = FindingWriter(
            self.kept, memory, DailyBudget(0), Counts(), Rules(), lambda: self.now_ms,
            risks=[Risk(self.now_ms - 900_000, self.now_ms)], undeleted_is_unwritten=True,
        )  # fmt: skip
        return EventQueue(Queue(self.sqs, "https://sqs/q"), writer, lambda: self.now_ms, **more)


@pytest.fixture
def world(tmp_path) -> Input:
    return Input(tmp_path)


def test_messages_are_deleted_some_time_after_the_flush_and_not_before_they_are_taken(world: Input):
    for name in ("failed_control", "custom_action_with_two"):
        world.sqs.put(json.dumps(example("securityhub", name)))
    events = world.start()
    world.kept.taken = False
    turn = events.turn(0)
    assert (turn.messages, turn.written, events.waiting) == (2, 3, 2) and turn.lag_ms > 0
    assert world.sqs.visibility_s == 900
    world.now_ms += 299_000
    events.turn(0)
    assert len(world.sqs.hidden) == 2
    world.now_ms += 1_000
    assert events.delete_due() == [] and len(world.sqs.hidden) == 2
    world.kept.taken = True
    assert events.delete_due() == [] and not world.sqs.hidden


def test_what_comes_twice_is_written_once_and_after_a_kill_again(world: Input):
    world.sqs.put(json.dumps(example("guardduty", "ssh_brute_force")))
    events = world.start()
    assert events.turn(0).written == 1
    world.sqs.come_again()
    assert (events.turn(0).known, len(world.kept.records)) == (1, 1)
    world.now_ms += 3 * 3_600_000
    world.sqs.come_again()
    assert world.start().turn(0).written == 1
    assert len({record.identity for record in world.kept.records}) == 1


@pytest.mark.parametrize("body", ["", "{", "[]", '{"a":1}', '{"Type":"Notification","Message":"x"}'])
def test_what_is_no_event_is_said_and_left_in_the_queue(world: Input, body: str):
    world.sqs.put(body)
    world.sqs.put(json.dumps(example("macie", "public_bucket")))
    events = world.start()
    turn = events.turn(0)
    assert turn.written == 1 and len(turn.bad) == 1 and "it is no event of EventBridge" in turn.bad[0]
    world.now_ms += 3_600_000
    events.delete_due()
    assert [each["Body"] for each in world.sqs.hidden.values()] == [body]


def test_sns_may_have_wrapped_it_and_other_sources_are_passed_over(world: Input):
    event = example("accessanalyzer", "public_role")
    assert event_of(json.dumps({"Type": "Notification", "Message": json.dumps(event)})) == event
    world.sqs.put(json.dumps(event))
    world.sqs.put(json.dumps(example("event", "of_the_users_own_rule")))
    events = world.start(datasets={"accessanalyzer"})
    turn = events.turn(0)
    assert turn.written == 1 and turn.passed_over == 1 and events.waiting == 2
