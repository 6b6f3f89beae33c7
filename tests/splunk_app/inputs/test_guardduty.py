"""The GuardDuty input, from the queue of splunkd's requests to the events that splunkd reads."""

from __future__ import annotations

import json
import time

from lab.aws import AwsAccount
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of
from tests.splunk_app.inputs.test_failures import now

SOURCETYPE = "aws:cloudwatch:guardduty"


def test_new_findings_of_every_region_arrive_and_old_ones_are_filled_in(input_of, aws_account: AwsAccount):
    regions = ("eu-west-1", "us-east-1")
    aws_account.enable("guardduty", *regions)
    aws_account.add("guardduty", "eu-west-1", count=120, at="2026-11-29T10:00:00.123Z", step_ms=0)
    aws_account.add("guardduty", "us-east-1", count=7, at="2026-11-28T10:00:00.123Z", step_ms=1000)
    running = input_of("aws_guardduty").run("prod", regions=",".join(regions), start_date="5d", **QUICK)
    running.wait_for(lambda events: len(of(events, SOURCETYPE)) >= 127)
    aws_account.add("guardduty", "us-east-1", count=1, at=now())
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


def test_attacks_that_shield_advanced_saw_from_their_begin_to_their_end(input_of, aws_account: AwsAccount):
    aws_account.enable("shield", "us-east-1")
    old = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 3 * 86_400))
    ids = aws_account.add("shield", "us-east-1", count=130, at=old)
    running = input_of("aws_shield").run("prod", start_date="5d", **QUICK)
    sourcetype = "aws:siem_bridge:shield:attack"
    running.wait_for(lambda events: len(of(events, sourcetype)) == 130)
    aws_account.update("shield", "us-east-1", ids[:1])
    running.wait_for(lambda events: len(of(events, sourcetype)) == 131)
    assert running.stop() == 0 and running.stderr == ""
    found = of(running.events, sourcetype)
    assert len({each["version_key"] for each in found}) == 131 and len({each["finding_key"] for each in found}) == 130
    assert "EndTime" in found[-1] and found[-1]["AttackId"] == ids[0] and found[-1]["StartTime"] == old
    assert {call.region for call in aws_account.calls() if call.service == "shield"} == {"us-east-1"}
    assert not [each for each in of(running.events, HEALTH) if each["status"] == "failing"]


def test_without_shield_advanced_it_is_said_once_that_there_is_no_log(input_of, aws_account: AwsAccount):
    running = input_of("aws_shield").run("prod", **QUICK)
    running.wait_for(lambda events: of(events, HEALTH))
    assert running.stop() == 0
    (told,) = of(running.events, HEALTH)
    assert told["kind"] == "service_off" and "Shield Standard protects it, and has neither a log" in told["error"]


def test_the_least_severity_and_no_archived_ones_but_types_of_any_kind(input_of, aws_account: AwsAccount):
    aws_account.enable("guardduty", "eu-west-1")
    kinds = {
        "AttackSequence:EC2/CompromisedInstanceGroup": 9.5,
        "Execution:Runtime/NewBinaryExecuted": 7.5,
        "CustomDetectionRule/ours": 8.0,
        "AI_PROTECTION:OfTomorrow/Something": 7.6,
        "Recon:EC2/Portscan": 7.4,
        "Policy:IAMUser/RootCredentialUsage": 2.0,
    }
    for kind, severity in kinds.items():
        aws_account.add("guardduty", "eu-west-1", at=now(), changes={"type": kind, "severity": severity})
    archived = {"service.archived": True, "severity": 8.0, "type": "Archived:EC2/One"}
    aws_account.add("guardduty", "eu-west-1", at=now(), changes=archived)
    running = input_of("aws_guardduty").run(
        "prod", regions="eu-west-1", start_date="1d", least_severity="7.5", archived="false", **QUICK
    )
    running.wait_for(lambda events: len(of(events, SOURCETYPE)) >= 4 and of(events, HEALTH))
    assert running.stop() == 0 and running.stderr == ""
    found = {each["detail"]["type"]: each for each in of(running.events, SOURCETYPE)}
    assert set(found) == {kind for kind, severity in kinds.items() if severity >= 7.5}
    assert found["AttackSequence:EC2/CompromisedInstanceGroup"]["attack_sequence"] is True
    assert found["AttackSequence:EC2/CompromisedInstanceGroup"]["severity_label"] == "critical"
