"""An account with everything in it, in the stand-in for AWS: what is found, by which calls, and how it is exposed."""

from __future__ import annotations

import json
from typing import Dict, List, Set

import pytest

pytest.importorskip("moto", reason="the stand-in for AWS needs Python 3.11")

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from collectors.assets import config_aggregator
from collectors.assets.asset import Asset
from collectors.assets.inventory import GLOBAL, ORGANIZATION, REGIONAL, Found, inventory
from lab.aws import AwsAccount, AwsStandIn
from lab.aws.faults import Fault
from tests.collectors.assets.furnished import furnish
from tests.deploy.findings.test_permissions import section

REGION = "eu-west-1"
#: Calls whose permission has another name: https://docs.aws.amazon.com/service-authorization/latest/reference/
PERMISSIONS = {
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
}


@pytest.fixture(scope="module")
def account(aws: AwsStandIn) -> AwsAccount:
    found = aws.account()
    furnish(found)
    return found


def area_of(account: AwsAccount, region: str, monkeypatch: pytest.MonkeyPatch) -> Area:
    for name, value in account.environment(region).items():
        monkeypatch.setenv(name, value)
    caller = Caller(AwsSession(Account("prod")), wait_s=float, sleep=lambda seconds: None)
    return Area(caller, account.id, region)


@pytest.fixture
def area(account: AwsAccount, monkeypatch: pytest.MonkeyPatch) -> Area:
    return area_of(account, REGION, monkeypatch)


def by_kind(found: Found) -> Dict[str, List[Asset]]:
    kinds: Dict[str, List[Asset]] = {}
    for assets in found.lists.values():
        for asset in assets:
            kinds.setdefault(asset.kind, []).append(asset)
    return kinds


def test_everything_is_found_with_how_it_is_exposed(account: AwsAccount, area: Area) -> None:
    found = inventory(area, {**REGIONAL, **GLOBAL})
    assert found.problems == {} and found.complete == {*REGIONAL, *GLOBAL}
    kinds = by_kind(found)
    assert set(kinds) == {
        "ec2_instance", "load_balancer", "lambda_function", "eks_cluster", "rds_instance", "vpc", "subnet",
        "security_group", "network_interface", "elastic_ip", "s3_bucket", "iam_user", "iam_role", "account",
    }  # fmt: skip
    (instance,) = kinds["ec2_instance"]
    event = instance.event()
    assert (event["name"], event["owner"], event["state"]) == ("web-1", "kim", "running")
    assert event["ip"] and event["ip"][0].startswith("10.7.0.")
    (web,) = [group for group in kinds["security_group"] if group.fields["name"] == "web"]
    assert web.fields["open_to_world"] == ["tcp/22"]
    assert event["security_groups"] == [web.id]
    exposed = {
        asset.id: asset.fields["public"] for kind in kinds.values() for asset in kind if "public" in asset.fields
    }
    assert exposed[f"open-{account.id}"] and not exposed[f"shut-{account.id}"]
    assert exposed["shop"] and exposed["pay"] and exposed["orders"] and exposed["build"]
    (user,) = kinds["iam_user"]
    assert user.event()["team"] == "pay" and len(user.fields["keys"]) == 1 and not user.fields["mfa"]
    assert not any(asset.fields["flow_logs"] for asset in kinds["vpc"] + kinds["subnet"])


def test_keys_are_unique_and_an_inventory_of_the_same_is_the_same(area: Area) -> None:
    one, other = (inventory(area, {**REGIONAL, **GLOBAL}) for _ in range(2))
    first = [asset for assets in one.lists.values() for asset in assets]
    assert len({asset.key for asset in first}) == len(first)
    assert {asset.key: asset.digest for asset in first} == {
        asset.key: asset.digest for assets in other.lists.values() for asset in assets
    }
    json.dumps([asset.event() for asset in first])  # nothing that JSON does not have


def test_every_permission_is_needed_and_no_other(account: AwsAccount, area: Area) -> None:
    inventory(area, {**REGIONAL, **GLOBAL})
    config_aggregator.find(area, [REGION])
    inventory(area, config_aggregator.lists(config_aggregator.Aggregator(REGION, "none here")))
    names = {"elbv2": "elasticloadbalancing"}
    made: Set[str] = set()
    for call in area.caller.made:
        service, _, operation = call.partition(":")
        action = f"{names.get(service, service)}:{operation}"
        made.add(PERMISSIONS.get(action, action))
    assert made == {action for action, _, _ in section("Asset inventory")}


def test_what_is_denied_holds_nothing_else_up(account: AwsAccount, area: Area) -> None:
    account.deny(REGION, "rds")
    try:
        found = inventory(area, REGIONAL)
    finally:
        account.allow(REGION, "rds")
    assert set(found.problems) == {"databases"} and found.complete == set(REGIONAL) - {"databases"}
    assert "rds:DescribeDBInstances" in str(found.problems["databases"])


def test_an_account_is_called_by_its_alias(account: AwsAccount, area: Area) -> None:
    account.client("iam").create_account_alias(AccountAlias="shop")
    (found,) = inventory(area, {"account": GLOBAL["account"]}).lists["account"]
    assert (found.key, found.event()["name"]) == (f"{account.id}:global:account:{account.id}", "shop")


def test_accounts_of_an_organization(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    manager, pay, old = (aws.account() for _ in range(3))
    tags = {"Owner": "kim", "Environment": "prod"}
    manager.organization(
        {"member": pay.id, "name": "pay", "unit": "Workloads/Prod", "tags": tags},
        {"member": old.id, "name": "old", "suspended": True},
        *({"member": aws.account().id, "name": f"n{number}"} for number in range(25)),  # more than a page
    )
    area = area_of(manager, "us-east-1", monkeypatch)
    found = inventory(area, ORGANIZATION)
    assert found.complete == {"accounts"}
    events = {asset.id: asset.event() for asset in found.lists["accounts"]}
    assert len(events) == 28 and manager.id in events
    wanted = {"name": "pay", "ou": "Root/Workloads/Prod", "owner": "kim", "environment": "prod", "kind": "account"}
    assert wanted.items() <= events[pay.id].items() and "@" in events[pay.id]["email"]
    assert (events[pay.id]["account_state"], events[old.id]["account_state"]) == ("ACTIVE", "SUSPENDED")
    assert events[old.id]["ou"] == "Root"
    names = {action for action, _, _ in section("Accounts of the organization")}
    assert set(area.caller.made) <= names
    # A member may not ask.
    asked = inventory(area_of(pay, "us-east-1", monkeypatch), ORGANIZATION)
    assert asked.lists == {"accounts": []} and "organizations:ListAccounts" in str(asked.problems["accounts"])


def test_names_come_without_units_where_these_are_denied(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    manager, member = aws.account(), aws.account()
    manager.organization({"member": member.id, "name": "pay", "unit": "Prod"})
    manager.fault(Fault("AccessDeniedException", operation="ListParents", times=-1))
    found = inventory(area_of(manager, "us-east-1", monkeypatch), ORGANIZATION)
    assert {asset.fields["name"] for asset in found.lists["accounts"]} >= {"pay"}
    assert found.complete == set() and "organizations:ListParents" in str(found.problems["accounts"])
