"""An account of the stand-in for AWS with one of everything that an inventory lists."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, Dict, List
from urllib.parse import quote

from collectors.assets.asset import capitalised

if TYPE_CHECKING:
    from lab.aws import AwsAccount


def furnish(account: AwsAccount, region: str = "eu-west-1") -> None:
    """Put one of everything into an account, as exposed as can be."""
    ec2 = account.client("ec2", region)
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{n}.0/24", AvailabilityZone=f"{region}{'ab'[n]}")["Subnet"][
            "SubnetId"
        ]
        for n in (0, 1)
    ]
    group = ec2.create_security_group(GroupName="web", Description="web", VpcId=vpc)["GroupId"]
    world: Dict[str, Any] = {"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    ec2.authorize_security_group_ingress(
        GroupId=group,
        IpPermissions=[
            {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, **world},
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]},
        ],
    )
    image = ec2.describe_images()["Images"][0]["ImageId"]
    tags = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "web-1"}, {"Key": "Owner", "Value": "kim"}]}]
    ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnets[0], SecurityGroupIds=[group], TagSpecifications=tags
    )
    ec2.allocate_address(Domain="vpc")
    account.client("elbv2", region).create_load_balancer(
        Name="shop", Subnets=subnets, SecurityGroups=[group], Scheme="internet-facing", Type="application"
    )
    iam = account.client("iam")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
    role = iam.create_role(RoleName="build", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.create_user(UserName="mary", Tags=[{"Key": "team", "Value": "pay"}])
    iam.create_access_key(UserName="mary")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("x.py", "")
    functions = account.client("lambda", region)
    functions.create_function(
        FunctionName="pay", Runtime="python3.13", Role=role, Handler="x.y", Code={"ZipFile": packed.getvalue()}
    )
    functions.create_function_url_config(FunctionName="pay", AuthType="NONE")
    account.client("eks", region).create_cluster(
        name="shop", roleArn=role, resourcesVpcConfig={"subnetIds": subnets, "endpointPublicAccess": True}
    )
    account.client("rds", region).create_db_instance(
        DBInstanceIdentifier="orders", Engine="postgres", DBInstanceClass="db.t3.micro", AllocatedStorage=20,
        MasterUsername="admin", MasterUserPassword="not a secret", PubliclyAccessible=True,
    )  # fmt: skip
    s3 = account.client("s3", region)
    for name in (f"open-{account.id}", f"shut-{account.id}"):
        s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})
    s3.put_bucket_acl(Bucket=f"open-{account.id}", ACL="public-read")
    s3.put_public_access_block(
        Bucket=f"shut-{account.id}",
        PublicAccessBlockConfiguration=dict.fromkeys(
            ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
        ),
    )


def recorded_by_config(account: AwsAccount, region: str = "eu-west-1") -> List[Dict[str, Any]]:
    """Return what is in an account as AWS Config records it: the services' own descriptions in Config's casing.

    https://docs.aws.amazon.com/config/latest/developerguide/config-item-table.html, and for the types
    https://github.com/awslabs/aws-config-resource-schema: names begin small, tags are beside the configuration, EKS has
    CloudFormation's names, security groups ``ipv4Ranges`` beside texts, trust policies are URL-encoded, and what S3
    answers to other calls is text in ``supplementaryConfiguration``.
    """
    ec2, iam, s3 = (account.client(name, region) for name in ("ec2", "iam", "s3"))
    found: List[Dict[str, Any]] = []

    def record(kind: str, id: str, described: Any, **more: Any) -> None:
        found.append(
            {"accountId": account.id, "awsRegion": region, "resourceType": f"AWS::{kind}", "resourceId": id,
             "configuration": described if kind.startswith("EKS") else _small(described), **more}
        )  # fmt: skip

    def tagged(tags: Any) -> Dict[str, Any]:
        if isinstance(tags, dict):
            tags = [{"Key": name, "Value": value} for name, value in tags.items()]
        texts = [{"tag": f"{each['Key']}={each['Value']}", "key": each["Key"], "value": each["Value"]} for each in tags]
        return {"tags": texts}

    for reservation in ec2.describe_instances()["Reservations"]:
        for each in reservation["Instances"]:
            arn = f"arn:aws:ec2:{region}:{account.id}:instance/{each['InstanceId']}"
            record("EC2::Instance", each["InstanceId"], each, arn=arn, **tagged(each.get("Tags", [])))
    for each in ec2.describe_network_interfaces()["NetworkInterfaces"]:
        record("EC2::NetworkInterface", each["NetworkInterfaceId"], each, **tagged(each.get("TagSet", [])))
    for each in ec2.describe_addresses()["Addresses"]:
        record("EC2::EIP", each["AllocationId"], each, **tagged(each.get("Tags", [])))
    for each in ec2.describe_security_groups()["SecurityGroups"]:
        for rule in each["IpPermissions"]:
            rule["Ipv4Ranges"] = rule["IpRanges"]
            rule["IpRanges"] = [one["CidrIp"] for one in rule["Ipv4Ranges"]]
        record("EC2::SecurityGroup", each["GroupId"], each, **tagged(each.get("Tags", [])))
    for each in ec2.describe_vpcs()["Vpcs"]:
        record("EC2::VPC", each["VpcId"], each, **tagged(each.get("Tags", [])))
    for each in ec2.describe_subnets()["Subnets"]:
        record("EC2::Subnet", each["SubnetId"], each, arn=each.get("SubnetArn"), **tagged(each.get("Tags", [])))
    for each in account.client("elbv2", region).describe_load_balancers()["LoadBalancers"]:
        record("ElasticLoadBalancingV2::LoadBalancer", each["LoadBalancerArn"], each)
    for each in account.client("lambda", region).list_functions()["Functions"]:
        record("Lambda::Function", each["FunctionName"], each)
    eks = account.client("eks", region)
    for name in eks.list_clusters()["clusters"]:
        described = capitalised(json.loads(json.dumps(eks.describe_cluster(name=name)["cluster"], default=str)))
        record("EKS::Cluster", name, described)
    for each in account.client("rds", region).describe_db_instances()["DBInstances"]:
        record("RDS::DBInstance", each["DbiResourceId"], each, **tagged(each.get("TagList", [])))
    for each in s3.list_buckets()["Buckets"]:
        name = each["Name"]
        grants = s3.get_bucket_acl(Bucket=name)["Grants"]
        is_open = any(grant["Grantee"].get("URI", "").endswith("AllUsers") for grant in grants)
        more: Dict[str, Any] = {
            "AccessControlList": json.dumps(json.dumps({"grantList": [{"grantee": "AllUsers"}] if is_open else []}))
        }
        if name.startswith("shut"):
            block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
            more["PublicAccessBlockConfiguration"] = json.dumps(_small(block))
        more["ServerSideEncryptionConfiguration"] = _small(_encryption(s3, name))
        described = {"Name": name, "CreationDate": each["CreationDate"]}
        arn = f"arn:aws:s3:::{name}"
        record("S3::Bucket", name, described, arn=arn, resourceName=name, supplementaryConfiguration=more)
    region = "global"
    for each in iam.list_users()["Users"]:
        tags = tagged(iam.list_user_tags(UserName=each["UserName"])["Tags"])
        record("IAM::User", each["UserId"], each, arn=each["Arn"], resourceName=each["UserName"], **tags)
    for each in iam.list_roles()["Roles"]:
        each["AssumeRolePolicyDocument"] = quote(json.dumps(each["AssumeRolePolicyDocument"]))
        record("IAM::Role", each["RoleId"], each, arn=each["Arn"], resourceName=each["RoleName"])
    return json.loads(json.dumps(found, default=lambda value: value.strftime("%Y-%m-%dT%H:%M:%S.000Z")))


def _small(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _small(each) for name, each in value.items()}
    return [_small(each) for each in value] if isinstance(value, list) else value


def _encryption(s3: Any, bucket: str) -> Any:
    try:
        return s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    except s3.exceptions.ClientError:
        return {}
