"""What a message asks the loader for: what S3 announced, or the rest of an object."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aws_bridge.errors import NotANotification
from aws_bridge.object_ref import ObjectRef
from collectors.delivery.work import CONTINUATION, MAX_HOPS, Asked, Work, continuation, read_work
from tests.account import event

#: What a publisher to a topic might write to have an object read.
CONTINUATIONS = (continuation(Work(ObjectRef("b", "k"), 5)), '{"aws_siem_bridge_continuation":{}}')


@pytest.mark.parametrize("name", ["s3", "sns_s3", "eventbridge", "sns_eventbridge"])
def test_what_s3_announces_is_work_from_its_first_record_on(name):
    ref = ObjectRef("logs", "a/key", size_bytes=7)
    assert read_work(event(name, ref)) == Asked((Work(ref),))


def test_events_that_ask_for_nothing_are_counted():
    assert read_work(event("eventbridge_deleted")) == Asked(ignored=1)


@pytest.mark.parametrize("text", CONTINUATIONS)
@pytest.mark.parametrize(
    ("body", "says"),
    [
        (lambda text: json.dumps({"Type": "Notification", "Message": text}), "inside of another message"),
        (lambda text: text[:-1] + ',"Records":[]}', "inside of another message"),
        (lambda text: json.dumps({"detail-type": "x", "source": "x", "detail": json.loads(text)}), "an event 'x'"),
    ],
)
def test_a_continuation_that_is_not_the_whole_message_is_poison(text, body, says):
    with pytest.raises(NotANotification, match=says):
        read_work(body(text))


@given(st.text(min_size=1), st.integers(1, 10**9), st.integers(0, MAX_HOPS - 1))
def test_the_rest_of_an_object_comes_back_as_it_was_sent(key, number, hops):
    ref = ObjectRef("bucket", key, "version", 7)
    found = read_work(continuation(Work(ref, number, hops)))
    assert found == Asked((Work(ref, number, hops + 1),))


def test_what_was_passed_on_too_often_is_passed_on_no_more():
    last = read_work(continuation(Work(ObjectRef("b", "k"), 5, MAX_HOPS - 1))).work[0]
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
        read_work(json.dumps(body))


def test_a_continuation_without_a_member_is_poison():
    body = json.loads(continuation(Work(ObjectRef("b", "k"))))
    del body[CONTINUATION]["next_record"]
    with pytest.raises(NotANotification, match="without 'next_record'"):
        read_work(json.dumps(body))
