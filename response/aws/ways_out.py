"""How an instance can reach SSM and S3 when everything else is closed: the endpoints of its VPC.

Needs ``ec2:DescribeVpcEndpoints`` and ``DescribePrefixLists``.
https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Tuple

from aws_bridge.accounts.area import EC2, Area

#: What SSM's agent needs. ec2messages is not in newer regions, where ssmmessages does its work.
SSM = ("ssm", "ssmmessages")
_MORE = ("ec2messages", "s3")


def ways_out(area: Area, vpc: str) -> Tuple[str, ...]:
    """Return the security groups of interface endpoints and the prefix list of S3's gateway endpoint, sorted.

    Empty where the VPC has no endpoints for SSM: then nothing that stays open would help, and evidence can only be
    collected before the instance is closed.
    """
    found: Dict[str, List[str]] = {}
    filters = [{"Name": "vpc-id", "Values": [vpc]}]
    for each in area.each("ec2", "DescribeVpcEndpoints", "VpcEndpoints", EC2, Filters=filters):
        service = each["ServiceName"].rsplit(".", 1)[-1]
        if each.get("State", "").lower() != "available" or service not in (*SSM, *_MORE):
            continue
        if each.get("VpcEndpointType") == "Gateway":
            found.setdefault(service, []).extend(_prefix_lists(area, each["ServiceName"]))
        else:
            found.setdefault(service, []).extend(group["GroupId"] for group in each.get("Groups") or ())
    if any(service not in found for service in SSM):
        return ()
    return tuple(sorted({way for ways in found.values() for way in ways}))


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
