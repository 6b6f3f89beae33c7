"""Web ACL logs out of a queue: what is kept and why, what is dropped, what becomes of an object that is not read."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any, Dict, List

import pytest

from aws_bridge.objects import LocalObjects
from aws_bridge.queue import Queue
from collectors.polling.budget import DailyBudget
from collectors.polling.counts import Counts
from collectors.polling.objects import ObjectQueue
from collectors.sources.waf.selected import Selected, kept, selected
from tests.collectors.polling.listed import NOW_MS
from tests.collectors.polling.test_events import Sqs
from tests.collectors.polling.test_poller import Kept

pytestmark = pytest.mark.splunk_python

DATA = Path(__file__).resolve().parents[2] / "data" / "waf"
GROUP = {"ruleGroupId": "g", "terminatingRule": {"ruleId": "sqli", "action": "BLOCK"}}


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"action": "ALLOW", "terminatingRuleId": "Default_Action"}, None),
        ({"action": "BLOCK", "terminatingRuleId": "geo", "terminatingRuleType": "REGULAR"}, ("blocked", "geo")),
        (
            {"action": "BLOCK", "terminatingRuleId": "rate", "terminatingRuleType": "RATE_BASED"},
            ("rate_limited", "rate"),
        ),
        ({"action": "BLOCK", "terminatingRuleType": "GROUP", "ruleGroupList": [GROUP]}, ("blocked", "sqli")),
        ({"action": "CAPTCHA", "terminatingRuleId": "c"}, ("captcha", "c")),
        ({"action": "CHALLENGE", "terminatingRuleId": "c"}, ("challenged", "c")),
        ({"action": "MONETIZE", "terminatingRuleId": "bots"}, ("monetised", "bots")),
        ({"action": "ALLOW", "nonTerminatingMatchingRules": [{"ruleId": "n", "action": "COUNT"}]}, ("counted", "n")),
        ({"action": "ALLOW", "rateBasedRuleList": [{"rateBasedRuleName": "r"}]}, ("counted", "r")),
        ({"action": 7}, None),
    ],
)
def test_what_is_kept_and_why(fields, why):
    assert selected(fields) == (Selected(*why) if why else None)


class Input:
    def __init__(self, folder: Path) -> None:
        self.folder, self.sqs, self.kept, self.now_ms = folder, Sqs(), Kept(), NOW_MS
        self.counts = Counts()

    def put(self, name: str, lines: List[bytes], *, there: bool = True) -> None:
        key = f"AWSLogs/111122223333/WAFLogs/eu-west-1/shop/{name}.log.gz"
        if there:
            (self.folder / key).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / key).write_bytes(gzip.compress(b"\n".join(lines)))
        event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "logs"}, "object": {"key": key}}}
        self.sqs.put(json.dumps({"Records": [event]}))

    def start(self, ceiling: int = 0, **more: Any) -> ObjectQueue:
        objects = LocalObjects(self.folder, "logs")
        budget = DailyBudget(ceiling)
        return ObjectQueue(
            Queue(self.sqs, "https://sqs/q"),
            objects,
            kept,
            self.kept,
            budget,
            self.counts,
            lambda: self.now_ms,
            300,
            **more,
        )

    def events(self) -> List[Dict[str, Any]]:
        return [json.loads(record.text) for record in self.kept.records]


@pytest.fixture
def world(tmp_path: Path) -> Input:
    return Input(tmp_path)


def examples() -> List[bytes]:
    return [line for path in sorted(DATA.glob("*.jsonl")) for line in path.read_bytes().splitlines()]


def test_detections_of_the_examples_are_written_as_they_are_and_the_rest_is_counted(world: Input):
    lines = examples()
    world.put("a", lines)
    events = world.start()
    turn = events.turn(0)
    assert turn.written + turn.dropped == len(lines) and turn.dropped > 0 and turn.bad == []
    found = world.events()
    assert {event["siem_bridge_action"] for event in found} >= {"blocked", "counted", "rate_limited"}
    assert [json.dumps({k: v for k, v in event.items() if not k.startswith("siem_bridge_")}) for event in found] == [
        json.dumps(json.loads(line)) for line in lines if selected(json.loads(line))
    ]
    assert len({event["siem_bridge_id"] for event in found}) == len(found)
    assert {record.origin.account for record in world.kept.records if record.origin} >= {"111122223333"}
    world.now_ms += 301_000
    assert events.delete_due() == [] and not world.sqs.hidden


def test_what_cannot_be_read_is_said_and_only_what_is_gone_is_done(world: Input):
    blocked = next(line for line in examples() if (selected(json.loads(line)) or ("",))[0] == "blocked")
    world.put("broken", [blocked, b"{", b'{"other":1}'])
    world.put("gone", [], there=False)
    world.sqs.put("x")
    events = world.start()
    turns = [events.turn(0), events.turn(0)]
    said = " ".join(text for turn in turns for text in turn.bad)
    assert turns[0].written == 1 and "record 2: the record is not JSON" in said and "has no webaclId" in said
    assert "is not there" in said and "redrive policy decides" in said
    assert events.waiting == 2


def test_a_sample_is_even_and_the_same_again(world: Input):
    blocked = next(line for line in examples() if (selected(json.loads(line)) or ("",))[0] == "blocked")
    world.put("many", [blocked] * 1000)
    turn = world.start(sample_percent=10).turn(0)
    assert (turn.written, turn.dropped) == (100, 900)
    world.sqs.come_again()
    world.start(sample_percent=10).turn(0)
    assert len({event["siem_bridge_id"] for event in world.events()}) == 100


def test_beyond_the_ceiling_requests_are_counted_by_rule_client_and_host(world: Input):
    blocked = next(line for line in examples() if (selected(json.loads(line)) or ("",))[0] == "blocked")
    world.put("many", [blocked] * 50)
    turn = world.start(ceiling=10 * len(blocked)).turn(0)
    assert 0 < turn.written < 10 and turn.over_ceiling == 50 - turn.written
    ((key, number),) = world.counts.take()
    client = json.loads(blocked)["httpRequest"]["clientIp"]
    assert number == turn.over_ceiling and key.resource.startswith(client) and key.rule
