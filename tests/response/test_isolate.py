"""Isolation and release of an instance in the stand-in for AWS. What is open is read from AWS, not from the result."""

from __future__ import annotations

import dataclasses
import itertools
import json
from typing import Any, Dict

import pytest

from aws_bridge.errors import CallProblem
from response.actions.isolate import Isolation
from response.actions.release import Release
from response.aws.instances import Instances
from response.aws.quarantine import TAG, QuarantineGroups
from response.aws.saved_state import SavedStates
from response.core.instance import Instance, from_json, to_json
from response.core.target import Target
from response.errors import BadTarget, NoSavedState
from tests.response.faults import cases
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)


def incident() -> str:
    return f"incident-{next(_numbers)}"


def isolate(room: ServerRoom, target: Target, name: str, **how: Any):
    return Isolation(room.area, SavedStates(room.area, room.bucket)).isolate(target, name, **how)


def release(room: ServerRoom, target: Target, name: str, **how: Any):
    return Release(room.area, SavedStates(room.area, room.bucket)).release(target, name, **how)


def read(room: ServerRoom, target: Target) -> Instance:
    return Instances(room.area).read(target)


@pytest.fixture(scope="module")
def shop(room: ServerRoom) -> Target:
    """An instance with everything: two interfaces, IPv6, a role, a scaling group, load balancers by id and address."""
    target = room.server(interfaces=2, InstanceInitiatedShutdownBehavior="terminate")
    room.profile(target.instance)
    second = [each for each in read(room, target).interfaces if each.index == 1][0]
    room.behind_load_balancer(instance=target.instance)
    room.behind_load_balancer(address=second.ipv4[0])
    room.in_scaling_group(target.instance)
    return target


def test_an_isolated_instance_reaches_nobody_and_is_released_to_what_it_was(room, shop):
    before, name = read(room, shop), incident()
    assert before.registrations and before.scaling and before.profile and not before.unread
    assert before.on_shutdown == "terminate"
    assert all(each.ipv6 for each in before.interfaces if each.index)
    result = isolate(room, shop, name)
    assert (result.result, result.failures) == ("done", ()), result.says
    assert not room.is_open(shop)
    now = read(room, shop)
    assert (now.termination_protected, now.stop_protected, now.on_shutdown) == (True, True, "stop")
    assert not any(each.delete_on_termination for each in now.volumes)
    assert now.scaling and now.scaling.state == "Standby" and now.registrations == ()
    assert isolate(room, shop, name).result == "already_done"
    assert release(room, shop, name).result == "done"
    assert read(room, shop) == before
    assert release(room, shop, name).result == "already_done"


def test_a_dry_run_says_what_would_change_and_changes_nothing(room, shop):
    before = read(room, shop)
    room.session.made.clear()
    result = isolate(room, shop, incident(), dry_run=True)
    assert result.result == "planned"
    assert {each.change.kind for each in result.outcomes} == {
        "groups", "termination_protection", "stop_protection", "on_shutdown", "keep_volume", "standby", "registration",
    }  # fmt: skip
    assert all(name.startswith("Describe") for _, name in room.session.made)
    assert read(room, shop) == before


def test_the_record_of_an_instance_survives_being_written_down(room, shop):
    found = read(room, shop)
    assert from_json(to_json(found)) == found


#: Calls of an isolation and a release without a fault: `test_every_call_has_a_case` compares.
READING = (
    "ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces", "ec2:DescribeInstanceAttribute",
    "ec2:DescribeIamInstanceProfileAssociations", "ec2:DescribeAddresses", "autoscaling:DescribeAutoScalingInstances",
    "autoscaling:DescribeAutoScalingGroups", "elbv2:DescribeTargetGroups", "elbv2:DescribeTargetHealth",
    "elb:DescribeLoadBalancers", "ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules", "s3:GetObject",
)  # fmt: skip
CHANGING = (
    "s3:PutObject", "ec2:ModifyNetworkInterfaceAttribute", "ec2:ModifyInstanceAttribute", "autoscaling:EnterStandby",
    "elbv2:DeregisterTargets", "ec2:CreateSecurityGroup", "ec2:RevokeSecurityGroupEgress",
)  # fmt: skip
RELEASING = ("autoscaling:ExitStandby", "elbv2:RegisterTargets", "ec2:ModifyNetworkInterfaceAttribute")


def forget_quarantine(room: ServerRoom) -> None:
    """Delete the quarantine groups, so that they are made anew."""
    for each in room.ec2.describe_security_groups(Filters=[{"Name": "tag-key", "Values": [TAG]}])["SecurityGroups"]:
        room.ec2.delete_security_group(GroupId=each["GroupId"])


