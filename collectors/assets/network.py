"""Networks: VPCs and subnets with the state of their flow logs, security groups, interfaces with their addresses.

Needs ``ec2:DescribeVpcs``, ``DescribeSubnets``, ``DescribeFlowLogs``, ``DescribeSecurityGroups``,
``DescribeNetworkInterfaces``, ``DescribeAddresses``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, Set

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
    for vpc in area.each("ec2", "DescribeVpcs", "Vpcs", EC2):
        id = vpc["VpcId"]
        fields = {"cidr": vpc.get("CidrBlock"), "is_default": bool(vpc.get("IsDefault")), "flow_logs": id in logged}
        yield Asset("vpc", id, where, fields, tags=tags_of(vpc.get("Tags")))
    for subnet in area.each("ec2", "DescribeSubnets", "Subnets", EC2):
        id, vpc_id = subnet["SubnetId"], subnet.get("VpcId")
        fields = {
            "cidr": subnet.get("CidrBlock"),
            "vpc": vpc_id,
            "zone": subnet.get("AvailabilityZoneId") or subnet.get("AvailabilityZone"),
            "gives_public_ip": bool(subnet.get("MapPublicIpOnLaunch")),
            "flow_logs": bool({id, vpc_id} & logged),
        }
        yield Asset("subnet", id, where, fields, subnet.get("SubnetArn", ""), tags_of(subnet.get("Tags")))


def security_groups(area: Area) -> Iterator[Asset]:
    """Yield security groups with what they open to everybody."""
    for group in area.each("ec2", "DescribeSecurityGroups", "SecurityGroups", EC2):
        fields = {
            "name": group.get("GroupName"),
            "vpc": group.get("VpcId"),
            "open_to_world": opened(group.get("IpPermissions")),
        }
        where = Where(area.account, area.region)
        yield Asset("security_group", group["GroupId"], where, fields, tags=tags_of(group.get("Tags")))


def interfaces(area: Area) -> Iterator[Asset]:
    """Yield network interfaces: every address in use, also of load balancers, functions and databases."""
    for found in area.each("ec2", "DescribeNetworkInterfaces", "NetworkInterfaces", EC2):
        attachment: Dict[str, Any] = found.get("Attachment") or {}
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
            "attached_to": attachment.get("InstanceId"),
            "type": found.get("InterfaceType"),
            "description": found.get("Description"),
        }
        where = Where(area.account, area.region)
        id = found["NetworkInterfaceId"]
        yield Asset("network_interface", id, where, fields, tags=tags_of(found.get("TagSet")))


def addresses(area: Area) -> Iterator[Asset]:
    """Yield elastic addresses, also those that nothing uses."""
    for found in area.ask("ec2", "DescribeAddresses").get("Addresses") or ():
        fields = {
            "public_ip": texts([found.get("PublicIp")]),
            "attached_to": found.get("InstanceId") or found.get("NetworkInterfaceId"),
        }
        id = found.get("AllocationId") or found["PublicIp"]
        yield Asset("elastic_ip", id, Where(area.account, area.region), fields, tags=tags_of(found.get("Tags")))
