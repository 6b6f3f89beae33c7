"""One call: what a refusal means, what is tried again, and who is asked with which credentials."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from aws_bridge.accounts.account import Role
from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import (
    CallRejected,
    Denied,
    Expired,
    NotSignedIn,
    RegionDisabled,
    ServiceOff,
    Throttled,
    Unavailable,
)
from lab.front.server import Reply
from tests.aws_bridge.accounts.cloud import KEYS, Cloud, refused

pytestmark = pytest.mark.splunk_python

FIRST = Role("arn:aws:iam::111122223333:role/hub", "spl:unk/1")
SECOND = Role("arn:aws:iam::444455556666:role/path/reader")


def list_findings(caller: Caller, region: str = "eu-west-1"):
    return caller.wire("guardduty", region, "ListFindings", DetectorId="d").body


def test_an_answer_is_as_aws_wrote_it_with_members_that_botocore_does_not_know(caller):
    assert list_findings(caller()) == {"findingIds": ["a"], "nextToken": "", "aMemberOfTomorrow": {"someThing": 1}}


def test_roles_are_assumed_one_after_the_other_once_for_all_regions(cloud: Cloud, caller):
    cloud.external_ids[FIRST.arn] = FIRST.external_id
    made = caller(roles=(FIRST, SECOND), sts_region="eu-central-1")
    for region in ("eu-west-1", "us-east-1"):
        list_findings(made, region)
    assert [(each.key_id, each.region, each.service, each.external_id) for each in cloud.asked] == [
        (KEYS.access_key_id, "eu-central-1", "sts", "spl:unk/1"),
        ("ASIAROLE1", "eu-central-1", "sts", ""),
        ("ASIAROLE2", "eu-west-1", "guardduty", ""),
        ("ASIAROLE2", "us-east-1", "guardduty", ""),
    ]


def test_without_its_external_id_a_role_is_denied_and_the_message_names_the_trust_policy(cloud: Cloud, caller):
    cloud.external_ids[SECOND.arn] = "needed"
    with pytest.raises(Denied, match="trust policy has to name who assumes it, with the same external id") as failed:
        list_findings(caller(roles=(SECOND,)))
    assert (failed.value.call, failed.value.missing) == ("sts:AssumeRole", "sts:AssumeRole")


def test_credentials_that_are_over_are_fetched_anew(cloud: Cloud, caller, waits):
    made = caller(roles=(SECOND,))
    list_findings(made)
    cloud.expired.append("ASIAROLE1")
    assert list_findings(made)["findingIds"] == ["a"]
    assert [each.key_id for each in cloud.asked] == [
        KEYS.access_key_id, "ASIAROLE1", "ASIAROLE1", KEYS.access_key_id, "ASIAROLE2",
    ]  # fmt: skip
    cloud.expired += ["ASIAROLE2", "ASIAROLE3"]
    with pytest.raises(Expired, match="compare this machine's clock"):
        list_findings(made)


def test_throttling_is_waited_for_with_growing_pauses_and_counted(cloud: Cloud, caller, waits):
    made = caller()
    cloud.replies += [refused("ThrottlingException"), refused("TooManyRequestsException", 429), Reply(503, b"{}")]
    assert list_findings(made)["findingIds"] == ["a"]
    assert (made.made["guardduty:ListFindings"], made.throttled["guardduty:ListFindings"]) == (4, 2)
    assert waits[:3] == [1, 2, 4]


MESSAGE = "User: arn:aws:sts::1:assumed-role/a/b is not authorized to perform: guardduty:ListFindings on resource: *"


@pytest.mark.parametrize(
    ("reply", "kind", "attempts", "says"),
    [
        (refused("ThrottlingException"), Throttled, 8, "AWS allows fewer calls"),
        (refused("LimitExceededException", 429), Throttled, 8, "AWS allows fewer calls"),
        (refused("InternalServerErrorException", 500), Unavailable, 4, "Check proxy, endpoints"),
        (refused("AccessDeniedException", 403, MESSAGE), Denied, 1, "has to allow guardduty:ListFindings;"),
        (refused("AccessDeniedException", 403, "explicit deny"), Denied, 1, "has to allow guardduty:ListFindings;"),
        (refused("InvalidAccessException", 401), ServiceOff, 1, "Switch the service on"),
        (refused("AccessDeniedException", 403, "Macie is not enabled."), ServiceOff, 1, "Switch the service on"),
        (
            refused("AccessDeniedException", 403, "Invoking account does not have access to resource."),
            ServiceOff,
            1,
            "Switch the service on",
        ),
        (refused("AccessDeniedException", 403, f"{MESSAGE}; x is not enabled"), Denied, 1, "guardduty:ListFindings;"),
        (refused("OptInRequired", 403), RegionDisabled, 1, "Switch the region on"),
        (refused("SignatureDoesNotMatch", 403), NotSignedIn, 1, "Check the access key"),
        (refused("BadRequestException", 400, "no such detector"), CallRejected, 1, "no such detector"),
        (Reply(200, b"<html>"), CallRejected, 1, "may have written it"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_a_refusal_means(cloud: Cloud, caller, reply, kind, attempts, says):
    cloud.usual = reply
    with pytest.raises(kind) as failed:
        list_findings(caller())
    assert says in str(failed.value) and "account 'security', region eu-west-1" in str(failed.value)
    assert len([each for each in cloud.asked if each.service == "guardduty"]) == attempts
    assert KEYS.secret_access_key not in str(failed.value)


def test_a_page_of_a_proxy_where_xml_should_be_is_tried_again_and_said(cloud: Cloud, caller):
    cloud.usual = Reply(502, b"<!doctype html><title>Bad Gateway</title>")
    with pytest.raises(Unavailable, match="Check proxy, endpoints") as failed:
        caller().call("ec2", "eu-west-1", "DescribeInstances")
    assert failed.value.call == "ec2:DescribeInstances"


def test_a_region_that_knows_nobody_is_switched_off_when_home_knows_us(cloud: Cloud, caller):
    cloud.off.append("me-central-1")
    made = caller()
    with pytest.raises(RegionDisabled, match="take it off the input's list"):
        list_findings(made, "me-central-1")
    assert list_findings(made)["findingIds"] == ["a"]


def test_keys_that_no_region_knows_are_wrong_and_no_region_is_blamed(cloud: Cloud, caller):
    cloud.off += ["me-central-1", "us-east-1"]
    with pytest.raises(NotSignedIn, match="Check the access key"):
        list_findings(caller(), "me-central-1")


def test_nobody_at_all(caller, cloud: Cloud):
    with pytest.raises(NotSignedIn, match="Unable to locate credentials"):
        list_findings(caller(access_key_id="", secret_access_key=""))
    assert cloud.asked == []
    with pytest.raises(Unavailable, match="Could not connect"):
        list_findings(caller(endpoints={"guardduty": "http://127.0.0.1:1/{region}"}))


def test_no_more_calls_at_once_than_a_region_is_given(cloud: Cloud, caller):
    together, most, lock, go_on = [0], [0], threading.Lock(), threading.Event()

    def answer(received):
        with lock:
            together[0] += 1
            most[0] = max(most[0], together[0])
            if together[0] == 4:
                go_on.set()
        go_on.wait(60)
        with lock:
            together[0] -= 1
        return cloud.usual

    cloud.answer = answer
    made = caller()
    with ThreadPoolExecutor(12) as pool:
        assert len(list(pool.map(lambda _: list_findings(made), range(12)))) == 12
    assert most[0] == 4


def test_a_published_rate_is_kept_without_being_told(cloud: Cloud, caller, waits):
    rates = {"guardduty:ListFindings": (1, 2)}
    made = Caller(caller().session, wait_s=float, rates=rates, sleep=waits.append, clock=lambda: 100.0)
    for _ in range(4):
        list_findings(made)
    assert waits == [1.0, 2.0]
