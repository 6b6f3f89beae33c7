"""The findings of the story: the same facts as in its logs, in shapes that AWS has, in lists and as events."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from lab.story import attack, cast, cloudtrail
from lab.story.files import FINDINGS, write_story
from lab.story.findings import event, findings, key_of
from lab.story.labelled import LabelledFinding

END_MS = 1_796_061_600_000
HOUR_MS = 3_600_000
STORY = findings(END_MS - 24 * HOUR_MS, END_MS)


def of(step: str, product: str = "guardduty") -> List[Dict[str, Any]]:
    return [labelled.finding for labelled in STORY if (labelled.step, labelled.product) == (step, product)]


def text(finding: Any) -> str:
    return json.dumps(finding, ensure_ascii=False)


def test_every_finding_of_the_timeline_is_there_and_security_hub_has_each_twice() -> None:
    for step in attack.TIMELINE:
        if step.log not in attack.FINDINGS:
            continue
        versions = 2 if "again" in step.facts else 1
        own = (
            ("securityhub", "securityhub_v2")
            if step.log == "securityhub"
            else (step.log, "securityhub", "securityhub_v2")
        )
        for product in own:
            assert len(of(step.name, product)) == versions, (step.name, product)
            assert len({text(key_of(each)) for each in STORY if (each.step, each.product) == (step.name, product)}) == 1
    assert [labelled.time_ms for labelled in STORY] == sorted(labelled.time_ms for labelled in STORY)
    assert {labelled.step for labelled in STORY} >= {""}, "and what has nothing to do with it"


def test_the_stolen_key_is_the_one_that_cloudtrail_has() -> None:
    records = [labelled.record for labelled in cloudtrail.attack_records(1, END_MS - 24 * HOUR_MS, END_MS)]
    identity = records[0]["userIdentity"]
    (finding, later) = of("exfiltration-finding")
    assert finding["resource"]["accessKeyDetails"]["accessKeyId"] == identity["accessKeyId"]
    assert finding["resource"]["accessKeyDetails"]["principalId"] == identity["principalId"]
    action = finding["service"]["action"]["awsApiCallAction"]
    assert action["remoteIpDetails"]["ipAddressV4"] == records[0]["sourceIPAddress"] == cast.ATTACKER_CLOUD_IP
    assert finding["resource"]["instanceDetails"]["instanceId"] == cast.WEB_1.id
    assert (later["service"]["count"], later["id"]) == (48, finding["id"])
    assert later["createdAt"] == finding["createdAt"] < later["updatedAt"]
    first = min(record["eventTime"] for record in records)
    assert finding["service"]["eventFirstSeen"][:16] == first[:16], "GuardDuty saw it when CloudTrail did"


def test_what_happened_is_found_after_it_happened() -> None:
    begin = {step.name: step.minute for step in attack.TIMELINE}
    for step in attack.TIMELINE:
        if "since" in step.facts:
            assert begin[step.facts["since"]] > step.minute, step.name
        for part in step.facts.get("of", ()):
            assert begin[part] > step.minute
    assert begin["door-opened"] > begin["door-finding"]


def test_the_sequence_names_its_findings_key_and_bucket() -> None:
    (finding,) = of("sequence-finding")
    sequence = finding["service"]["detection"]["sequence"]
    signals = {signal["uid"] for signal in sequence["signals"]}
    assert signals == {of("exfiltration-finding")[0]["arn"], of("data-finding")[0]["arn"]}
    assert finding["severity"] >= 9.0 and "instanceDetails" not in finding["resource"]
    assert {each["uid"] for each in sequence["resources"]} == {
        of("exfiltration-finding")[0]["resource"]["accessKeyDetails"]["accessKeyId"],
        f"arn:aws:s3:::{cast.CUSTOMERS.name}",
    }
    assert of("data-finding")[0]["associatedAttackSequenceArn"] == finding["arn"]


@pytest.mark.parametrize(
    ("step", "fact"),
    [
        ("known-vulnerability", "CVE-2021-44228"),
        ("callback-finding", cast.CALLBACK_HOST),
        ("exfiltration-finding", cast.WEB_1.id),
        ("data-finding", cast.CUSTOMERS.name),
        ("door-finding", cast.BASTION_SECURITY_GROUP),
    ],
)
def test_security_hub_names_the_same_things(step: str, fact: str) -> None:
    for product in ("securityhub", "securityhub_v2"):
        assert fact in text(of(step, product)[0]), product


def test_severities_agree() -> None:
    labels = {
        labelled.finding["Id"]: labelled.finding["Severity"]["Label"]
        for labelled in STORY
        if labelled.product == "securityhub"
    }
    words = {
        labelled.finding["finding_info"]["uid"]: labelled.finding["severity"]
        for labelled in STORY
        if labelled.product == "securityhub_v2"
    }
    assert {uid: label.capitalize() for uid, label in labels.items()} == words
    assert labels[of("sequence-finding")[0]["arn"]] == "CRITICAL"
    assert labels[of("trail-finding")[0]["arn"]] == "LOW"


@pytest.mark.parametrize("hours", [0.001, 1, 24, 720])
def test_any_window_holds_them(hours: float) -> None:
    start_ms = END_MS - int(hours * HOUR_MS)
    told = findings(start_ms, END_MS)
    assert len(told) == len(STORY)
    assert all(start_ms <= labelled.time_ms < END_MS for labelled in told)
    assert findings(start_ms, END_MS) == told


def events_of(product: str) -> List[Dict[str, Any]]:
    return [event(labelled) for labelled in STORY if labelled.product == product]


def test_a_written_story_has_them_in_both_shapes(tmp_path: Path) -> None:
    write_story(tmp_path, 0, 1, END_MS - 24 * HOUR_MS, END_MS)
    lines = [json.loads(line) for line in (tmp_path / FINDINGS).read_text("utf-8").splitlines()]
    assert [line["finding"] for line in lines] == [labelled.finding for labelled in STORY]
    assert [line["event"] for line in lines] == [event(labelled) for labelled in STORY]
    assert [line["step"] for line in lines] == [labelled.step for labelled in STORY]


needs_lab = pytest.mark.skipif(sys.version_info < (3, 11), reason="the stand-in for AWS needs Python 3.11")


@needs_lab
def test_events_are_what_eventbridge_has() -> None:
    (first, *_) = events_of("guardduty")
    assert (first["source"], first["detail-type"]) == ("aws.guardduty", "GuardDuty Finding")
    assert (first["account"], first["region"]) == (cast.PRODUCTION, cast.REGION)
    (inspector,) = events_of("inspector2")
    assert inspector["detail"]["updatedAt"].endswith(("AM", "PM"))
    assert {each["detail-type"] for each in events_of("securityhub")} == {"Security Hub Findings - Imported"}
    assert {each["detail-type"] for each in events_of("securityhub_v2")} == {"Findings Imported V2"}
    every = [event(labelled)["id"] for labelled in STORY]
    assert len(set(every)) == len(STORY)


@needs_lab
def test_the_stand_in_has_them_as_aws_would(aws: Any) -> None:
    """The stand-in takes no finding that AWS's description does not allow."""
    from lab.aws import AwsAccount
    from lab.aws.story import put_findings, story_account

    account: AwsAccount = story_account(aws)
    queue = account.rule_to_queue(cast.REGION, queue_region=cast.REGION)
    told: List[LabelledFinding] = put_findings(account, END_MS - 24 * HOUR_MS, END_MS)
    assert [each["finding"] for each in account.versions()] == [labelled.finding for labelled in told]
    guardduty = account.client("guardduty", cast.REGION)
    (detector,) = guardduty.list_detectors()["DetectorIds"]
    assert detector == cast.DETECTOR
    critical = {"Criterion": {"severity": {"GreaterThanOrEqual": 9}}}
    assert len(guardduty.list_findings(DetectorId=detector, FindingCriteria=critical)["FindingIds"]) == 1
    sqs = account.client("sqs", cast.REGION)
    sent = int(
        sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"][
            "ApproximateNumberOfMessages"
        ]
    )
    assert sent == len(told)
