"""Inputs that are saved, on the page and without it: what is asked of AWS, what is refused, and what is then stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import pytest
from aws_inputs.kinds import EVENTS, GUARDDUTY, KINDS, WAF

from lab.aws import AwsAccount, Fault
from lab.splunkd import ModularInput, SplunkdStandIn, User

from ..page_requests import PageRequests, error, ok

pytestmark = pytest.mark.splunk_python

Validate = Callable[..., str]


@pytest.fixture
def validate(input_of: Callable[[str], ModularInput]) -> Validate:
    """Return what splunkd is told of an input that is to be saved; the name of its kind comes first."""
    return lambda kind, **values: input_of(kind).validate("prod", **values)


def test_what_the_input_would_ask_for_is_asked_once(validate: Validate, aws_account: AwsAccount) -> None:
    aws_account.enable("guardduty", "eu-west-1")
    aws_account.enable("securityhub", "eu-west-1")
    aws_account.enable("securityhub_v2", "eu-west-1")
    expected = {
        "aws_guardduty": ({}, ["ListDetectors", "ListFindings"]),
        "aws_security_hub": ({"product": "ocsf", "products": "GuardDuty"}, ["GetFindingsV2"]),
        "aws_assets": ({}, ["DescribeInstances"]),
    }
    for kind, (values, calls) in expected.items():
        before = len(aws_account.calls())
        assert validate(kind, regions="eu-west-1", **values) == ""
        assert [call.name for call in aws_account.calls()[before:]] == ["GetCallerIdentity", *calls]
    queue = aws_account.rule_to_queue("us-east-1")
    for kind in ("aws_security_events_sqs", "aws_waf_detections"):
        assert validate(kind, queue_url=queue, region="us-east-1") == ""
    assert [call.name for call in aws_account.calls()[-2:]] == ["GetCallerIdentity", "ReceiveMessage"]


@pytest.mark.parametrize(
    ("kind", "service", "permission"),
    [
        ("aws_guardduty", "guardduty", "guardduty:ListDetectors"),
        ("aws_security_hub", "securityhub", "securityhub:GetFindings"),
        ("aws_assets", "ec2", "ec2:DescribeInstances"),
    ],
)
def test_a_missing_permission_is_named(
    validate: Validate, aws_account: AwsAccount, kind: str, service: str, permission: str
) -> None:
    aws_account.deny("eu-west-1", service)
    said = validate(kind, regions="eu-west-1")
    assert f"policy has to allow {permission}" in said and "eu-west-1" in said


def test_what_is_no_mistake_is_saved_and_what_can_read_nothing_is_not(
    validate: Validate, aws_account: AwsAccount
) -> None:
    assert validate("aws_guardduty", regions="eu-west-1") == "", "a service that is off may be switched on later"
    assert validate("aws_guardduty", regions="all") == ""
    said = validate("aws_guardduty", regions="me-central-1")
    assert "regions: none of those that were tried can be read" in said and "Switch the region on" in said
    assert validate("aws_guardduty", regions="me-central-1, eu-west-1") == ""
    aws_account.fault(Fault("ThrottlingException", "ListDetectors", times=-1))
    assert validate("aws_guardduty", regions="eu-west-1") == ""


@pytest.mark.parametrize(
    ("kind", "values", "says"),
    [
        (GUARDDUTY, {"regions": "eu-west-1, eu-west-9"}, "regions: there is no region eu-west-9 in the partition aws."),
        (
            GUARDDUTY,
            {"regions": "cn-north-1"},
            "regions: cn-north-1 is of the partition aws-cn, the account 'default' of",
        ),
        (EVENTS, {"queue_url": "https://sqs.eu-west-9.amazonaws.com/123456789012/q"}, "region: there is no region"),
        (WAF, {"queue_url": "https://sqs.us-east-1.amazonaws.com/123456789012/q"}, "Check the queue's URL, its policy"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_change(
    validate: Validate, kind: Any, values: Dict[str, str], says: str
) -> None:
    assert says in validate(kind.name, **values)


def test_an_organisation_is_entered_as_the_input_will(
    validate: Validate, splunkd: SplunkdStandIn, aws_account: AwsAccount
) -> None:
    member = aws_account.another()
    aws_account.organization({"member": member.id, "name": "payments"})
    member.trust("reader", aws_account, external_id="x1")
    hub = {"organisation_role": "reader", "organisation_external_id": "x2"}
    splunkd.state.set_stanza("aws_siem_bridge_aws_account", "hub", hub)
    said = validate("aws_guardduty", account="hub", regions="eu-west-1")
    assert "sts:AssumeRole" in said and member.role("reader") in said
    splunkd.state.set_stanza("aws_siem_bridge_aws_account", "hub", {"organisation_external_id": "x1"})
    member.deny("eu-west-1", "guardduty")
    assert "guardduty:ListDetectors" in validate("aws_guardduty", account="hub", regions="eu-west-1")
    member.allow("eu-west-1", "guardduty")
    assert validate("aws_guardduty", account="hub", regions="eu-west-1") == ""


@pytest.fixture
def page(built_app: Path, tmp_path: Path, splunk_python: str, aws_account: AwsAccount) -> Iterator[PageRequests]:
    environment = aws_account.environment("us-east-1")
    stand_in = SplunkdStandIn(built_app, splunk_home=tmp_path, python=splunk_python, environment=environment)
    with stand_in as splunkd:
        yield PageRequests(splunkd)


def test_the_pages_requests_become_stanzas(page: PageRequests) -> None:
    form = {"name": "eu", "account": "default", "regions": " eu-west-1 ", "index": "", "checkpoints": "kvstore"}
    ok(page.send("aws_guardduty", form={**form, "host": "", "poll_interval_s": "", "archived": "0"}))
    stored = (page.splunkd.state.stanzas("inputs") or {})["aws_guardduty://eu"]
    assert (stored["regions"], stored["index"], stored["poll_interval_s"]) == ("eu-west-1", "default", "60")
    listed = page.listed("aws_guardduty")["eu"]
    assert (listed["host"], listed["heartbeat_s"], listed["archived"]) == ("", "600", "0")
    ok(page.send("aws_guardduty", "eu", {"least_severity": "4", "regions": ""}))
    listed = page.listed("aws_guardduty")["eu"]
    assert (listed["least_severity"], listed["regions"]) == ("4", "all")
    for switched, value in (("1", True), ("0", False)):
        ok(page.send("aws_guardduty", "eu", {"disabled": switched}))
        assert page.listed("aws_guardduty")["eu"]["disabled"] is value
    ok(page.send("aws_guardduty", "eu", method="DELETE"))
    assert page.listed("aws_guardduty") == {}


def test_a_refusal_is_in_the_words_of_the_page_and_nothing_is_stored(page: PageRequests) -> None:
    cases: List[Tuple[str, Dict[str, str], str]] = [
        ("aws_guardduty", {"regions": "europe"}, "Regions: europe: a region is called as eu-west-1"),
        ("aws_guardduty", {"poll_interval_s": "0"}, "Poll interval (s): a number from 1 to 86400"),
        ("aws_guardduty", {"account": "prod"}, "Account: there is no AWS account 'prod' in this app; there is default"),
        ("aws_guardduty", {"start_date": "a\n[b]"}, "Start date holds a line end"),
        ("aws_guardduty", {"name": "a.b"}, "Name 'a.b' cannot be used"),
        (
            "aws_waf_detections",
            {"queue_url": "https://sqs/x"},
            "Queue: A queue's URL is https://sqs.<region>.amazonaws.com/<12 digits>/<name>",
        ),
    ]
    for kind, given, says in cases:
        said = error(page.send(kind, form={"name": "x", "account": "default", "checkpoints": "kvstore", **given}))
        assert said.startswith(says), said
    assert "://" not in "".join(page.splunkd.state.stanzas("inputs") or {})
    page.splunkd.state.server_roles = ("search_head", "shc_member")
    said = error(page.send("aws_guardduty", form={"name": "x", "account": "default", "checkpoints": "kvstore"}))
    assert said.startswith("this is a member of a search head cluster") and "on a heavy forwarder" in said


def test_only_who_may_configure_the_app_may_write_inputs(page: PageRequests) -> None:
    key = page.splunkd.state.session(User("kim", ("power",)))
    for kind in KINDS:
        assert page.send(kind, form={"name": "x"}, key=key)[0] == 403
