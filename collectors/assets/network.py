"""Networks: VPCs and subnets with the state of their flow logs, security groups, interfaces with their addresses.

Needs ``ec2:DescribeVpcs``, ``DescribeSubnets``, ``DescribeFlowLogs``, ``DescribeSecurityGroups``,
``DescribeNetworkInterfaces``, ``DescribeAddresses``.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Set

from aws_bridge.accounts.area import EC2, Area
from collectors.assets.asset import Asset, Where, opened, tags_of, texts


def networks(area: Area) -> Iterator[Asset]:
    """Yield VPCs and subnets. A subnet is logged when it or its VPC has a flow log."""
    where = Where(area.account, area.region)
    logged: Set[str] = {
        str(log.get("ResourceId"))
        for log in area.each("ec2", "DescribeFlowLogs", "FlowLogs", EC2)
        if log.get("FlowLogStatus", "ACTIVE") == "ACTIVE"
    }
    for found in area.each("ec2", "DescribeVpcs", "Vpcs", EC2):
        yield vpc(found, where, {"flow_logs": found["VpcId"] in logged})
    for found in area.each("ec2", "DescribeSubnets", "Subnets", EC2):
        yield subnet(found, where, {"flow_logs": bool({found["SubnetId"], found.get("VpcId")} & logged)})


def vpc(found: Mapping[str, Any], where: Where, more: Mapping[str, Any]) -> Asset:
    """Return a network as EC2 describes it, and what else is known of it."""
    fields = {"cidr": found.get("CidrBlock"), "is_default": bool(found.get("IsDefault")), **more}
    return Asset("vpc", found["VpcId"], where, fields, tags=tags_of(found.get("Tags")))


def subnet(found: Mapping[str, Any], where: Where, more: Mapping[str, Any]) -> Asset:
    """Return a subnet as EC2 describes it, and what else is known of it."""
    fields = {
        "cidr": found.get("CidrBlock"),
        "vpc": found.get("VpcId"),
        "zone": found.get("AvailabilityZoneId") or found.get("AvailabilityZone"),
        "gives_public_ip": bool(found.get("MapPublicIpOnLaunch")),
        **more,
    }
    return Asset("subnet", found["SubnetId"], where, fields, found.get("SubnetArn", ""), tags_of(found.get("Tags")))


def security_groups(area: Area) -> Iterator[Asset]:
    """Yield security groups with what they open to everybody."""
    for found in area.each("ec2", "DescribeSecurityGroups", "SecurityGroups", EC2):
        yield security_group(found, Where(area.account, area.region))


def security_group(found: Mapping[str, Any], where: Where) -> Asset:
    """Return a security group as EC2 describes it."""
    fields = {
        "name": found.get("GroupName"),
        "vpc": found.get("VpcId"),
        "open_to_world": opened(found.get("IpPermissions")),
    }
    return Asset("security_group", found["GroupId"], where, fields, tags=tags_of(found.get("Tags")))


def interfaces(area: Area) -> Iterator[Asset]:
    """Yield network interfaces: every address in use, also of load balancers, functions and databases."""
    for found in area.each("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", EC2):
        yield interface(found, Where(area.account, area.region))


def interface(found: Mapping[str, Any], where: Where) -> Asset:
    """Return a network interface as EC2 describes it."""
    private = found.get("PrivateIpAddresses") or ()
    public = [(each.get("Association") or {}).get("PublicIp") for each in private]
    public.append((found.get("Association") or {}).get("PublicIp"))
    fields = {
        "ip": texts([*(each.get("PrivateIpAddress") for each in private), found.get("PrivateIpAddress")]),
        "ipv6": texts(each.get("Ipv6Address") for each in found.get("Ipv6Addresses") or ()),
        "public_ip": texts(public),
        "mac": found.get("MacAddress"),
        "dns": found.get("PrivateDnsName"),
        "vpc": found.get("VpcId"),
        "subnet": found.get("SubnetId"),
        "security_groups": texts(each.get("GroupId") for each in found.get("Groups") or ()),
        "attached_to": (found.get("Attachment") or {}).get("InstanceId"),
        "type": found.get("InterfaceType"),
        "description": found.get("Description"),
    }
    return Asset("network_interface", found["NetworkInterfaceId"], where, fields, tags=tags_of(found.get("TagSet")))


def addresses(area: Area) -> Iterator[Asset]:
    """Yield elastic addresses, also those that nothing uses."""
    for found in area.ask("ec2", "DescribeAddresses").get("Addresses") or ():
        yield address(found, Where(area.account, area.region))


def address(found: Mapping[str, Any], where: Where) -> Asset:
    """Return an elastic address as EC2 describes it."""
    fields = {
        "public_ip": texts([found.get("PublicIp")]),
        "attached_to": found.get("InstanceId") or found.get("NetworkInterfaceId"),
    }
    id = found.get("AllocationId") or found["PublicIp"]
    return Asset("elastic_ip", id, where, fields, tags=tags_of(found.get("Tags")))
