"""The GuardDuty input, from the queue of splunkd's requests to the events that splunkd reads."""

from __future__ import annotations

import json
import time

from lab.aws import AwsAccount
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of

SOURCETYPE = "aws:cloudwatch:guardduty"


def test_new_findings_of_every_region_arrive_and_old_ones_are_filled_in(input_of, aws_account: AwsAccount):
    regions = ("eu-west-1", "us-east-1")
    aws_account.enable("guardduty", *regions)
    aws_account.add("guardduty", "eu-west-1", count=120, at="2026-11-29T10:00:00.123Z", step_ms=0)
    aws_account.add("guardduty", "us-east-1", count=7, at="2026-11-28T10:00:00.123Z", step_ms=1000)
    running = input_of("aws_guardduty").run("prod", regions=",".join(regions), start_date="5d", **QUICK)
    running.wait_for(lambda events: len(of(events, SOURCETYPE)) >= 127)
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    aws_account.add("guardduty", "us-east-1", count=1, at=now)
    running.wait_for(lambda events: len(of(events, SOURCETYPE)) >= 128)
    assert running.stop() == 0
    assert running.stderr == ""
    found = of(running.events, SOURCETYPE)
    assert len({each["version_key"] for each in found}) == len(found) == 128
    assert {each["detail"]["id"] for each in found} == {version["id"] for version in aws_account.versions()}
    event = next(each for each in running.events if each["sourcetype"] == SOURCETYPE)
    assert event["host"] == aws_account.id
    assert event["source"].startswith(f"aws_siem_bridge:guardduty:{aws_account.id}:")
    beats = of(running.events, HEALTH)
    assert {(each["account"], each["region"], each["status"]) for each in beats} == {
        (aws_account.id, region, "ok") for region in regions
    }, json.dumps(beats)
