"""The shipped searches that watch the inputs, over the health events that inputs write."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest
from aws_inputs.health import Health

from aws_bridge.errors import Denied, Throttled
from collectors.polling.writer import Tally
from lab.splunkd.conf import read_conf
from savedsearches.runner.macros import read_macros
from savedsearches.runner.moment import Moment
from savedsearches.runner.run import run_to_list
from savedsearches.runner.session import Session
from tests.splunk_app.inputs.indexed import MACROS, rows_of

SEARCHES = read_conf(MACROS.parent / "savedsearches.conf")
NOW_S = 1_796_040_000
MINUTE_S = 60


class Inputs:
    """Health events and the log of inputs, as an indexer has them."""

    def __init__(self) -> None:
        self.events: List[Dict[str, Any]] = []
        self.now_s = NOW_S

    def say(self, dataset: str, time_ms: int, members: Dict[str, Any]) -> None:
        self.events.append({
            "_time": time_ms / 1000, "_indextime": time_ms / 1000, "index": "aws", "host": "111122223333",
            "sourcetype": "aws:siem_bridge:health", "source": "aws_siem_bridge:health:x", "_raw": json.dumps(members),
        })  # fmt: skip

    def health(self, name: str, forwarder: str = "hf1", heartbeat_s: int = 600) -> Health:
        return Health(self, name, forwarder, heartbeat_s * 1000, lambda: self.now_s * 1000)  # type: ignore[arg-type]

    def log(self, name: str, forwarder: str, **more: str) -> None:
        raw = json.dumps({"input": name, **more})
        place = {"index": "_internal", "host": forwarder, "source": "/opt/var/log/splunk/aws_siem_bridge_inputs.log"}
        self.events.append({"_time": self.now_s, "_indextime": self.now_s, "sourcetype": "x", "_raw": raw, **place})

    def run(self, name: str) -> List[Dict[str, Any]]:
        assert SEARCHES[name]["disabled"] == "1"
        span = SEARCHES[name]["dispatch.earliest_time"]
        length_s = int(span[1:-1]) * {"d": 86_400, "h": 3600}[span[-1]]
        moment = Moment(now_s=float(self.now_s), earliest_s=self.now_s - length_s, latest_s=float(self.now_s + 1))
        session = Session(moment, rows_of(self.events), macros=read_macros(MACROS))
        return run_to_list(SEARCHES[name]["search"], session)


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


def test_what_had_heartbeats_and_has_none_is_found_and_what_rests_or_is_slow_is_not(inputs: Inputs):
    health, slow = inputs.health("aws_guardduty://all"), inputs.health("aws_assets://all", heartbeat_s=7200)
    for region in ("eu-west-1", "us-east-1", "eu-north-1", "eu-south-1"):
        health.place(region, dataset="guardduty", account="111122223333", region=region)
    health.place("queue", queue="https://sqs/q", region="eu-west-1")
    slow.place("one", dataset="asset", account="111122223333", region="eu-west-1")
    health.rests("eu-north-1", True)
    slow.worked("one", Tally(), 0)
    for turn in range(12):  # two hours
        for place in ("eu-west-1", *(("us-east-1", "queue") if turn < 7 else ())):
            health.worked(place, Tally(), 0)
        if turn > 6:
            health.failed("us-east-1", Denied("not allowed", call="guardduty:ListFindings"))
        health.failed("eu-south-1", Denied("not allowed", call="guardduty:ListFindings"))  # never worked, and says so
        health.beat()
        inputs.now_s += 10 * MINUTE_S
    found = {row["place"]: row for row in inputs.run("AWS - input is silent")}
    assert set(found) == {"guardduty", "https://sqs/q"}
    row = found["guardduty"]
    assert (row["region"], row["last_status"], row["forwarder"]) == ("us-east-1", "failing", "hf1")
    assert int(row["silent_s"]) == 60 * MINUTE_S and "not allowed" in row["last_error"]
    inputs.now_s += 3600
    assert {row["region"] for row in inputs.run("AWS - input is silent")} == {"eu-west-1", "us-east-1", "eu-north-1"}


def test_an_input_that_was_started_and_never_worked_is_found(inputs: Inputs):
    good = inputs.health("aws_guardduty://good")
    good.place("one", dataset="guardduty")
    inputs.log("aws_guardduty://good", "hf1", event="started")
    inputs.log("aws_guardduty://bad", "hf1", event="started")
    good.worked("one", Tally(), 0)
    inputs.log("aws_guardduty://bad", "hf1", error="there is no AWS account")
    inputs.now_s += 20 * MINUTE_S
    assert inputs.run("AWS - input never worked") == []  # a first inventory takes its time
    inputs.log("aws_guardduty://new", "hf1", event="started")
    inputs.now_s += 11 * MINUTE_S
    (row,) = inputs.run("AWS - input never worked")
    assert (row["input"], row["forwarder"]) == ("aws_guardduty://bad", "hf1") and "no AWS account" in row["last_error"]


def test_two_forwarders_that_poll_the_same_are_found_and_one_that_took_over_is_not(inputs: Inputs):
    places = {"dataset": "guardduty", "account": "111122223333"}
    one, two, three = (inputs.health(f"aws_guardduty://{name}", name) for name in ("hf1", "hf2", "hf3"))
    for health, regions in ((one, ("a", "b", "c")), (two, ("a", "b")), (three, ("c",))):
        for region in regions:
            health.place(region, **places, region=region)
    two.rests("b", True)
    for turn in range(10):
        for region in ("a", "b", *("c" if turn < 5 else ())):
            one.worked(region, Tally(), 0)
        two.worked("a", Tally(), 0)
        two.beat()
        if turn >= 5:
            three.worked("c", Tally(), 0)
        inputs.now_s += 10 * MINUTE_S
    (row,) = inputs.run("AWS - input runs on two forwarders")
    assert row["region"] == "a" and row["forwarders"] == ["hf1", "hf2"]


def test_another_missing_permission_is_said_at_once_and_the_same_one_is_not(inputs: Inputs):
    health = inputs.health("aws_guardduty://all")
    health.place("one", dataset="guardduty", account="111122223333", region="eu-west-1")
    for missing in ("guardduty:ListDetectors", "guardduty:ListDetectors", "guardduty:GetFindings"):
        health.failed("one", Denied("not allowed", call=missing, missing=missing))
    for _ in range(9):  # what passes by itself is one failure, wherever it comes
        health.failed("one", Throttled("too many", call="guardduty:ListFindings"))
        health.failed("one", Throttled("too many", call="guardduty:GetFindings"))
    said = [json.loads(event["_raw"]) for event in inputs.events]
    assert [each.get("missing_permission") for each in said] == [
        "guardduty:ListDetectors",
        "guardduty:GetFindings",
        None,
    ]
