"""The stand-in for AWS: the shapes, rules and faults that the loader depends on and moto alone does not have."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Dict, List
from urllib.parse import unquote_plus

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from lab.aws import AwsStandIn, AwsUnavailable, Fault, Layout
from lab.aws.layout import DIRECT, EVENTBRIDGE, SNS

#: A space, a plus, a percent sign, an equals sign and a slash: each is written in another way.
KEY = "AWSLogs/year=2026/a b+c%d.log.gz"


def bodies(layout: Layout, url: str) -> List[Dict[str, Any]]:
    """Receive and delete everything in a queue."""
    found: List[Dict[str, Any]] = []
    while True:
        messages = layout.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        if not messages:
            return found
        for message in messages:
            found.append(json.loads(message["Body"]))
            layout.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"]


@pytest.mark.parametrize("versioned", [False, True])
def test_a_notification_has_the_shape_of_s3s_own(layout: Layout, versioned: bool) -> None:
    name = f"shape-{'versions' if versioned else 'plain'}"
    queues = layout.queue(name)
    layout.notify(layout.bucket(name, versioned=versioned), queues, DIRECT, prefix="AWSLogs/")
    for key in (KEY, KEY, "other/file"):
        version = layout.s3.put_object(Bucket=name, Key=key, Body=b"12345").get("VersionId")
        assert bool(version) is versioned
    test, first, second = bodies(layout, queues.url)
    assert (test["Event"], test["Bucket"]) == ("s3:TestEvent", name)
    record = first["Records"][0]
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["userIdentity"] and record["requestParameters"] and record["responseElements"]
    found = record["s3"]["object"]
    assert found["key"] == "AWSLogs/year%3D2026/a+b%2Bc%25d.log.gz"
    assert unquote_plus(found["key"]) == KEY
    assert found["size"] == 5
    assert ("versionId" in found) is versioned
    later = second["Records"][0]["s3"]["object"]["sequencer"]
    assert int(later, 16) > int(found["sequencer"], 16)


def test_sns_wraps_the_notification_in_its_envelope(layout: Layout) -> None:
    queues = layout.queue("by-sns")
    layout.notify(layout.bucket("by-sns"), queues, SNS)
    layout.s3.put_object(Bucket="by-sns", Key=KEY, Body=b"1")
    envelopes = bodies(layout, queues.url)
    assert {envelope["Type"] for envelope in envelopes} == {"Notification"}
    inner = [json.loads(envelope["Message"]) for envelope in envelopes]
    assert inner[0]["Event"] == "s3:TestEvent"
    assert unquote_plus(inner[1]["Records"][0]["s3"]["object"]["key"]) == KEY


def test_eventbridge_gives_the_key_plain_and_only_for_its_bucket(layout: Layout) -> None:
    queues = layout.queue("by-bus")
    layout.notify(layout.bucket("by-bus", versioned=True), queues, EVENTBRIDGE, prefix="AWSLogs/")
    layout.bucket("by-bus-not")
    layout.s3.put_object(Bucket="by-bus", Key="other", Body=b"1")
    layout.s3.put_object(Bucket="by-bus-not", Key=KEY, Body=b"1")
    version = layout.s3.put_object(Bucket="by-bus", Key=KEY, Body=b"123")["VersionId"]
    (event,) = bodies(layout, queues.url)
    assert (event["source"], event["detail-type"]) == ("aws.s3", "Object Created")
    assert event["detail"]["object"]["key"] == KEY
    assert event["detail"]["object"]["version-id"] == version
    assert event["detail"]["object"]["etag"] and event["detail"]["reason"] == "PutObject"
    assert isinstance(event["time"], str)


def test_a_disabled_rule_sends_nothing(layout: Layout) -> None:
    queues = layout.queue("by-rule")
    layout.notify(layout.bucket("by-rule"), queues, EVENTBRIDGE)
    layout.aws.client("events").disable_rule(Name="by-rule-objects")
    layout.s3.put_object(Bucket="by-rule", Key=KEY, Body=b"1")
    assert bodies(layout, queues.url) == []


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(layout: Layout) -> None:
    queues = layout.queue("redrive", visibility_s=0, max_receives=2)
    layout.sqs.send_message(QueueUrl=queues.url, MessageBody="poison")
    for _ in range(2):
        assert layout.sqs.receive_message(QueueUrl=queues.url, VisibilityTimeout=0)["Messages"]
    assert not layout.sqs.receive_message(QueueUrl=queues.url).get("Messages")
    assert (layout.waiting(queues.url), layout.waiting(queues.dlq_url)) == (0, 1)


def test_hidden_messages_are_seen_when_time_has_passed(layout: Layout) -> None:
    queues = layout.queue("passing", visibility_s=600)
    layout.sqs.send_message(QueueUrl=queues.url, MessageBody="x")
    assert layout.sqs.receive_message(QueueUrl=queues.url)["Messages"]
    layout.aws.let_time_pass(queues.url, 300)
    assert not layout.sqs.receive_message(QueueUrl=queues.url).get("Messages")
    layout.aws.let_time_pass(queues.url, 300)
    assert layout.sqs.receive_message(QueueUrl=queues.url)["Messages"]


def test_an_old_receipt_deletes_nothing_and_a_visible_message_is_not_in_flight(layout: Layout) -> None:
    queues = layout.queue("receipts")
    layout.sqs.send_message(QueueUrl=queues.url, MessageBody="x")
    old = layout.sqs.receive_message(QueueUrl=queues.url, VisibilityTimeout=0)["Messages"][0]["ReceiptHandle"]
    with pytest.raises(ClientError) as error:
        layout.sqs.change_message_visibility(QueueUrl=queues.url, ReceiptHandle=old, VisibilityTimeout=30)
    assert code_of(error).endswith("MessageNotInflight")
    new = layout.sqs.receive_message(QueueUrl=queues.url)["Messages"][0]["ReceiptHandle"]
    layout.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=old)
    assert layout.waiting(queues.url) == 1
    layout.sqs.delete_message(QueueUrl=queues.url, ReceiptHandle=new)
    assert layout.waiting(queues.url) == 0


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ("SlowDown", "SlowDown", 503),
        ("AccessDenied", "AccessDenied", 403),
        ("KmsDenied", "AccessDenied", 403),
        ("KMS.DisabledException", "KMS.DisabledException", 400),
        ("InvalidObjectState", "InvalidObjectState", 403),
    ],
)
def test_a_refusal_is_met_by_its_object_and_no_other(layout: Layout, fault: str, code: str, status: int) -> None:
    bucket = f"faults-{fault.lower().replace('.', '-')}"
    layout.bucket(bucket)
    for key in (KEY, "other"):
        layout.s3.put_object(Bucket=bucket, Key=key, Body=b"12")
    layout.aws.fault(Fault(fault, resource=f"{bucket}/{KEY}", times=-1))
    assert layout.s3.get_object(Bucket=bucket, Key="other")["Body"].read() == b"12"
    with pytest.raises(ClientError) as error:
        layout.s3.get_object(Bucket=bucket, Key=KEY)
    assert code_of(error) == code
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert ("kms:Decrypt" in error.value.response["Error"]["Message"]) is (fault == "KmsDenied")
    layout.aws.clear_faults()
    assert layout.s3.get_object(Bucket=bucket, Key=KEY)["Body"].read() == b"12"


def test_a_fault_is_over_after_its_number_of_times(layout: Layout) -> None:
    layout.bucket("fault-counts")
    layout.s3.put_object(Bucket="fault-counts", Key="k", Body=b"12")
    layout.aws.fault(Fault("AccessDenied", resource="fault-counts/k", times=1))
    with pytest.raises(ClientError):
        layout.s3.get_object(Bucket="fault-counts", Key="k")
    assert layout.s3.get_object(Bucket="fault-counts", Key="k")["Body"].read() == b"12"


def test_a_body_is_cut(layout: Layout) -> None:
    layout.bucket("cut-bodies")
    layout.s3.put_object(Bucket="cut-bodies", Key="k", Body=b"0123456789" * 100)
    layout.aws.fault(Fault("Cut", resource="cut-bodies/k", after_bytes=300))
    body = layout.s3.get_object(Bucket="cut-bodies", Key="k")["Body"]
    assert body.read(300) == b"0123456789" * 30
    with pytest.raises(HTTPClientError):
        body.read()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [("sqs", "ReceiveMessage", "AccessDeniedException"), ("lambda", "ListEventSourceMappings", "ThrottlingException")],
)
def test_other_services_refuse_in_their_own_language(layout: Layout, service: str, operation: str, code: str) -> None:
    queues = layout.queue(f"refused-{service}")
    layout.aws.fault(Fault(code, operation, times=-1))
    client = layout.aws.client(service)
    with pytest.raises(ClientError) as error:
        if service == "sqs":
            client.receive_message(QueueUrl=queues.url)
        else:
            client.list_event_source_mappings()
    assert code_of(error) == code
    layout.aws.clear_faults()


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(ValueError, match="no fault 'Sloww'.*SlowDown"):
        Fault("Sloww")


def test_a_bucket_can_demand_encryption(layout: Layout) -> None:
    layout.bucket("must-encrypt", must_encrypt=True)
    with pytest.raises(ClientError) as error:
        layout.s3.put_object(Bucket="must-encrypt", Key="k", Body=b"1")
    assert code_of(error) == "AccessDenied"
    layout.s3.put_object(Bucket="must-encrypt", Key="k", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId="k1")
    assert layout.s3.head_object(Bucket="must-encrypt", Key="k")["ServerSideEncryption"] == "aws:kms"


def test_every_call_is_recorded_with_its_caller(layout: Layout) -> None:
    queues = layout.queue("recorded")
    layout.bucket("recorded")
    s3, sqs = layout.aws.client("s3", "someone"), layout.aws.client("sqs", "someone")
    s3.put_object(Bucket="recorded", Key=KEY, Body=b"1")
    s3.head_object(Bucket="recorded", Key=KEY)
    s3.list_objects_v2(Bucket="recorded")
    s3.copy_object(Bucket="recorded", Key="copy", CopySource={"Bucket": "recorded", "Key": KEY})
    sqs.receive_message(QueueUrl=queues.url)
    layout.aws.client("sns", "someone").list_topics()
    layout.aws.client("lambda", "someone").list_event_source_mappings()
    assert [(call.service, call.name, call.resource) for call in layout.aws.calls("someone")] == [
        ("s3", "PutObject", f"recorded/{KEY}"),
        ("s3", "HeadObject", f"recorded/{KEY}"),
        ("s3", "ListObjectsV2", "recorded"),
        ("s3", "CopyObject", "recorded/copy"),
        ("sqs", "ReceiveMessage", "recorded"),
        ("sns", "ListTopics", ""),
        ("lambda", "ListEventSourceMappings", "2015-03-31/event-source-mappings"),
    ]
    layout.aws.forget_calls()
    assert layout.aws.calls() == []


def test_delivered_files_are_announced(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "AWSLogs").mkdir()
    for name in ("b.log.gz", "a.log.gz"):
        (tmp_path / "AWSLogs" / name).write_bytes(name.encode())
    (tmp_path / "labels.jsonl").write_text("{}")
    queues = layout.queue("delivered")
    layout.notify(layout.bucket("delivered"), queues)
    assert layout.put_logs(tmp_path, "delivered", "org/") == ["org/AWSLogs/a.log.gz", "org/AWSLogs/b.log.gz"]
    assert layout.s3.get_object(Bucket="delivered", Key="org/AWSLogs/a.log.gz")["Body"].read() == b"a.log.gz"
    assert [body["Records"][0]["s3"]["object"]["key"] for body in bodies(layout, queues.url)[1:]] == [
        "org/AWSLogs/a.log.gz",
        "org/AWSLogs/b.log.gz",
    ]


def test_its_environment_leads_here_and_to_nobody_elses_credentials(
    aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    for name, value in aws.environment("by-environment").items():
        monkeypatch.setenv(name, value)
    boto3.session.Session().client("sts").get_caller_identity()
    assert [call.name for call in aws.calls("by-environment")] == ["GetCallerIdentity"]


@pytest.mark.slow("the stand-in for AWS")
def test_it_ends_when_it_is_told() -> None:
    with AwsStandIn() as own:
        assert own.calls() == []
    with pytest.raises(OSError):
        own.calls()


def test_a_port_in_use_is_said(aws: AwsStandIn) -> None:
    with pytest.raises(AwsUnavailable, match="port .* cannot be used"):
        AwsStandIn(int(aws.url.rpartition(":")[2]))


def test_an_older_python_is_told_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 9, 18))
    with pytest.raises(AwsUnavailable, match=r"needs Python 3\.11 or later, this is 3\.9"):
        AwsStandIn()


def test_the_next_instance_and_vpc_have_the_ids_of_a_story(aws: AwsStandIn) -> None:
    account, region = aws.account(), "eu-west-1"
    account.choose_ids(region, "vpc-0a", "i-0a", "eni-0a")
    for client, is_chosen in ((aws.account().client("ec2", region), False), (account.client("ec2", region), True)):
        for expected in (is_chosen, False):
            vpc = client.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
            subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.9.1.0/24")["Subnet"]["SubnetId"]
            image = client.describe_images()["Images"][0]["ImageId"]
            made = client.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
            ids = (vpc, made["InstanceId"], made["NetworkInterfaces"][0]["NetworkInterfaceId"])
            assert (ids == ("vpc-0a", "i-0a", "eni-0a")) == expected
