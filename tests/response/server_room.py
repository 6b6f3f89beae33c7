"""An account of the stand-in with a web server as attackers find it: IPv6, a scaling group, load balancers, a role."""

from __future__ import annotations

import json
import os
from functools import partial
from typing import TYPE_CHECKING, Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import CallProblem
from lab.aws.watched_client import WatchedClient
from response.core.target import Target

if TYPE_CHECKING:
    from lab.aws import AwsAccount

REGION = "eu-west-1"
BUCKET = "evidence-{}"


class Fault(NamedTuple):
    """What goes wrong with an operation. ``times`` 0 is always."""

    operation: str
    #: throttled, denied, timeout (nothing happened), half_done (it took effect, the answer was lost).
    kind: str
    times: int = 0


class FaultySession(AwsSession):
    """A session whose clients note every call, and fail where a test says so."""

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.made: List[Tuple[str, str]] = []
        self.fault: Optional[Fault] = None
        self.failed = 0

    def client(self, service: str, region: str) -> Any:
        return WatchedClient(super().client(service, region), partial(self.call, service))

    def call(self, service: str, operation: str, method: Any, given: Dict[str, Any]) -> Any:
        self.made.append((service, operation))
        fault = self.fault
        if not fault or fault.operation != f"{service}:{operation}" or (fault.times and self.failed >= fault.times):
            return method(**given)
        self.failed += 1
        if fault.kind == "half_done":
            method(**given)
        raise _error(fault.kind, operation)


