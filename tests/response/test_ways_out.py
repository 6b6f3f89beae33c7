"""Before a soft isolation: how an instance reaches SSM and S3, and what is done where nothing may stay open.

And the option that cuts tracked flows: whatever fails, the instance is never left open.
"""

from __future__ import annotations

import itertools
from typing import Any, Dict

import pytest

from aws_bridge.errors import CallProblem
from response.actions.isolate import Isolation
from response.actions.release import Release
from response.aws.instances import Instances
from response.aws.saved_state import SavedStates
from response.aws.ways_out import reach_of
from response.core.target import Target
from tests.response.server_room import REGION, Fault, ServerRoom

_numbers = itertools.count(1)


class Network:
    """Subnets of one room, each with a way of its own."""

    def __init__(self, room: ServerRoom) -> None:
        self.room, self.ec2 = room, room.ec2
        self.gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=self.gateway, VpcId=room.vpc)
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        made = self.ec2.create_nat_gateway(SubnetId=room.subnet, AllocationId=address)
        self.nat = made["NatGateway"]["NatGatewayId"]
        self.image = room.linux()

    def table(self, subnet: str, **route: str) -> str:
        table = str(self.ec2.create_route_table(VpcId=self.room.vpc)["RouteTable"]["RouteTableId"])
        self.ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
        if route:
            self.ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", **route)
        return table

    def server(self, way: str, **more: Any) -> Target:
        """Start a Linux instance in a subnet that leads out by ``nat``, ``internet`` or ``none``."""
        number = next(_numbers) + 10
        subnet = self.ec2.create_subnet(VpcId=self.room.vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"]
        route = {"nat": {"NatGatewayId": self.nat}, "internet": {"GatewayId": self.gateway}, "none": {}}[way]
        self.last_table = self.table(subnet, **route)
        before, self.room.subnet = self.room.subnet, subnet
        try:
            return self.room.server(**{"ImageId": self.image, **more})
        finally:
            self.room.subnet = before


@pytest.fixture(scope="module")
def net(room: ServerRoom) -> Network:
    return Network(room)


def isolate(room: ServerRoom, target: Target, mode: str = "soft", **how: Any):
    name = how.pop("incident", f"incident-{next(_numbers)}")
    return Isolation(room.area, SavedStates(room.area, room.bucket)).isolate(target, name, mode=mode, **how)


def online(room: ServerRoom, target: Target, **how: Any) -> Target:
    room.account.managed(REGION, target.instance, **how)
    return target


def reach(room: ServerRoom, target: Target):
    return reach_of(room.area, room.vpc, Instances(room.area).read(target).interfaces)


@pytest.mark.parametrize(
    ("way", "ssm"), [("nat", "NAT gateway"), ("internet", "internet gateway"), ("none", "none")]
)  # fmt: skip
def test_the_way_is_found_by_the_routes_of_the_subnet(room, net, way, ssm):
    found = reach(room, net.server(way))
    assert (found.ssm, found.s3, found.leads) == (ssm, ssm, ())
    assert ("NAT gateway" in found.tracked) == (way == "nat")


def test_evidence_is_captured_first_where_ssm_is_reached_through_nat(room, net):
    target = online(room, net.server("nat"))
    result = isolate(room, target, capture_first=True, incident="first")
    assert result.result == "partial" and "is NOT isolated yet" in result.says
    assert any("way to SSM: NAT gateway; way to S3: NAT gateway" in each for each in result.notes)
    assert room.is_open(target) and Instances(room.area).read(target).termination_protected
    # The hard one comes after the capture, and release knows how it was before the soft one.
    assert isolate(room, target, "hard", incident="first").result == "done" and not room.is_open(target)
    assert Release(room.area, SavedStates(room.area, room.bucket)).release(target, "first").result == "done"
    assert room.is_open(target) and not Instances(room.area).read(target).termination_protected


@pytest.mark.parametrize(
    ("way", "agent", "policy", "says"),
    [
        ("nat", {}, False, "way to SSM: NAT gateway"),
        ("nat", None, True, "no agent: SSM does not know the instance"),
        ("nat", {"ping": "ConnectionLost"}, True, "SSM's agent is ConnectionLost"),
        ("none", {}, True, "no way leads to SSM at all"),
    ],
)
def test_it_is_closed_hard_at_once_where_a_capture_would_be_for_nothing(room, net, way, agent, policy, says):
    target = net.server(way)
    if agent is not None:
        online(room, target, **agent)
    result = isolate(room, target, capture_first=policy)
    assert result.result == "done" and not room.is_open(target)
    assert any(says in each for each in result.notes), result.notes
    assert "no way is left open" in result.says


def test_windows_is_closed_hard_at_once(room, net):
    windows = next(each for each in room.ec2.describe_images()["Images"] if each.get("Platform") == "windows")
    target = online(room, net.server("nat", ImageId=windows["ImageId"]), platform="Windows")
    result = isolate(room, target, capture_first=True)
    assert result.result == "done" and not room.is_open(target)
    assert any("no volatile evidence of Windows" in each for each in result.notes)


@pytest.mark.parametrize(
    "call", ("ec2:DescribeRouteTables", "ec2:DescribeVpcEndpoints", "ssm:DescribeInstanceInformation")
)
@pytest.mark.parametrize("kind", ("denied", "timeout", "throttled"))
def test_a_way_that_cannot_be_read_keeps_nothing_open(room, net, call, kind):
    target = online(room, net.server("nat"))
    room.session.fault, room.session.failed = Fault(call, kind, 0), 0
    try:
        result = isolate(room, target, capture_first=True)
    finally:
        room.session.fault = None
    assert room.session.failed and result.result == "done" and not room.is_open(target)
    assert any("is not known" in each or "does not say" in each for each in result.notes)


def test_an_endpoint_of_s3_counts_where_the_route_table_has_it(room, net):
    target = net.server("nat")
    made = []
    for tables in ([net.last_table], []):
        endpoint = room.ec2.create_vpc_endpoint(
            VpcId=room.vpc, ServiceName=f"com.amazonaws.{REGION}.s3", VpcEndpointType="Gateway", RouteTableIds=tables
        )["VpcEndpoint"]["VpcEndpointId"]
        made.append(reach(room, target).s3)
        room.ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])
    assert made == ["gateway endpoint", "NAT gateway"]


