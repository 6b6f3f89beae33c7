"""A region that is denied, off or slow stops no other, is reported once, and its recovery too."""

from __future__ import annotations

import gzip
import json
import os
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from aws_inputs.queue_loop import WAIT_S

from lab.aws import AwsAccount, Fault
from lab.splunkd import ModularInput, SplunkdStandIn
from tests.splunk_app.inputs.conftest import HEALTH, PYTHON, QUICK, of

WAF = Path(__file__).resolve().parents[2] / "data" / "waf"
GUARDDUTY = "aws:cloudwatch:guardduty"


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())


def health(events: List[Dict[str, Any]], status: str, region: str = "") -> List[Dict[str, Any]]:
    return [each for each in of(events, HEALTH) if each["status"] == status and region in ("", each.get("region"))]


def test_regions_that_are_denied_or_off_are_reported_once_and_the_others_go_on(input_of, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1", "us-east-1")
    aws_account.deny("us-east-1", "guardduty")
    running = input_of("aws_guardduty").run("prod", regions="eu-west-1,us-east-1,me-central-1,eu-west-2", **QUICK)
    running.wait_for(lambda events: len({each["region"] for each in health(events, "failing")}) == 3)
    for number in range(3):
        aws_account.add("guardduty", "eu-west-1", count=1, at=now())
        running.wait_for(lambda events, most=number + 1: len(of(events, GUARDDUTY)) == most)
    assert running.stop() == 0
    failing = {each["region"]: each for each in health(running.events, "failing")}
    assert len(health(running.events, "failing")) == 3
    assert failing["us-east-1"]["missing_permission"] == "guardduty:ListDetectors"
    assert failing["us-east-1"]["call"] == "guardduty:ListDetectors" and failing["us-east-1"]["kind"] == "denied"
    assert failing["me-central-1"]["kind"] == "region_disabled"
    assert failing["eu-west-2"]["kind"] == "service_off" and "has no detector" in failing["eu-west-2"]["error"]


@pytest.mark.parametrize(
    ("operation", "code", "call", "missing"),
    [
        ("ReceiveMessage", "AccessDeniedException", "sqs:ReceiveMessage", "sqs:ReceiveMessage"),
        ("GetObject", "AccessDenied", "s3:GetObject", "s3:GetObject"),
        ("GetObject", "KmsDenied", "s3:GetObject", "kms:Decrypt"),
    ],
)
def test_logs_that_may_not_be_read_are_a_failure_and_no_quiet_day(
    input_of, aws_account: AwsAccount, operation: str, code: str, call: str, missing: str
):
    line = (WAF / "blocked_by_managed_rule.jsonl").read_bytes().splitlines()[0]
    s3, sqs = aws_account.client("s3"), aws_account.client("sqs")
    bucket, key = f"aws-waf-logs-{aws_account.id}", "AWSLogs/a/WAFLogs/us-east-1/shop/x.log.gz"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(line))
    url = sqs.create_queue(QueueName="waf")["QueueUrl"]
    event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [event]}))
    aws_account.fault(Fault(code, operation, times=1))
    running = input_of("aws_waf_detections").run("shop", queue_url=url, region="us-east-1", heartbeat_s=10)
    running.wait_for(lambda events: health(events, "failing"))
    (said,) = of(running.events, HEALTH)
    assert (said["kind"], said["call"], said["missing_permission"]) == ("denied", call, missing)
    assert url == said["queue"] and missing in said["error"]
    if operation == "GetObject":  # until its message comes again
        time.sleep(WAIT_S + 2)
        assert health(running.events, "ok") == health(running.events, "recovered") == []
        aws_account.aws.let_time_pass(url, 3600, aws_account.id)
    running.wait_for(lambda events: health(events, "recovered") and of(events, "aws:waf"))
    assert running.stop() == 0 and running.stderr == ""


