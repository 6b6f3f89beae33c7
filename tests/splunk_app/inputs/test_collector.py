"""An input whose events go to an HTTP Event Collector: settings, acknowledgements, and a collector that is away."""

from __future__ import annotations

import json
from typing import Iterator

import pytest

from lab.aws import AwsAccount
from lab.splunkd import SplunkdStandIn
from lab.splunkd.hec import HecReceiver, Token
from tests.splunk_app.inputs.conftest import COLLECTOR_TOKEN, HEALTH, of, use_collector
from tests.splunk_app.inputs.test_failures import now

GUARDDUTY = "aws:cloudwatch:guardduty"
HEC = {"delivery": "hec", "hec": "main"}


@pytest.fixture
def collector() -> Iterator[HecReceiver]:
    with HecReceiver(Token(COLLECTOR_TOKEN, index="findings")) as running:
        yield running


def test_messages_are_deleted_when_the_indexers_acknowledge_and_not_before(
    input_of, splunkd: SplunkdStandIn, aws_account: AwsAccount, collector: HecReceiver
):
    aws_account.enable("guardduty", "us-east-1")
    url = aws_account.rule_to_queue("us-east-1")
    use_collector(splunkd, collector)
    collector.pause()
    collector.next_codes = [9] * 4
    running = input_of("aws_security_events_sqs").run(
        "prod", queue_url=url, region="us-east-1", delete_after_s=600, heartbeat_s=10, **HEC
    )
    aws_account.add("guardduty", "us-east-1", count=3, at=now())
    client = aws_account.client("sqs", "us-east-1")

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    # It waits for a collector that is busy, says so, and that it goes on.
    running.wait_for(lambda events: {each["status"] for each in of(events, HEALTH)} >= {"failing", "recovered"}, 120)
    running.wait_for(lambda events: any(each.get("undeleted") == 3 for each in of(events, HEALTH)), 120)
    assert left() == 3 and not collector.events
    collector.go_on()
    collector.wait_for(lambda events: len(of(events, GUARDDUTY)) == 3, 60)
    running.wait_for(lambda events: left() == 0, 60)
    assert running.stop() == 0
    assert {event["sourcetype"] for event in running.events} == {"aws:siem_bridge:health"}
    (failing,) = [each for each in of(running.events, HEALTH) if each["status"] == "failing"]
    assert failing["collector"] == collector.url and failing["kind"] == "unavailable" and "busy" in failing["error"]
    event = collector.events[0]
    assert (event["index"], event["host"]) == ("findings", aws_account.id)
    assert event["source"] == f"aws_siem_bridge:guardduty:{aws_account.id}:us-east-1"
    assert json.loads(event["_raw"])["version_key"] and COLLECTOR_TOKEN not in running.stderr


def test_settings_of_a_collector_are_checked_on_save(
    input_of, splunkd: SplunkdStandIn, aws_account: AwsAccount, collector: HecReceiver
):
    guardduty = input_of("aws_guardduty")
    assert "hec: it is missing" in guardduty.validate("prod", delivery="hec")
    assert "there is no event collector 'main' in this app; there is none" in guardduty.validate("prod", **HEC)
    use_collector(splunkd, collector)
    assert guardduty.validate("prod", **HEC) == ""
    collector.tokens[0].use_ack = False
    assert "useACK = 1" in guardduty.validate("prod", **HEC)
    use_collector(splunkd, collector, resend_after_s="1")
    assert "resend_after_s: 1 is not from 10 to 3600" in guardduty.validate("prod", **HEC)
