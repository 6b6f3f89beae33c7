"""Assets out of AWS Config's aggregator: the same as those that are read themselves, without what Config lacks."""

from __future__ import annotations

import json
from typing import Any, Dict, List

import pytest

pytest.importorskip("moto", reason="the stand-in for AWS needs Python 3.11")

from aws_bridge.errors import CallProblem
from collectors.assets import config_aggregator
from collectors.assets.config_aggregator import LACKS, SOURCES, Aggregator
from collectors.assets.inventory import GLOBAL, REGIONAL, inventory
from lab.aws import AwsAccount, AwsStandIn
from tests.collectors.assets.furnished import furnish, recorded_by_config
from tests.collectors.assets.test_inventory import area_of

REGION, ELSEWHERE = "eu-west-1", "us-east-1"


def aggregator(account: AwsAccount, region: str, name: str, **source: Any) -> None:
    given = source or {"OrganizationAggregationSource": {"RoleArn": account.role(), "AllAwsRegions": True}}
    account.client("config", region).put_configuration_aggregator(ConfigurationAggregatorName=name, **given)


def test_an_asset_is_the_same_by_both_ways(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    member, hub = aws.account(), aws.account()
    furnish(member)
    own = inventory(area_of(member, REGION, monkeypatch), {**REGIONAL, **GLOBAL})
    aggregator(hub, REGION, "all")
    hub.config(REGION, *recorded_by_config(member))
    found = inventory(area_of(hub, ELSEWHERE, monkeypatch), config_aggregator.lists(Aggregator(REGION, "all")))
    assert found.problems == {} and found.complete == set(SOURCES)
    by_config = {asset.key: asset for assets in found.lists.values() for asset in assets}
    compared: Dict[str, List[str]] = {}
    for assets in own.lists.values():
        for asset in assets:
            if asset.kind in ("account", "rds_cluster"):
                continue
            other = by_config.pop(asset.key)
            event, same = asset.event(), other.event()
            lacks = ("public", "public_by") if asset.kind == "s3_bucket" else LACKS.get(asset.kind, ())
            lacks = (*lacks, "oldest_active_key") if asset.kind == "iam_user" else lacks
            assert same == {name: value for name, value in event.items() if name not in lacks or name in same}
            compared.setdefault(asset.kind, []).append(asset.id)
    assert by_config == {} and len(compared) == 13
    # What Config does not say is not a no.
    exposed = {asset.id: asset.fields.get("public") for asset in found.lists["buckets"]}
    assert exposed == {f"open-{member.id}": True, f"shut-{member.id}": None}
    assert all("public" not in asset.fields for asset in found.lists["functions"])


def test_pages_and_answers_that_are_text_of_text(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = aws.account()
    aggregator(hub, REGION, "all")
    text = json.dumps({"vpcId": "vpc-0", "cidrBlock": "10.0.0.0/16"})
    hub.config(
        REGION,
        *(
            {"accountId": "111122223333", "awsRegion": ELSEWHERE, "resourceType": "AWS::EC2::VPC", "resourceId": "x",
             "configuration": text.replace("vpc-0", f"vpc-{number}")}
            for number in range(230)
        ),
    )  # fmt: skip
    area = area_of(hub, REGION, monkeypatch)
    assets = list(config_aggregator.lists(Aggregator(REGION, "all"))["vpcs"](area))
    assert {asset.id for asset in assets} == {f"vpc-{number}" for number in range(230)}
    assert area.caller.made["config:SelectAggregateResourceConfig"] == 3


def test_the_aggregator_that_sees_most_is_found(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = aws.account()
    area = area_of(hub, ELSEWHERE, monkeypatch)
    regions = [ELSEWHERE, REGION]
    assert config_aggregator.find(area, regions) is None
    few = {"AccountIds": ["111122223333"], "AwsRegions": [REGION]}
    aggregator(hub, ELSEWHERE, "few", AccountAggregationSources=[few])
    assert config_aggregator.find(area, regions) == Aggregator(ELSEWHERE, "few")
    aggregator(hub, REGION, "organization")
    assert config_aggregator.find(area, regions) == Aggregator(REGION, "organization")
    hub.deny(REGION, "config")
    try:
        assert config_aggregator.find(area, regions) == Aggregator(ELSEWHERE, "few")
        with pytest.raises(CallProblem, match="config:DescribeConfigurationAggregators"):
            config_aggregator.find(area, [REGION])
    finally:
        hub.allow(REGION, "config")


def test_one_that_is_not_there(aws: AwsStandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    area = area_of(aws.account(), REGION, monkeypatch)
    found = inventory(area, config_aggregator.lists(Aggregator(REGION, "gone")))
    assert set(found.problems) == set(SOURCES) and "NoSuchConfigurationAggregator" in str(found.problems["vpcs"])
