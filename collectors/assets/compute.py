"""What runs: instances, load balancers with their web ACLs, functions, Kubernetes clusters, databases.

Needs ``ec2:DescribeInstances``, ``elasticloadbalancing:DescribeLoadBalancers``, ``DescribeListeners``,
``DescribeTags``, ``wafv2:GetWebACLForResource``, ``lambda:ListFunctions``, ``ListTags``, ``ListFunctionUrlConfigs``,
``eks:ListClusters``, ``DescribeCluster``, ``rds:DescribeDBInstances``, ``DescribeDBClusters``.
"""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping

from aws_bridge.accounts.area import EC2, EKS, MARKER, RDS, Area
from collectors.assets.asset import Asset, Where, capitalised, iso, tags_of, texts

#: Load balancers whose tags are asked for in one call.
_TAGS_OF = 20


def instances(area: Area) -> Iterator[Asset]:
    """Yield EC2 instances with all their interfaces."""
    for reservation in area.each("ec2", "DescribeInstances", "Reservations", EC2):
        for found in reservation.get("Instances") or ():
            arn = f"arn:{area.caller.session.account.partition}:ec2:{area.region}:{area.account}:instance"
            yield instance(found, Where(area.account, area.region), f"{arn}/{found['InstanceId']}")


def instance(found: Mapping[str, Any], where: Where, arn: str) -> Asset:
    """Return an instance as EC2 describes it."""
    tags = tags_of(found.get("Tags"))
    cards: List[Dict[str, Any]] = found.get("NetworkInterfaces") or []
    private = [each.get("PrivateIpAddress") for card in cards for each in card.get("PrivateIpAddresses") or ()]
    public = [(card.get("Association") or {}).get("PublicIp") for card in cards]
    fields = {
        "name": tags.get("Name", ""),
        "ip": texts([found.get("PrivateIpAddress"), *private]),
        "public_ip": texts([found.get("PublicIpAddress"), *public]),
        "dns": texts([found.get("PrivateDnsName"), found.get("PublicDnsName")]),
        "mac": texts(card.get("MacAddress") for card in cards),
        "eni": texts(card.get("NetworkInterfaceId") for card in cards),
        "security_groups": texts(each.get("GroupId") for each in found.get("SecurityGroups") or ()),
        "vpc": found.get("VpcId"),
        "subnet": found.get("SubnetId"),
        "state": (found.get("State") or {}).get("Name"),
        "type": found.get("InstanceType"),
        "image": found.get("ImageId"),
        "platform": found.get("PlatformDetails"),
        "profile": (found.get("IamInstanceProfile") or {}).get("Arn"),
        "imds_v2_only": (found.get("MetadataOptions") or {}).get("HttpTokens") == "required",
        "launched": iso(found.get("LaunchTime")),
    }
    fields["public"] = bool(fields["public_ip"])
    return Asset("ec2_instance", found["InstanceId"], where, fields, arn, tags)


def load_balancers(area: Area) -> Iterator[Asset]:
    """Yield application, network and gateway load balancers."""
    found = list(area.each("elbv2", "DescribeLoadBalancers", "LoadBalancers", MARKER))
    arns = [each["LoadBalancerArn"] for each in found]
    tags: Dict[str, Dict[str, str]] = {}
    for start in range(0, len(arns), _TAGS_OF):
        answer = area.ask("elbv2", "DescribeTags", ResourceArns=arns[start : start + _TAGS_OF])
        tags.update((each["ResourceArn"], tags_of(each.get("Tags"))) for each in answer.get("TagDescriptions") or ())
    for each in found:
        arn = each["LoadBalancerArn"]
        listeners = area.each("elbv2", "DescribeListeners", "Listeners", MARKER, LoadBalancerArn=arn)
        more = {
            "listeners": texts(f"{one.get('Protocol')}/{one.get('Port')}" for one in listeners),
            "web_acl": _web_acl(area, arn) if each.get("Type") == "application" else "",
        }
        yield load_balancer(each, Where(area.account, area.region), tags.get(arn, {}), more)


def load_balancer(found: Mapping[str, Any], where: Where, tags: Mapping[str, str], more: Mapping[str, Any]) -> Asset:
    """Return a load balancer as its service describes it, and what else is known of it."""
    fields = {
        "name": found.get("LoadBalancerName"),
        "dns": texts([found.get("DNSName")]),
        "type": found.get("Type"),
        "public": found.get("Scheme") == "internet-facing",
        "vpc": found.get("VpcId"),
        "security_groups": texts(found.get("SecurityGroups") or ()),
        **more,
    }
    return Asset("load_balancer", found["LoadBalancerName"], where, fields, found["LoadBalancerArn"], tags)


