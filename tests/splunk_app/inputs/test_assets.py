"""The asset inventory, from the queue of splunkd's requests to the events that splunkd reads."""

from __future__ import annotations

from typing import Any, Dict, List

from lab.aws import AwsAccount
from tests.collectors.assets.furnished import furnish
from tests.splunk_app.inputs.conftest import HEALTH, QUICK, of

SOURCETYPE = "aws:siem_bridge:asset"
KINDS = {
    "ec2_instance", "load_balancer", "lambda_function", "eks_cluster", "rds_instance", "vpc", "subnet",
    "security_group", "network_interface", "elastic_ip", "s3_bucket", "iam_user", "iam_role", "account",
}  # fmt: skip


def health(events: List[Dict[str, Any]], status: str) -> List[Dict[str, Any]]:
    return [each for each in of(events, HEALTH) if each["status"] == status]


def assets(events: List[Dict[str, Any]], change: str = "") -> List[Dict[str, Any]]:
    return [each for each in of(events, SOURCETYPE) if change in ("", each["change"])]


def test_an_inventory_once_then_what_changes_and_after_a_restart_nothing_again(input_of, aws_account: AwsAccount):
    furnish(aws_account)
    aws_account.deny("eu-west-1", "rds")
    member = aws_account.another().id
    aws_account.organization({"member": member, "name": "pay", "unit": "Prod", "tags": {"Owner": "kim"}})
    # AWS Config knows of an account that is not read itself, and of one that is.
    aws_account.client("config", "eu-west-1").put_configuration_aggregator(
        ConfigurationAggregatorName="all",
        OrganizationAggregationSource={"RoleArn": aws_account.role(), "AllAwsRegions": True},
    )
    aws_account.config("eu-west-1", *(
        {"accountId": account, "awsRegion": region, "resourceType": "AWS::EC2::VPC", "resourceId": f"vpc-{number}",
         "configuration": {"vpcId": f"vpc-{number}"}}
        for number, (account, region) in enumerate(
            [(member, "eu-west-1"), (aws_account.id, "eu-west-1"), (member, "eu-central-1")]
        )
    ))  # fmt: skip
    s3, shut = aws_account.client("s3"), f"shut-{aws_account.id}"
    options = {"regions": "eu-west-1", "owner_tags": "Owner", **QUICK}
    running = input_of("aws_assets").run("all", **options)

    # Everything but what is denied, which is said once.
    running.wait_for(lambda events: {each["kind"] for each in assets(events)} >= KINDS - {"rds_instance"})
    running.wait_for(lambda events: health(events, "failing"))
    running.wait_for(lambda events: [each for each in assets(events) if each["id"] == member])
    # The account calls itself something as well, beside what the organization calls it.
    first = [each for each in assets(running.events) if "name" in each or each["kind"] != "account"]
    running.wait_for(
        lambda events: [each for each in assets(events) if each["kind"] == "vpc" and each["account"] == member]
    )
    by_config = [each["id"] for each in assets(running.events) if each["id"] in ("vpc-0", "vpc-1", "vpc-2")]
    assert by_config == ["vpc-0"]
    (notice,) = [each for each in health(running.events, "notice") if "aggregator" in each]
    assert (notice["aggregator"], notice["aggregator_region"]) == ("all", "eu-west-1") and "mfa" in notice["lacks"]
    (named,) = [each for each in first if each["id"] == member]
    assert (named["name"], named["ou"], named["owner"]) == ("pay", "Root/Prod", "kim")
    assert {each["change"] for each in first} == {"present"}
    assert len({each["asset_key"] for each in first}) == len(first)
    assert {each.get("owner") for each in first if each["kind"] == "ec2_instance"} == {"kim"}
    event = next(each for each in running.events if each["sourcetype"] == SOURCETYPE)
    assert event["source"].startswith(f"aws_siem_bridge:asset:{aws_account.id}:")

    # What changes, and how it is exposed.
    s3.delete_public_access_block(Bucket=shut)
    s3.put_bucket_acl(Bucket=shut, ACL="public-read")
    aws_account.client("iam").create_user(UserName="eve")
    aws_account.allow("eu-west-1", "rds")
    running.wait_for(lambda events: [each for each in assets(events) if each.get("became_public")])
    running.wait_for(lambda events: {each["id"] for each in assets(events, "appeared")} == {"eve", "orders"})
    running.wait_for(lambda events: health(events, "recovered"))
    assert running.stop() == 0 and running.stderr == ""
    (failing,) = health(running.events, "failing")
    assert failing["list"] == "databases" and failing["missing_permission"] == "rds:DescribeDBInstances"
    became = [each for each in assets(running.events) if each.get("became_public") and each["change"] == "changed"]
    assert [(each["kind"], each["id"]) for each in became] == [("s3_bucket", shut)]

    # A restart goes on.
    aws_account.client("iam").delete_user(UserName="eve")
    again = input_of("aws_assets").run("all", **options)
    again.wait_for(lambda events: assets(events, "gone"))
    assert again.stop() == 0
    assert [(each["change"], each["id"]) for each in assets(again.events)] == [("gone", "eve")]
