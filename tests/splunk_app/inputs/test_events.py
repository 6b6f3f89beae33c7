"""Findings through EventBridge and a queue: seconds after they are made, from every region."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from lab.aws import AwsAccount
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of
from tests.splunk_app.inputs.test_failures import now

WAF = Path(__file__).resolve().parents[2] / "data" / "waf"


def test_events_of_several_services_arrive_and_their_messages_are_deleted(input_of, aws_account: AwsAccount):
    regions = ("us-east-1", "eu-west-1")
    for product in ("guardduty", "securityhub", "inspector2"):
        aws_account.enable(product, *regions)
    url = aws_account.rule_to_queue(*regions)
    running = input_of("aws_security_events_sqs").run(
        "prod", queue_url=url, region="us-east-1", delete_after_s=1, heartbeat_s=QUICK["heartbeat_s"]
    )
    aws_account.add("guardduty", "eu-west-1", count=2, at=now())
    aws_account.add("securityhub", "us-east-1", count=2, at=now())
    aws_account.add("inspector2", "us-east-1", count=1, at=now())
    sourcetypes = ("aws:cloudwatch:guardduty", "aws:securityhub:finding", "aws:inspector:v2:findings")
    running.wait_for(lambda events: sum(len(of(events, each)) for each in sourcetypes) == 5)
    assert running.process.poll() is None
    assert {each["region"] for each in of(running.events, sourcetypes[0])} == {"eu-west-1"}
    client = aws_account.client("sqs", "us-east-1")

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    # A message is deleted in the turn after the next receipt.
    aws_account.add("guardduty", "us-east-1", count=1, at=now())
    running.wait_for(lambda events: left() <= 1, 30)
    assert running.stop() == 0 and running.stderr == ""
    other = [each for each in of(running.events, HEALTH) if each["status"] != "ok"]
    assert {each.get("what") for each in other} == {"not switched on"}
    assert {(each["dataset"], len(each["regions"])) for each in other} == {("inspector", 15), ("macie", 17)}


def test_detections_of_a_web_acl_come_out_of_its_logs_in_s3(input_of, aws_account: AwsAccount):
    lines = [line for path in sorted(WAF.glob("*.jsonl")) for line in path.read_bytes().splitlines()]
    s3, sqs = aws_account.client("s3"), aws_account.client("sqs")
    bucket, key = f"aws-waf-logs-{aws_account.id}", "AWSLogs/a/WAFLogs/us-east-1/shop/x.log.gz"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key=key, Body=gzip.compress(b"\n".join(lines)))
    url = sqs.create_queue(QueueName="waf")["QueueUrl"]
    event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [event]}))
    running = input_of("aws_waf_detections").run("shop", queue_url=url, region="us-east-1", heartbeat_s=10)
    running.wait_for(lambda events: of(events, HEALTH))
    assert running.stop() == 0 and running.stderr == ""
    found = of(running.events, "aws:waf")
    (beat,) = of(running.events, HEALTH)
    assert len(found) + beat["dropped"] == len(lines) and beat["events"] == len(found) > 0
    assert {event["source"].split(":")[1] for event in running.events if event["sourcetype"] == "aws:waf"} == {"waf"}


def test_prowlers_files_arrive_with_their_compliance_ids(input_of, aws_account: AwsAccount):
    cases = json.loads((WAF.parent / "findings" / "prowler.json").read_text("utf-8"))
    asff = json.loads((WAF.parent / "findings" / "securityhub.json").read_text("utf-8"))["prowler"]["api"]
    s3, sqs = aws_account.client("s3"), aws_account.client("sqs")
    bucket = f"prowler-{aws_account.id}"
    s3.create_bucket(Bucket=bucket)
    url = sqs.create_queue(QueueName="prowler")["QueueUrl"]
    files = {"a.ocsf.json": json.dumps([cases["failed"]["api"]], indent=4), "a.asff.jsonl": json.dumps(asff)}
    for key, text in files.items():
        s3.put_object(Bucket=bucket, Key=key, Body=text.encode())
        event = {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [event]}))
    running = input_of("aws_prowler_files").run("scans", queue_url=url, region="us-east-1", heartbeat_s=10)
    sourcetypes = ("aws:siem_bridge:prowler:ocsf", "aws:securityhub:finding")
    running.wait_for(lambda events: all(of(events, each) for each in sourcetypes))
    assert running.stop() == 0 and running.stderr == ""
    for sourcetype in sourcetypes:
        (found,) = of(running.events, sourcetype)
        assert "KISA-ISMS-P-2023 2.5" in " ".join(found["compliance_ids"])


def test_what_eventbridge_lost_comes_by_the_daily_poll_and_nothing_else_does(input_of, aws_account: AwsAccount):
    products = {
        "inspector2": "aws:inspector:v2:findings",
        "macie2": "aws:siem_bridge:macie:finding",
        "accessanalyzer": "aws:siem_bridge:accessanalyzer:finding",
    }
    for product in products:
        aws_account.enable(product, "eu-west-1")
    url = aws_account.rule_to_queue("eu-west-1")
    running = input_of("aws_security_events_sqs").run(
        "prod", queue_url=url, region="us-east-1", reconcile="inspector,macie,accessanalyzer", reconcile_every_s=3,
        regions="eu-west-1,us-east-1", heartbeat_s=10,
    )  # fmt: skip
    for product in products:
        aws_account.add(product, "eu-west-1", count=3, at=now())
    running.wait_for(lambda events: all(len(of(events, each)) == 3 for each in products.values()))
    for product in products:
        aws_account.lose_events(product, 60)
        aws_account.add(product, "eu-west-1", count=60, at=now(), step_ms=1)
    running.wait_for(lambda events: all(len(of(events, each)) >= 63 for each in products.values()))
    assert running.stop() == 0 and running.stderr == ""
    for sourcetype in products.values():
        found = of(running.events, sourcetype)
        assert len({each["version_key"] for each in found}) == len(found) == 63
    assert not [each for each in of(running.events, HEALTH) if each["status"] == "failing"]


def test_what_becomes_of_a_response_arrives_out_of_s3(input_of, aws_account: AwsAccount):
    status = {"incident": "i-1-1", "account": "111122223333", "region": "eu-west-1", "step": "hard_isolation"}
    events = [{**status, "time": 1_780_000_000.25 + number, "status_id": f"s{number}"} for number in range(3)]
    s3, sqs = aws_account.client("s3"), aws_account.client("sqs")
    bucket = f"status-{aws_account.id}"
    s3.create_bucket(Bucket=bucket)
    url = sqs.create_queue(QueueName="status")["QueueUrl"]
    bodies = ["\n".join(map(json.dumps, events)), json.dumps(events[0]), '{"time": 1}\n']
    for number, body in enumerate(bodies):
        s3.put_object(Bucket=bucket, Key=f"status/{number}.json", Body=body.encode())
        made = {
            "eventName": "ObjectCreated:Put",
            "s3": {"bucket": {"name": bucket}, "object": {"key": f"status/{number}.json"}},
        }
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"Records": [made]}))
    running = input_of("aws_response_status").run("all", queue_url=url, region="us-east-1", heartbeat_s=10)
    sourcetype = "aws:siem_bridge:response"
    running.wait_for(lambda found: len(of(found, sourcetype)) == 4 and "no status_id" in json.dumps(of(found, HEALTH)))
    assert running.stop() == 0 and running.stderr == ""
    found = [event for event in running.events if event["sourcetype"] == sourcetype]
    assert {event["source"] for event in found} == {"aws_siem_bridge:response:111122223333:eu-west-1"}
    assert sorted((event["_time"], json.loads(event["_raw"])["status_id"]) for event in found) == [
        (1_780_000_000.25, "s0"), (1_780_000_000.25, "s0"), (1_780_000_001.25, "s1"), (1_780_000_002.25, "s2"),
    ]  # fmt: skip