def _error(kind: str, operation: str) -> Exception:
    from botocore.exceptions import ClientError, ReadTimeoutError

    if kind in ("timeout", "half_done"):
        return ReadTimeoutError(endpoint_url="https://aws.example")
    code, status = {"throttled": ("RequestLimitExceeded", 503), "denied": ("UnauthorizedOperation", 403)}[kind]
    answer = {"Error": {"Code": code, "Message": kind}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


class ServerRoom:
    """One VPC, and what a test puts into it."""

    def __init__(self, account: AwsAccount) -> None:
        self.account = account
        self.ec2 = account.client("ec2", REGION)
        self.session = FaultySession(Account("shop"))
        self.area = Area(Caller(self.session, wait_s=lambda _: 0.0, sleep=lambda _: None), account.id, REGION)
        made = self.ec2.create_vpc(CidrBlock="10.7.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]
        self.vpc = made["VpcId"]
        ipv6 = made["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
        self.subnet = self.ec2.create_subnet(
            VpcId=self.vpc, CidrBlock="10.7.1.0/24", Ipv6CidrBlock=ipv6, AvailabilityZone=f"{REGION}a"
        )["Subnet"]["SubnetId"]
        self.image = self.ec2.describe_images()["Images"][0]["ImageId"]
        self.web, self.admin = self.group("web"), self.group("admin")
        self.bucket = BUCKET.format(account.id)
        account.client("s3", REGION).create_bucket(
            Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def locked_bucket(self) -> str:
        """Return a bucket with Object Lock, in which nothing expires by itself."""
        name = f"locked-{self.bucket}"
        s3 = self.account.client("s3", REGION)
        if name not in [each["Name"] for each in s3.list_buckets()["Buckets"]]:
            place = {"LocationConstraint": REGION}
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
        return name

    def group(self, name: str) -> str:
        """Make a security group that lets the world in."""
        id = str(self.ec2.create_security_group(GroupName=name, Description=name, VpcId=self.vpc)["GroupId"])
        world = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        self.ec2.authorize_security_group_ingress(GroupId=id, IpPermissions=[world])
        return id

    def server(self, interfaces: int = 1, tags: Optional[Dict[str, str]] = None, **more: Any) -> Target:
        """Start an instance with so many interfaces, each with IPv6."""
        image = more.pop("ImageId", "") or self.image
        if tags:
            pairs = [{"Key": name, "Value": value} for name, value in tags.items()]
            more["TagSpecifications"] = [{"ResourceType": "instance", "Tags": pairs}]
        started = self.ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, SubnetId=self.subnet, SecurityGroupIds=[self.web], **more
        )["Instances"][0]
        id = started["InstanceId"]
        for index in range(1, interfaces):
            self.attach(id, index)
        return Target(self.account.id, REGION, id)

    def linux(self, architecture: str = "x86_64") -> str:
        """Return an image of Linux."""
        filters = [{"Name": "architecture", "Values": [architecture]}]
        found = self.ec2.describe_images(Filters=filters)["Images"]
        return str(next(each["ImageId"] for each in found if not each.get("Platform")))

    def attach(self, instance: str, index: int) -> str:
        """Attach one more interface, in two groups."""
        made = self.ec2.create_network_interface(
            SubnetId=self.subnet, Groups=[self.web, self.admin], Ipv6AddressCount=1
        )["NetworkInterface"]["NetworkInterfaceId"]
        self.ec2.attach_network_interface(NetworkInterfaceId=made, InstanceId=instance, DeviceIndex=index)
        return str(made)

    def profile(self, instance: str, name: str = "web") -> str:
        """Give an instance a role."""
        iam = self.account.client("iam")
        trust = {
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ]
        }
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        arn = str(iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"])
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        self.ec2.associate_iam_instance_profile(InstanceId=instance, IamInstanceProfile={"Arn": arn})
        return arn

    def behind_load_balancer(self, *, instance: str = "", address: str = "") -> str:
        """Register an instance by its id or by its address; return the target group's ARN."""
        elb = self.account.client("elbv2", REGION)
        kind = {"TargetType": "ip"} if address else {}
        name = f"by-{'address' if address else 'id'}"
        made = elb.create_target_group(Name=name, Protocol="HTTP", Port=8080, VpcId=self.vpc, **kind)
        arn = str(made["TargetGroups"][0]["TargetGroupArn"])
        elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address or instance, "Port": 8080}])
        return arn

    def in_scaling_group(self, instance: str, minimum: int = 0) -> None:
        """Attach an instance to an Auto Scaling group of its own."""
        scaling = self.account.client("autoscaling", REGION)
        scaling.create_auto_scaling_group(
            AutoScalingGroupName="shop", MinSize=0, MaxSize=4, DesiredCapacity=0,
            VPCZoneIdentifier=self.subnet, InstanceId=instance,
        )  # fmt: skip
        scaling.attach_instances(AutoScalingGroupName="shop", InstanceIds=[instance])
        scaling.update_auto_scaling_group(AutoScalingGroupName="shop", MinSize=minimum)

    def said_with(self, fault: Fault, act: Callable[[], Any]) -> str:
        """Act while something goes wrong; return the result that is said, ``error``, or ``running``: it never ended."""
        self.session.fault, self.session.failed = fault, 0
        try:
            return str(act().result)
        except CallProblem:
            return "error"
        except AssertionError:
            return "running"
        finally:
            self.session.fault = None

    def watch_functions(self, patch: Any) -> None:
        """Let functions, which are here with their own credentials, use the session that is watched."""
        from response.handlers import areas

        who = tuple(os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"))
        patch.setitem(areas._CALLERS, who, self.area.caller)  # noqa: SLF001
        patch.delitem(areas._OWN, who, raising=False)  # noqa: SLF001

    def groups_of(self, target: Target) -> Dict[str, List[str]]:
        """Return interface -> its groups, as AWS says."""
        filters = [{"Name": "attachment.instance-id", "Values": [target.instance]}]
        found = self.ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return {each["NetworkInterfaceId"]: sorted(group["GroupId"] for group in each["Groups"]) for each in found}

    def is_open(self, target: Target) -> bool:
        """Whether anything gets in or out of the instance: by what AWS says, not by what the product says."""
        groups = {group for groups in self.groups_of(target).values() for group in groups}
        for each in self.ec2.describe_security_groups(GroupIds=sorted(groups))["SecurityGroups"]:
            if each["IpPermissions"] or each["IpPermissionsEgress"]:
                return True
        return False