@pytest.mark.parametrize("kind", ["aws_waf_detections", "aws_security_events_sqs"])
def test_a_machine_without_credentials_is_said(splunkd: SplunkdStandIn, aws_account: AwsAccount, kind: str):
    nobody = {name: value for name, value in aws_account.environment("us-east-1").items() if "_KEY" not in name}
    nobody.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")
    url = f"https://sqs.us-east-1.amazonaws.com/{aws_account.id}/q"
    running = ModularInput(splunkd, kind, PYTHON, nobody).run("shop", queue_url=url, heartbeat_s=10)
    running.wait_for(lambda events: [each for each in health(events, "failing") if each.get("queue") == url])
    assert running.stop() == 0 and "Traceback" not in running.stderr
    (said,) = [each for each in health(running.events, "failing") if each.get("queue") == url]
    assert (said["kind"], said["call"]) == ("credentials", "sqs:ReceiveMessage")


def test_a_key_that_was_rotated_is_used_from_the_next_start(input_of, splunkd: SplunkdStandIn, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1")
    old = {"sign_in": "machine", "sts_region": "eu-west-1"}
    splunkd.state.set_stanza("aws_siem_bridge_aws_account", "prod", old)
    kind = input_of("aws_guardduty")
    running = kind.run("prod", account="prod", regions="eu-west-1", **QUICK)
    running.wait_for(lambda events: health(events, "ok"))
    splunkd.state.set_stanza("aws_siem_bridge_aws_account", "prod", {**old, "sts_region": "us-east-1"})
    running.wait_for(lambda events: health(events, "notice"))
    assert [each["what"] for each in health(running.events, "notice")] == ["settings were changed"]
    assert running.finish(120) == 0
    again = kind.run("prod", account="prod", regions="eu-west-1", **QUICK)
    aws_account.add("guardduty", "eu-west-1", count=1, at=now())
    again.wait_for(lambda events: of(events, GUARDDUTY))
    assert again.stop() == 0 and health(again.events, "notice") == []


def test_throttling_is_waited_for_in_silence_and_a_failure_that_ends_is_said(input_of, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1")
    aws_account.fault(Fault("ThrottlingException", "ListFindings", times=2))
    running = input_of("aws_guardduty").run("prod", regions="eu-west-1", **QUICK)
    running.wait_for(lambda events: health(events, "ok"))
    aws_account.fault(Fault("AccessDeniedException", "ListFindings", times=1))
    running.wait_for(lambda events: health(events, "failing"))
    running.wait_for(lambda events: health(events, "recovered"), 120)
    assert running.stop() == 0
    assert [each["kind"] for each in health(running.events, "failing")] == ["denied"]


def test_an_organisation_is_read_through_its_members_and_who_refuses_is_reported(
    input_of, splunkd: SplunkdStandIn, aws_account: AwsAccount
):
    good, bad, gone = aws_account.another(), aws_account.another(), aws_account.another()
    aws_account.organization(
        {"member": good.id, "name": "payments"},
        {"member": bad.id, "name": "web"},
        {"member": gone.id, "name": "old", "suspended": True},
    )
    good.enable("guardduty", "eu-west-1")
    good.add("guardduty", "eu-west-1", count=3, at=now())
    bad.trust("siem", aws_account, external_id="another")
    splunkd.state.set_stanza(
        "aws_siem_bridge_aws_account", "hub", {"organisation_role": "siem", "organisation_external_id": "x1"}
    )
    running = input_of("aws_guardduty").run(
        "prod", account="hub", regions="eu-west-1", start_date="1d", checkpoints="file", **QUICK
    )
    running.wait_for(
        lambda events: (
            len(of(events, GUARDDUTY)) == 3
            and [each for each in health(events, "failing") if each["account"] == bad.id]
            and any(each.get("what") == "account skipped" for each in of(events, HEALTH))
        )
    )
    good.add("guardduty", "eu-west-1", count=1, at=now())
    running.wait_for(lambda events: len(of(events, GUARDDUTY)) == 4)
    assert running.stop() == 0
    (refusing,) = [each for each in health(running.events, "failing") if each["account"] == bad.id]
    assert refusing["call"] == "sts:AssumeRole" and "trust policy" in refusing["error"]
    assert {event["host"] for event in running.events if event["sourcetype"] == GUARDDUTY} == {good.id}
    skipped = [each["error"] for each in of(running.events, HEALTH) if each.get("what") == "account skipped"]
    assert len(skipped) == 1 and gone.id in skipped[0] and "SUSPENDED" in skipped[0]
