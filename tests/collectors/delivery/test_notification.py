"""What every kind of message asks for, by one sample of each wrapper in ``tests/data/events``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_bridge.object_ref import ObjectRef
from collectors.delivery.notification import (
    CONTINUATION,
    CONTINUED,
    EVENTBRIDGE,
    MAX_HOPS,
    S3,
    TEST,
    NotANotification,
    Notification,
    Work,
    continuation,
    read_notification,
)

EVENTS = Path(__file__).resolve().parents[2] / "data" / "events"
FLOW_LOG = ObjectRef(
    "log-archive",
    "AWSLogs/aws-account-id=111122223333/aws-service=vpcflowlogs/aws-region=eu-west-1/year=2026/month=11/day=21/"
    "111122223333_vpcflowlogs_eu-west-1_fl-0a1b2c3d4e5f60718_20261121T0455Z_1a2b3c4d.log.gz",
    "096fKKXTRTtl3on89fVO.nfljtsv6qko",
    1024,
)
PLAIN_KEY = ObjectRef("log-archive", "AWSLogs/111122223333/a+b %20=c.log.gz", "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e", 1024)


def event(name: str) -> str:
    return (EVENTS / f"{name}.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("s3", Notification(S3, (Work(FLOW_LOG),))),
        ("sns_s3", Notification(S3, (Work(FLOW_LOG),))),
        ("eventbridge", Notification(EVENTBRIDGE, (Work(PLAIN_KEY),))),
        ("sns_eventbridge", Notification(EVENTBRIDGE, (Work(PLAIN_KEY),))),
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
    assert [work.ref.key.rpartition("/")[2] for work in found.work] == [
        "name with spaces + % é.log.gz",
        "second.json.gz",
    ]


def test_events_without_version_and_size_are_taken():
    body = {"Records": [{"eventName": "s3:ObjectCreated:Put", "s3": {"bucket": {"name": "b"}, "object": {"key": "k"}}}]}
    assert read_notification(json.dumps(body)).work == (Work(ObjectRef("b", "k")),)


#: What a publisher to a topic might write to have an object read.
CONTINUATIONS = (continuation(Work(ObjectRef("b", "k"), 5)), '{"aws_siem_bridge_continuation":{}}')


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
        *(
            (json.dumps({"Type": "Notification", "Message": text}), "inside of another message")
            for text in CONTINUATIONS
        ),
        *((text[:-1] + ',"Records":[]}', "inside of another message") for text in CONTINUATIONS),
        *(
            (json.dumps({"detail-type": "x", "source": "x", "detail": json.loads(t)}), "an event 'x'")
            for t in CONTINUATIONS
        ),
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


@given(st.text(min_size=1), st.integers(1, 10**9), st.integers(0, MAX_HOPS - 1))
def test_the_rest_of_an_object_comes_back_as_it_was_sent(key, number, hops):
    ref = ObjectRef("bucket", key, "version", 7)
    found = read_notification(continuation(Work(ref, number, hops)))
    assert found == Notification(CONTINUED, (Work(ref, number, hops + 1),))


def test_what_was_passed_on_too_often_is_passed_on_no_more():
    last = read_notification(continuation(Work(ObjectRef("b", "k"), 5, MAX_HOPS - 1))).work[0]
    with pytest.raises(NotANotification, match=r"s3://b/k has been passed on 1000 times and is at record 5"):
        continuation(last)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"version": 2}, "version 2, and this code knows 1"),
        ({"next_record": 0}, "record 0"),
        ({"next_record": True}, "record True"),
        ({"hops": -1}, "-1 hops"),
        ({"hops": MAX_HOPS + 1}, "hops"),
        ({"key": None}, "version that is None"),
        ({"version_id": 7}, "version that is 7"),
    ],
)
def test_a_continuation_that_makes_no_sense_is_poison(changed, says):
    body = json.loads(continuation(Work(ObjectRef("b", "k"))))
    body[CONTINUATION].update(changed)
    with pytest.raises(NotANotification, match=says):
        read_notification(json.dumps(body))


def test_a_continuation_without_a_member_is_poison():
    body = json.loads(continuation(Work(ObjectRef("b", "k"))))
    del body[CONTINUATION]["next_record"]
    with pytest.raises(NotANotification, match="without 'next_record'"):
        read_notification(json.dumps(body))