def test_every_call_has_a_case(room, shop):
    forget_quarantine(room)
    room.session.made.clear()
    name = incident()
    isolate(room, shop, name)
    release(room, shop, name)
    assert {f"{service}:{call}" for service, call in room.session.made} == {*READING, *CHANGING, *RELEASING}


@pytest.fixture(scope="module")
def as_it_was(room: ServerRoom, shop: Target) -> Instance:
    """The instance before the first fault, and after each."""
    return read(room, shop)


@pytest.mark.parametrize(
    "call, kind, times",
    [*cases(READING, CHANGING), *((call, "half_done", 1) for call in CHANGING)],
)
def test_a_failure_leaves_it_isolated_or_reported_as_open(room, shop, as_it_was, call, kind, times):
    forget_quarantine(room)
    before, name = as_it_was, incident()
    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        result = isolate(room, shop, name)
        said = result.result
    except CallProblem as exc:
        said = "refused"
        assert exc.call == call
        assert read_without_fault(room, shop) == before, "it said that it changed nothing"
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    assert (said in ("done", "already_done")) <= (not room.is_open(shop)), said
    if said == "failed":
        assert "NOT isolated" in result.says
    if times == 1 and kind != "denied":
        assert said == "done"
    assert isolate(room, shop, name).result in ("done", "already_done")
    assert not room.is_open(shop)
    assert release(room, shop, name).result == "done"
    assert read(room, shop) == before


def read_without_fault(room: ServerRoom, target: Target) -> Instance:
    fault, room.session.fault = room.session.fault, None
    try:
        return read(room, target)
    finally:
        room.session.fault = fault


@pytest.mark.parametrize("kind", ("denied", "half_done"))
@pytest.mark.parametrize("call", RELEASING)
def test_a_release_that_fails_says_so_and_goes_on_where_it_was(room, shop, as_it_was, call, kind):
    before, name = as_it_was, incident()
    isolate(room, shop, name)
    room.session.fault, room.session.failed = Fault(call, kind), 0
    try:
        said = release(room, shop, name).result
    finally:
        room.session.fault = None
    assert (said == "done") == (read(room, shop) == before)
    assert release(room, shop, name).result in ("done", "already_done")
    assert read(room, shop) == before


def test_a_release_refuses_when_somebody_changed_it_since(room):
    target, name = room.server(), incident()
    isolate(room, target, name)
    (interface,) = room.groups_of(target)
    room.ec2.modify_network_interface_attribute(NetworkInterfaceId=interface, Groups=[room.admin])
    result = release(room, target, name)
    assert result.result == "refused" and interface in " ".join(result.notes)
    assert room.groups_of(target) == {interface: [room.admin]}


def test_an_interface_attached_meanwhile_is_closed_too(room, monkeypatch):
    target, name = room.server(), incident()
    listed = Instances.interfaces
    late: Dict[str, str] = {}

    def interfaces(self: Instances, of: Target):
        # Attached after the interfaces were closed and before they are listed again.
        if not late and not room.is_open(of):
            late["id"] = room.attach(of.instance, 1)
        return listed(self, of)

    monkeypatch.setattr(Instances, "interfaces", interfaces)
    result = isolate(room, target, name)
    assert result.result == "done" and late["id"] in room.groups_of(target)
    assert not room.is_open(target)
    released = release(room, target, name)
    assert any(late["id"] in note for note in released.notes)


def test_a_rule_that_somebody_put_into_the_quarantine_group_is_taken_away(room):
    target, name = room.server(), incident()
    isolate(room, target, name)
    (group,) = {group for groups in room.groups_of(target).values() for group in groups}
    anything = {"IpProtocol": "-1", "Ipv6Ranges": [{"CidrIpv6": "::/0"}]}
    room.ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[anything])
    assert room.is_open(target)
    assert isolate(room, target, name).result == "already_done"
    assert not room.is_open(target)


def test_what_was_isolated_before_is_never_saved_as_the_state_to_return_to(room):
    target = room.server()
    isolate(room, target, incident())
    again = incident()
    result = isolate(room, target, again)
    assert result.result == "already_done" and any("cannot restore" in note for note in result.notes)
    with pytest.raises(NoSavedState, match="nothing is known that could be restored"):
        release(room, target, again)


