"""What every kind of message asks for, by one sample of each wrapper in ``tests/data/events``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aws_bridge.errors import NotANotification
from aws_bridge.notification import EVENTBRIDGE, S3, TEST, Notification, notification_in, opened
from aws_bridge.object_ref import ObjectRef

EVENTS = Path(__file__).resolve().parents[1] / "data" / "events"
FLOW_LOG = ObjectRef(
    "log-archive",
    "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/month=11/day=21/"
    "111122223333_vpcflowlogs_eu-west-1_fl-0a1b2c3d4e5f60718_20261121T0455Z_1a2b3c4d.log.gz",
    "096fKKXTRTtl3on89fVO.nfljtsv6qko",
    1024,
)
PLAIN_KEY = ObjectRef("log-archive", "AWSLogs/111122223333/a+b %20=c.log.gz", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", 1024)


def read_notification(body: str) -> Notification:
    return notification_in(opened(body).event)


def event(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3", Notification(S3, (FLOW_LOG,))),
        ("sns_s3", Notification(S3, (FLOW_LOG,))),
        ("eventbridge", Notification(EVENTBRIDGE, (PLAIN_KEY,))),
        ("sns_eventbridge", Notification(EVENTBRIDGE, (PLAIN_KEY,))),
        ("s3_test", Notification(TEST)),
        ("sns_s3_test", Notification(TEST)),
        ("eventbridge_deleted", Notification(EVENTBRIDGE, ignored=1)),
    ],
)
def test_the_wrapper_is_told_by_the_message(name, expected):
    assert read_notification(event(name)) == expected


def test_several_records_each_are_an_object_and_removals_none():
    found = read_notification(event("s3_three_records"))
    assert found.ignored == 1
    assert [ref.key.rpartition("/")[2] for ref in found.objects] == [
        "name with spaces + % é.log.gz",
        "second.json.gz",
    ]


def test_events_without_version_and_size_are_taken():
    body = {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]}
    assert read_notification(json.dumps(body)).objects == (ObjectRef("b", "k"),)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "not an object"),
        ("{}", "its members are none"),
        ('{"hello":"world"}', "its members are 'hello'"),
        ('{"Records":[{"eventSource":"aws:kinesis"}]}', "not events of S3"),
        ('{"Records":[7]}', "not events of S3"),
        ('{"Records":[{"eventName":"ObjectCreated:Put","s3":{}}]}', "without 'bucket'"),
        ('{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":""}}}]}', "key"),
        ('{"Records":[{"eventName":"ObjectCreated:Put","s3":7}]}', "without"),
        (
            r'{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"\ud800"}}}]}',
            "no text",
        ),
        (
            '{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"b"},"object":{"key":"k",'
            '"versionId":7}}}]}',
            "version that is 7",
        ),
        ('{"detail-type":"GuardDuty Finding","source":"aws.guardduty","detail":{}}', "GuardDuty Finding"),
        ('{"detail-type":"Object Created","source":"aws.s3","detail":{"bucket":{}}}', "without 'name'"),
        ('{"Type":"Notification","Message":"not json"}', "SNS message inside is not JSON"),
        ('{"Type":"SubscriptionConfirmation","Message":"You have chosen to subscribe"}', "not a notification"),
    ],
)
def test_anything_else_is_poison_and_says_why(body, says):
    with pytest.raises(NotANotification, match=says):
        read_notification(body)


def test_a_name_of_a_member_cannot_fill_the_log():
    with pytest.raises(NotANotification) as caught:
        read_notification(json.dumps({f"{number}{'x' * 10_000}": 1 for number in range(1000)}))
    assert len(str(caught.value)) < 1000
