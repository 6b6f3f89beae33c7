"""How an instance can reach SSM and S3: by endpoints of its VPC, which can stay open, or by its routes.

Needs ``ec2:DescribeVpcEndpoints``, ``DescribePrefixLists`` and ``DescribeRouteTables``.
https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html
"""

from __future__ import annotations

import json
from typing import Any, Dict, Iterator, List, Set, Tuple

from aws_bridge.accounts.area import EC2, Area
from response.core import reach
from response.core.instance import Interface
from response.core.reach import Reach

#: What SSM's agent needs. ec2messages is not in newer regions, where ssmmessages does its work.
SSM = ("ssm", "ssmmessages")
_MORE = ("ec2messages", "s3")
#: Beginning of a route's target -> what it is. What is not here is another way.
_TARGETS = (("igw-", reach.INTERNET), ("nat-", reach.NAT))
#: Member of a route -> the kind of a path that is always tracked.
_TRACKED = {
    "NatGatewayId": "NAT gateway",
    "EgressOnlyInternetGatewayId": "egress-only internet gateway",
    "TransitGatewayId": "transit gateway",
}
_EVERYWHERE = ("0.0.0.0/0", "::/0")


def ways_out(area: Area, vpc: str) -> Tuple[str, ...]:
    """Return the security groups of interface endpoints and the prefix list of S3's gateway endpoint, sorted.

    Empty where the VPC has no endpoints for SSM: then nothing that stays open would help, and evidence can only be
    collected before the instance is closed.
    """
    return _leads(area, list(_endpoints(area, vpc)))


def reach_of(area: Area, vpc: str, interfaces: Tuple[Interface, ...]) -> Reach:
    """Return how the interfaces of an instance in one VPC reach SSM and S3. Raises `CallProblem`."""
    endpoints = list(_endpoints(area, vpc))
    leads = _leads(area, endpoints)
    tables = _tables(area, vpc, {each.subnet for each in interfaces})
    routes = [route for table in tables for route in table.get("Routes") or () if _is_default(route)]
    default = _default(routes)
    ids = {table["RouteTableId"] for table in tables}
    s3 = [each for each in endpoints if _service(each) == "s3"]
    # A gateway endpoint is a way for the subnets alone whose route table it is in.
    gateways = [each for each in s3 if _is_gateway(each) and ids & set(each.get("RouteTableIds") or ())]
    private = [each for each in s3 if not _is_gateway(each)]
    tracked = {_TRACKED[name] for route in routes for name in _TRACKED if route.get(name)}
    if any(str(route.get("GatewayId", "")).startswith("vpce-") for route in routes):
        tracked.add("Gateway Load Balancer or Network Firewall endpoint")
    tracked |= {"interface endpoint (PrivateLink)" for each in endpoints if not _is_gateway(each)}
    tracked |= {"gateway endpoint of DynamoDB" for each in endpoints if _service(each) == "dynamodb"}
    return Reach(
        ssm=reach.INTERFACE if leads else default,
        s3=reach.GATEWAY if gateways else reach.INTERFACE if private else default,
        leads=leads,
        tracked=frozenset(tracked),
    )


def _endpoints(area: Area, vpc: str) -> Iterator[Dict[str, Any]]:
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    for each in area.each("ec2", "DescribeVpcEndpoints", "VpcEndpoints", EC2, Filters=filters):
        if each.get("State", "").lower() == "available":
            yield each


def _leads(area: Area, endpoints: List[Dict[str, Any]]) -> Tuple[str, ...]:
    found: Dict[str, List[str]] = {}
    for each in endpoints:
        service = _service(each)
        if service not in (*SSM, *_MORE):
            continue
        if _is_gateway(each):
            found.setdefault(service, []).extend(_prefix_lists(area, each["ServiceName"]))
        else:
            found.setdefault(service, []).extend(group["GroupId"] for group in each.get("Groups") or ())
    if any(service not in found for service in SSM):
        return ()
    return tuple(sorted({way for ways in found.values() for way in ways}))


def _tables(area: Area, vpc: str, subnets: Set[str]) -> List[Dict[str, Any]]:
    """Return the route tables of subnets: their own, else the VPC's main one."""
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    known = list(area.each("ec2", "DescribeRouteTables", "RouteTables", EC2, Filters=filters))
    found: Dict[str, Dict[str, Any]] = {}
    for subnet in subnets:
        own = [each for each in known if any(one.get("SubnetId") == subnet for one in each.get("Associations") or ())]
        main = [each for each in known if any(one.get("Main") for one in each.get("Associations") or ())]
        found.update({each["RouteTableId"]: each for each in own or main})
    return list(found.values())


def _is_default(route: Dict[str, Any]) -> bool:
    where = route.get("DestinationCidrBlock") or route.get("DestinationIpv6CidrBlock")
    return where in _EVERYWHERE and route.get("State", "active") == "active"


def _default(routes: List[Dict[str, Any]]) -> str:
    for route in routes:
        target = str(route.get("NatGatewayId") or route.get("GatewayId") or "")
        for start, kind in _TARGETS:
            if target.startswith(start):
                return kind
    return reach.OTHER if routes else reach.NONE


def _service(endpoint: Dict[str, Any]) -> str:
    return str(endpoint["ServiceName"]).rsplit(".", 1)[-1]


def _is_gateway(endpoint: Dict[str, Any]) -> bool:
    return bool(endpoint.get("VpcEndpointType") == "Gateway")


def _prefix_lists(area: Area, service_name: str) -> List[str]:
    filters = [{"Name": "prefix-list-name", "Values": [service_name]}]
    return [
        each["PrefixListId"] for each in area.each("ec2", "DescribePrefixLists", "PrefixLists", EC2, Filters=filters)
    ]


def open_s3(area: Area, vpc: str, bucket: str) -> List[str]:
    """Return the endpoints of S3 in a VPC whose policy lets more through than one bucket: data can leave by them.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/example-bucket-policies-vpc-endpoint.html
    """
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    found = []
    for each in area.each("ec2", "DescribeVpcEndpoints", "VpcEndpoints", EC2, Filters=filters):
        if each["ServiceName"].endswith(".s3") and not _limited(each.get("PolicyDocument") or "", bucket):
            found.append(str(each["VpcEndpointId"]))
    return sorted(found)


def _limited(policy: str, bucket: str) -> bool:
    """Whether all that a policy allows is in one bucket. One that cannot be read is taken as one that is not."""
    try:
        statements = json.loads(policy).get("Statement")
    except (ValueError, AttributeError):
        return False
    listed: List[Any] = statements if isinstance(statements, list) else [statements]
    allowing = [each for each in listed if isinstance(each, dict) and each.get("Effect") == "Allow"]
    resources = [resource for each in allowing for resource in _texts(each.get("Resource") or "*")]
    return bool(statements) and all(_bucket(each) == bucket for each in resources)


def _texts(value: Any) -> List[str]:
    return [str(each) for each in value] if isinstance(value, list) else [str(value)]


def _bucket(arn: str) -> str:
    return arn.partition(":::")[2].partition("/")[0]