def test_soft_isolation_leaves_the_endpoints_of_ssm_and_s3_and_nothing_else(room):
    endpoints = room.group("endpoints")
    for service in ("ssm", "ssmmessages", "ec2messages"):
        room.ec2.create_vpc_endpoint(
            VpcId=room.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}", VpcEndpointType="Interface",
            SubnetIds=[room.subnet], SecurityGroupIds=[endpoints],
        )  # fmt: skip
    target, name = room.server(interfaces=2), incident()
    result = isolate(room, target, name, mode="soft")
    assert result.result == "done"
    (group,) = {group for groups in room.groups_of(target).values() for group in groups}
    (rules,) = room.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    assert not rules["IpPermissions"]
    (way,) = rules["IpPermissionsEgress"]
    assert (way["IpProtocol"], way["FromPort"], way["ToPort"], way["IpRanges"], way["Ipv6Ranges"]) == (
        "tcp",
        443,
        443,
        [],
        [],
    )
    assert [each["GroupId"] for each in way["UserIdGroupPairs"]] == [endpoints]
    assert f"open at port 443: {endpoints}" in result.says and "data can leave" not in result.says
    # The way to S3 is told of, and whether it leads to the evidence alone.
    limited = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject",
                              "Resource": [f"arn:aws:s3:::{room.bucket}/*"]}]}  # fmt: skip
    for policy, wide in ((limited, False), ({"Statement": [{**limited["Statement"][0], "Resource": "*"}]}, True)):
        made = room.ec2.create_vpc_endpoint(
            VpcId=room.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway",
            PolicyDocument=json.dumps(policy),
        )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
        said = isolate(room, target, name, mode="soft").says
        assert (f"data can leave by {made}" in said) == wide, said
        room.ec2.delete_vpc_endpoints(VpcEndpointIds=[made])
    assert isolate(room, target, name).result == "done"
    assert not room.is_open(target)
    # Soft isolation opens nothing that is closed.
    assert isolate(room, target, name, mode="soft").result == "already_done"
    assert not room.is_open(target)
    assert release(room, target, name).result == "done"
    assert room.is_open(target)


def test_capture_first_leaves_an_instance_without_endpoints_open_and_says_so(room):
    for each in room.ec2.describe_vpc_endpoints()["VpcEndpoints"]:
        room.ec2.delete_vpc_endpoints(VpcEndpointIds=[each["VpcEndpointId"]])
    target, name = room.server(ImageId=room.linux()), incident()
    room.account.managed(REGION, target.instance)
    gateway = room.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    room.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=room.vpc)
    (main,) = room.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [room.vpc]}])["RouteTables"]
    way = {"DestinationCidrBlock": "0.0.0.0/0", "GatewayId": gateway}
    room.ec2.create_route(RouteTableId=main["RouteTableId"], **way)
    before = room.groups_of(target)
    result = isolate(room, target, name, mode="soft", capture_first=True)
    assert (result.result, "NOT isolated yet" in result.says, room.is_open(target)) == ("partial", True, True)
    assert read(room, target).termination_protected, "it is protected, and its state is saved"
    assert isolate(room, target, name, capture_first=True).result == "done" and not room.is_open(target)
    assert isolate(room, target, name, mode="soft", capture_first=True).result == "already_done"
    assert not room.is_open(target)
    assert release(room, target, name).result == "done" and room.groups_of(target) == before


def test_what_cannot_be_isolated(room):
    target = room.server()
    room.ec2.terminate_instances(InstanceIds=[target.instance])
    result = isolate(room, target, incident())
    assert result.result == "refused" and "nothing left to isolate" in result.says
    unknown = dataclasses.replace(target, instance="i-0123456789abcdef0")
    with pytest.raises(BadTarget, match="there is no instance"):
        isolate(room, unknown, incident())


def test_a_group_that_must_not_shrink_starts_another_instance_and_the_result_says_so(room):
    target, name = room.server(), incident()
    room.account.client("autoscaling", REGION).delete_auto_scaling_group(AutoScalingGroupName="shop", ForceDelete=True)
    room.in_scaling_group(target.instance, minimum=1)
    result = isolate(room, target, name)
    assert result.result == "done" and any("starts another instance" in note for note in result.notes)
    assert not room.is_open(target)


def test_two_responses_that_make_the_group_at_once_use_the_same(room, monkeypatch):
    forget = QuarantineGroups._found
    calls = itertools.count()

    def found(self: QuarantineGroups, vpc: str, kind: str) -> str:
        # The first look finds none, since the other response makes it between the two calls.
        return "" if next(calls) == 0 else forget(self, vpc, kind)

    before = QuarantineGroups(room.area).ensure(room.vpc, "hard")
    monkeypatch.setattr(QuarantineGroups, "_found", found)
    assert QuarantineGroups(room.area).ensure(room.vpc, "hard") == before
