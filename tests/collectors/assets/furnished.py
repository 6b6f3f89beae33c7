"""An account of the stand-in for AWS with one of everything that an inventory lists."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any, Dict

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
