"""Assets of many accounts and regions out of AWS Config's aggregator, without a role in any of them.

Config keeps what the services' own descriptions say, in its own casing, so the same functions make assets of both. What
it does not keep is left out of the asset, and never taken for a no: `LACKS`. Assets are as old as Config's recording:
minutes where it records continuously, a day where it records daily.

Needs ``config:DescribeConfigurationAggregators`` and ``SelectAggregateResourceConfig``.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Callable, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence

from aws_bridge.accounts.area import RESOURCE, Area
from aws_bridge.errors import CallProblem
from collectors.assets import compute, network
from collectors.assets.asset import Asset, Where, capitalised, iso, tags_of
from collectors.assets.identity import principals

#: Results of one page, the most that is allowed.
#: https://docs.aws.amazon.com/config/latest/APIReference/API_SelectAggregateResourceConfig.html
PAGE = 100
#: https://docs.aws.amazon.com/config/latest/developerguide/query-components.html
_QUERY = (
    "SELECT accountId, awsRegion, arn, resourceId, resourceName, tags, configuration, supplementaryConfiguration "
    "WHERE resourceType = '{}'"
)
#: What an asset has when it is read itself, and not here.
LACKS: Mapping[str, Sequence[str]] = {
    "load_balancer": ("listeners", "web_acl"),
    "lambda_function": ("urls", "public"),
    "vpc": ("flow_logs",),
    "subnet": ("flow_logs",),
    "s3_bucket": ("public by policy",),
    "iam_user": ("password", "mfa", "keys"),
}
_EVERYBODY = ("AllUsers", "AuthenticatedUsers")
_BLOCKS = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")


class Item(NamedTuple):
    """One resource: its configuration with capitalised names, and what else Config says of it."""

    where: Where
    arn: str
    id: str
    name: str
    tags: Dict[str, str]
    configuration: Mapping[str, Any]
    more: Mapping[str, Any]


class Aggregator(NamedTuple):
    """Where an aggregator is, and what it is called."""

    region: str
    name: str


def find(area: Area, regions: Sequence[str]) -> Optional[Aggregator]:
    """Return the aggregator that sees most: an organization's before others, one of all regions before others.

    None where there is none. Raises `CallProblem` where no region may be asked.
    """
    found: List[Any] = []
    problem: Optional[CallProblem] = None
    for region in regions:
        try:
            there = area._replace(region=region)
            for each in there.each("config", "DescribeConfigurationAggregators", "ConfigurationAggregators", RESOURCE):
                organization = each.get("OrganizationAggregationSource") or {}
                sources = [organization, *(each.get("AccountAggregationSources") or ())]
                everywhere = any(source.get("AllAwsRegions") for source in sources)
                name = each["ConfigurationAggregatorName"]
                found.append((not organization, not everywhere, region, name))
        except CallProblem as exc:
            problem = exc
    if found:
        return Aggregator(*min(found)[2:])
    if problem is not None:
        raise problem
    return None


def listing(resource_type: str, make: Callable[[Item], Asset], aggregator: Aggregator, area: Area) -> Iterator[Asset]:
    """Yield what an aggregator knows of one type. Raises `CallProblem`."""
    there = area._replace(region=aggregator.region)
    for text in there.each(
        "config", "SelectAggregateResourceConfig", "Results", RESOURCE, Limit=PAGE,
        Expression=_QUERY.format(resource_type), ConfigurationAggregatorName=aggregator.name,
    ):  # fmt: skip
        yield make(_item(_decoded(text)))


def lists(aggregator: Aggregator) -> Dict[str, Callable[[Area], Iterator[Asset]]]:
    """Return name of a list -> what lists it, for `inventory`."""
    return {name: partial(listing, resource_type, make, aggregator) for name, (resource_type, make) in SOURCES.items()}


def _item(found: Mapping[str, Any]) -> Item:
    configuration = _decoded(found.get("configuration")) or {}
    tags = _decoded(found.get("tags")) or ()
    return Item(
        Where(str(found["accountId"]), str(found["awsRegion"])),
        str(found.get("arn") or ""),
        str(found["resourceId"]),
        str(found.get("resourceName") or found["resourceId"]),
        tags_of(tags, "key", "value"),
        capitalised(configuration),
        {name: _decoded(value) for name, value in (_decoded(found.get("supplementaryConfiguration")) or {}).items()},
    )


def _decoded(value: Any) -> Any:
    """Return what Config writes as text of JSON, and sometimes as text of such a text."""
    for _ in range(3):
        if not isinstance(value, str):
            break
        try:
            value = json.loads(value)
        except ValueError:
            break
    return value


def _named(item: Item) -> Mapping[str, Any]:
    """Return the configuration with the tags in it, as EC2 has them."""
    tags = [{"Key": name, "Value": value} for name, value in item.tags.items()]
    return {**item.configuration, "Tags": tags, "TagSet": tags}


def _bucket(item: Item) -> Asset:
    block = capitalised(item.more.get("PublicAccessBlockConfiguration") or {})
    rules = capitalised(item.more.get("ServerSideEncryptionConfiguration") or {}).get("Rules") or ()
    defaults = [rule.get("ApplyServerSideEncryptionByDefault") or {} for rule in rules]
    grants = (item.more.get("AccessControlList") or {}).get("grantList") or ()
    is_open = any(grant.get("grantee") in _EVERYBODY for grant in grants) and not block.get("IgnorePublicAcls")
    fields: Dict[str, Any] = {
        "name": item.name,
        "public_access_block": all(block.get(each) for each in _BLOCKS),
        "encryption": next((str(each["SseAlgorithm"]) for each in defaults if each.get("SseAlgorithm")), ""),
        "created": iso(item.configuration.get("CreationDate")),
    }
    if is_open:  # what is not open by its ACL may be by its policy
        fields.update(public=True, public_by=["acl"])
    return Asset("s3_bucket", item.name, item.where, fields, item.arn, item.tags)


def _user(item: Item) -> Asset:
    fields = {"name": item.name, "created": iso(item.configuration.get("CreateDate"))}
    return Asset("iam_user", item.name, item.where, fields, item.arn, item.tags)


def _role(item: Item) -> Asset:
    trusts = principals(item.configuration.get("AssumeRolePolicyDocument"))
    created = iso(item.configuration.get("CreateDate"))
    fields = {"name": item.name, "created": created, "trusts": trusts, "public": "*" in trusts}
    return Asset("iam_role", item.name, item.where, fields, item.arn, item.tags)


#: Name of a list -> type of resource, and what makes an asset of one.
#: https://docs.aws.amazon.com/config/latest/developerguide/resource-config-reference.html
SOURCES: Mapping[str, Any] = {
    "instances": ("AWS::EC2::Instance", lambda item: compute.instance(_named(item), item.where, item.arn)),
    "interfaces": ("AWS::EC2::NetworkInterface", lambda item: network.interface(_named(item), item.where)),
    "addresses": ("AWS::EC2::EIP", lambda item: network.address(_named(item), item.where)),
    "security_groups": ("AWS::EC2::SecurityGroup", lambda item: network.security_group(_named(item), item.where)),
    "vpcs": ("AWS::EC2::VPC", lambda item: network.vpc(_named(item), item.where, {})),
    "subnets": ("AWS::EC2::Subnet", lambda item: network.subnet(_named(item), item.where, {})),
    "load_balancers": (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        lambda item: compute.load_balancer(item.configuration, item.where, item.tags, {}),
    ),
    "functions": (
        "AWS::Lambda::Function",
        lambda item: compute.function(item.configuration, item.where, item.tags, {}),
    ),
    "clusters": ("AWS::EKS::Cluster", lambda item: compute.cluster(item.configuration, item.where, item.tags)),
    "databases": ("AWS::RDS::DBInstance", lambda item: compute.database(item.configuration, item.where, item.tags)),
    "database_clusters": (
        "AWS::RDS::DBCluster",
        lambda item: compute.database_cluster(item.configuration, item.where, item.tags),
    ),
    "buckets": ("AWS::S3::Bucket", _bucket),
    "users": ("AWS::IAM::User", _user),
    "roles": ("AWS::IAM::Role", _role),
}