#: Calls that cutting makes beside an isolation's, and what goes wrong with them: at the first time or always.
CUTTING = (
    "ec2:CreateSecurityGroup", "ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress",
    "ec2:ModifyNetworkInterfaceAttribute", "ec2:RevokeSecurityGroupIngress", "ec2:RevokeSecurityGroupEgress",
    "ec2:DeleteSecurityGroup", "ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules",
    "ec2:DescribeRouteTables",
)  # fmt: skip


def test_flows_are_cut_by_an_instant_in_which_everything_is_open(room, net):
    target = net.server("nat")
    room.attach(target.instance, 1)
    room.session.made.clear()
    opened = []
    call = room.session.call

    def watched(service: str, operation: str, method: Any, given: Dict[str, Any]) -> Any:
        if operation == "ModifyNetworkInterfaceAttribute":
            (group,) = given["Groups"]
            rules = room.ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
            both = [rules[name] for name in ("IpPermissions", "IpPermissionsEgress")]
            families = [any(rule.get(ip) for rule in each) for each in both for ip in ("IpRanges", "Ipv6Ranges")]
            opened.append(all(families))
        return call(service, operation, method, given)

    room.session.call = watched
    try:
        result = isolate(room, target, "hard", cut_flows=True, incident="cut")
    finally:
        del room.session.call
    assert opened[:2] == [True, True] and opened[2:] and not any(opened[2:]), "both families, then closed"
    assert result.result == "done" and not room.is_open(target)
    notes = " ".join(result.notes)
    assert "it was open to everybody for" in notes and "tracked all the same: NAT gateway" in notes
    assert "flows that were open before may go on" not in notes and "Global Accelerator" in notes
    made = {f"{service}:{name}" for service, name in room.session.made}
    assert made >= {*CUTTING}
    groups = room.ec2.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [room.vpc]}])["SecurityGroups"]
    assert not [each for each in groups if target.instance in each["GroupName"]], "the open group is gone"
    assert Release(room.area, SavedStates(room.area, room.bucket)).release(target, "cut").result == "done"


@pytest.fixture(scope="module")
def victim(room, net) -> Target:
    """An instance that is isolated again and again."""
    return net.server("nat")


#: Of these it matters when they fail: before anything is open, or when it is.
OPENING_AND_CLOSING = CUTTING[1:2] + CUTTING[3:6]
AT_ANY_TIME = (("denied", 0, 0), ("timeout", 1, 0), ("half_done", 1, 0))


@pytest.mark.parametrize(
    ("call", "kind", "after", "times"),
    [(call, *fault) for call in CUTTING for fault in (AT_ANY_TIME if call in OPENING_AND_CLOSING else AT_ANY_TIME[:1])],
)
def test_whatever_fails_while_flows_are_cut_it_is_never_left_open(room, net, victim, call, kind, after, times):
    """``after``: so many calls of the operation succeed first, so that it fails when the instance is open."""
    incident = f"fault-{next(_numbers)}"
    before = room.groups_of(victim)
    session, seen = room.session, itertools.count()
    made = session.call

    def later(service: str, operation: str, method: Any, given: Dict[str, Any]) -> Any:
        if f"{service}:{operation}" == call and next(seen) < after:
            return method(**given)
        return made(service, operation, method, given)

    session.call, session.fault, session.failed = later, Fault(call, kind, times), 0
    try:
        result = isolate(room, victim, "hard", cut_flows=True, incident=incident)
        said = result.result
    except CallProblem:
        said = "refused"
    finally:
        session.fault = None
        del session.call
    groups = {group for groups in room.groups_of(victim).values() for group in groups}
    for each in room.ec2.describe_security_groups(GroupIds=sorted(groups))["SecurityGroups"]:
        rules = each["IpPermissions"] + each["IpPermissionsEgress"]
        everything = [rule for rule in rules if rule["IpProtocol"] == "-1"]
        if "cut" in each["GroupName"] or room.groups_of(victim) != before:
            assert not everything, f"left open in {each['GroupName']}"
    assert (said in ("done", "already_done")) <= (not room.is_open(victim)), said
    # Again, without the fault: isolated; then as it was.
    assert isolate(room, victim, "hard", cut_flows=True, incident=incident).result in ("done", "already_done")
    assert not room.is_open(victim)
    assert Release(room.area, SavedStates(room.area, room.bucket)).release(victim, incident).result == "done"
    assert room.groups_of(victim) == before
