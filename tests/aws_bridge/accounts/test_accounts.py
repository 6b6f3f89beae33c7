"""What is known of an account, its regions and its organisation."""

from __future__ import annotations

import json

import pytest

from aws_bridge.accounts.account import Account, Role
from aws_bridge.accounts.organisation import Member, members
from aws_bridge.accounts.regions import enabled_regions
from aws_bridge.errors import BadAccount, CallRejected
from lab.front.server import Reply
from tests.aws_bridge.accounts.cloud import Cloud, refused

pytestmark = pytest.mark.splunk_python


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Role("arn:aws:iam::1234:role/x"), "no ARN of a role"),
        (lambda: Role("arn:aws:iam::123456789012:user/x"), "no ARN of a role"),
        (lambda: Role("arn:aws:iam::123456789012:role/x", "a b"), "external id"),
        (lambda: Account("a", access_key_id="AKIA"), "one is missing"),
        (lambda: Account("a", partition="mars"), "there is aws, aws-cn"),
        (lambda: Account("a", roles=(Role("arn:aws-cn:iam::123456789012:role/x"),)), "do not work in another"),
    ],
)
def test_what_aws_would_never_accept_is_said_at_once(make, says):
    with pytest.raises(BadAccount, match=says):
        make()


def test_secrets_are_in_no_repr_and_a_member_is_entered_through_its_administrator():
    account = Account("hub", "AKIDEXAMPLE", "hidden", partition="aws-us-gov", proxy="http://me:hidden@proxy:3128")
    assert "hidden" not in repr(account) and account.home_region == "us-gov-west-1"
    member = account.member("444455556666", "payments", "audit/Reader", "x1")
    assert member.roles == (Role("arn:aws-us-gov:iam::444455556666:role/audit/Reader", "x1"),)
    assert (member.name, member.access_key_id) == ("payments", "AKIDEXAMPLE")


def page(**body: object) -> Reply:
    return Reply(200, json.dumps(body).encode())


def test_regions_are_those_that_are_switched_on_and_have_the_service(cloud: Cloud, caller):
    on = [{"RegionName": name, "RegionOptStatus": "ENABLED"} for name in ("eu-west-1", "us-east-1", "moon-north-1")]
    cloud.replies += [page(Regions=on[:2], NextToken="n"), page(Regions=on[2:])]
    assert enabled_regions(caller(), "guardduty") == (["eu-west-1", "us-east-1"], "")
    assert {(each.service, each.region) for each in cloud.asked} == {("account", "us-east-1")}


def test_who_may_not_list_regions_asks_all_of_the_partition_and_knows_why(cloud: Cloud, caller):
    cloud.usual = refused("AccessDeniedException", 403)
    names, why = enabled_regions(caller(), "guardduty")
    assert {"eu-west-1", "us-east-1", "me-central-1"} < set(names) and "cn-north-1" not in names
    assert "has to allow account:ListRegions" in why


def test_the_accounts_of_an_organisation_also_after_an_empty_page(cloud: Cloud, caller):
    cloud.replies += [
        page(Accounts=[{"Id": "2" * 12, "Name": "b", "Status": "ACTIVE"}], NextToken="1"),
        page(Accounts=[], NextToken="2"),
        page(Accounts=[{"Id": "1" * 12, "Name": "a", "Status": "ACTIVE", "State": "SUSPENDED"}]),
    ]
    found = members(caller())
    assert found == [Member("1" * 12, "a", "SUSPENDED"), Member("2" * 12, "b", "ACTIVE")]
    assert [each.active for each in found] == [False, True]


def test_a_list_of_accounts_that_never_ends_is_an_error(cloud: Cloud, caller):
    cloud.usual = page(Accounts=[], NextToken="again")
    with pytest.raises(CallRejected, match="the same page again"):
        members(caller())