def _web_acl(area: Area, arn: str) -> str:
    found = area.ask("wafv2", "GetWebACLForResource", ResourceArn=arn).get("WebACL") or {}
    return str(found.get("ARN", ""))


def functions(area: Area) -> Iterator[Asset]:
    """Yield Lambda functions; public are those with a URL that asks for no signature."""
    for found in area.each("lambda", "ListFunctions", "Functions", MARKER):
        name, arn = found["FunctionName"], found.get("FunctionArn", "")
        urls = area.ask("lambda", "ListFunctionUrlConfigs", FunctionName=name).get("FunctionUrlConfigs") or ()
        more = {
            "urls": texts(each.get("FunctionUrl") for each in urls),
            "public": any(each.get("AuthType") == "NONE" for each in urls),
        }
        tags = tags_of(area.ask("lambda", "ListTags", Resource=arn).get("Tags"))
        yield function(found, Where(area.account, area.region), tags, more)


def function(found: Mapping[str, Any], where: Where, tags: Mapping[str, str], more: Mapping[str, Any]) -> Asset:
    """Return a function as Lambda describes it, and what else is known of it."""
    fields = {
        "name": found["FunctionName"],
        "runtime": found.get("Runtime"),
        "role": found.get("Role"),
        "vpc": (found.get("VpcConfig") or {}).get("VpcId"),
        **more,
    }
    return Asset("lambda_function", found["FunctionName"], where, fields, found.get("FunctionArn", ""), tags)


def clusters(area: Area) -> Iterator[Asset]:
    """Yield EKS clusters; public are those whose API everybody reaches."""
    for name in area.each("eks", "ListClusters", "clusters", EKS):
        found = area.ask("eks", "DescribeCluster", name=name).get("cluster") or {}
        yield cluster(capitalised(found), Where(area.account, area.region), tags_of(found.get("tags")))


def cluster(found: Mapping[str, Any], where: Where, tags: Mapping[str, str]) -> Asset:
    """Return a cluster as EKS describes it, its names capitalised."""
    network = found.get("ResourcesVpcConfig") or {}
    everybody = not network.get("PublicAccessCidrs") or "0.0.0.0/0" in network["PublicAccessCidrs"]
    groups = [*(network.get("SecurityGroupIds") or ()), network.get("ClusterSecurityGroupId")]
    fields = {
        "name": found["Name"],
        "version": found.get("Version"),
        "state": found.get("Status"),
        "vpc": network.get("VpcId"),
        "security_groups": texts([*groups, found.get("ClusterSecurityGroupId")]),
        "public": bool(network.get("EndpointPublicAccess")) and everybody,
        "role": found.get("RoleArn"),
    }
    return Asset("eks_cluster", found["Name"], where, fields, found.get("Arn", ""), tags)


def databases(area: Area) -> Iterator[Asset]:
    """Yield RDS and Aurora: instances, and clusters."""
    where = Where(area.account, area.region)
    for found in area.each("rds", "DescribeDBInstances", "DBInstances", RDS):
        yield database(found, where, tags_of(found.get("TagList")))
    for found in area.each("rds", "DescribeDBClusters", "DBClusters", RDS):
        yield database_cluster(found, where, tags_of(found.get("TagList")))


def database(found: Mapping[str, Any], where: Where, tags: Mapping[str, str]) -> Asset:
    """Return an instance as RDS describes it."""
    endpoint = found.get("Endpoint") or {}
    fields = {
        "name": found["DBInstanceIdentifier"],
        "dns": texts([endpoint.get("Address")]),
        "port": endpoint.get("Port"),
        "cluster": found.get("DBClusterIdentifier"),
        "vpc": (found.get("DBSubnetGroup") or {}).get("VpcId"),
        **_of_database(found),
    }
    return Asset("rds_instance", found["DBInstanceIdentifier"], where, fields, found.get("DBInstanceArn", ""), tags)


def database_cluster(found: Mapping[str, Any], where: Where, tags: Mapping[str, str]) -> Asset:
    """Return a cluster as RDS describes it."""
    fields = {
        "name": found["DBClusterIdentifier"],
        "dns": texts([found.get("Endpoint"), found.get("ReaderEndpoint")]),
        **_of_database(found),
    }
    return Asset("rds_cluster", found["DBClusterIdentifier"], where, fields, found.get("DBClusterArn", ""), tags)


def _of_database(found: Mapping[str, Any]) -> Dict[str, Any]:
    return {
        "engine": found.get("Engine"),
        "version": found.get("EngineVersion"),
        "security_groups": texts(each.get("VpcSecurityGroupId") for each in found.get("VpcSecurityGroups") or ()),
        "public": bool(found.get("PubliclyAccessible")),
        "encrypted": bool(found.get("StorageEncrypted")),
    }
