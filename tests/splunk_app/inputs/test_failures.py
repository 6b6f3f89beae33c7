"""A region that is denied, off or slow stops no other, is reported once, and its recovery too."""

from __future__ import annotations

import time
from typing import Any, Dict, List

from lab.aws import AwsAccount, Fault
from lab.splunkd import SplunkdStandIn
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of

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
