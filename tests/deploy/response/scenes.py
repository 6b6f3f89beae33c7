"""What each function of the response is made to do, so that it makes every call that it ever makes."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Mapping

from lab import avml
from lab.aws import AwsAccount
from lab.block_devices import write_programs
from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.front import LambdaFront
from response.core.target import Target
from response.plans.document import linux
from tests.deploy.response.conftest import LOGS, REGION, STACK, STATUS, TOOLS, Deployed
from tests.response.hosts import FILES, KEY
from tests.response.receivers import Receiver
from tests.response.server_room import ServerRoom

DOCUMENT = "siem-bridge-volatile-linux"
TOOLS_PARAMETER = "/siem-bridge/capture-tools"
IDENTITY = "identity_center_user"
#: An address nobody has.
ATTACKER = "203.0.113.77/32"


class Play:
    """The stacks, an instance with all that isolation knows of, and its incident."""

    def __init__(self, deployed: Deployed) -> None:
        self.deployed, self.account = deployed, deployed.account
        self.room = ServerRoom(deployed.account)
        self.furnish()
        self.target = self.server()
        row = {"instance": self.target.instance, "account": self.target.account, "region": REGION}
        self.request: Dict[str, Any] = {"id": "1", "action": "respond", "alert": "sid-1", "rows": [row]}
        self.incident = ""
        #: Of the notice to those who may approve.
        self.link = ""

    def furnish(self) -> None:
        """Make what the templates leave to the owner, and what the stand-in's CloudFormation leaves out."""
        home = self.deployed.home
        home.client("ssm").put_parameter(
            Name=home.outputs["LimitsParameter"], Value=json.dumps({"mode": "live"}), Overwrite=True
        )
        s3, bucket = home.client("s3"), home.outputs["EvidenceBucketName"]
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
        # It executes no machine that its CloudFormation made.
        waits = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 600, "End": True}}}
        role = f"arn:aws:iam::{self.account.id}:role/{STACK}-workflow"
        home.client("stepfunctions").create_state_machine(
            name=f"{STACK}-respond", definition=json.dumps(waits), roleArn=role
        )
        for name in (TOOLS, LOGS, STATUS):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=TOOLS, Key=KEY, Body=avml.tool())
        tool = {"key": KEY, "sha256": hashlib.sha256(avml.tool()).hexdigest(), "version": "0.20.0"}
        ssm = home.client("ssm")
        ssm.put_parameter(Name=TOOLS_PARAMETER, Type="String", Value=json.dumps({"x86_64": tool, "arm64": tool}))
        content = json.dumps(linux()["document"])
        ssm.create_document(Content=content, Name=DOCUMENT, DocumentType="Command", DocumentFormat="JSON")
        ec2 = self.room.ec2
        for service, kind in (("ssm", "Interface"), ("ssmmessages", "Interface"), ("s3", "Gateway")):
            more = {"SubnetIds": [self.room.subnet]} if kind == "Interface" else {}
            ec2.create_vpc_endpoint(
                VpcId=self.room.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}", VpcEndpointType=kind, **more
            )

    def server(self) -> Target:
        """Start the instance: a role, two interfaces, a scaling group, load balancers, SSM's agent."""
        room = self.room
        target = room.server(2, InstanceType="t3.nano", ImageId=room.linux())
        found = room.ec2.describe_instances(InstanceIds=[target.instance])["Reservations"][0]["Instances"][0]
        room.profile(target.instance)
        iam = self.account.client("iam")
        read = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}]}
        iam.put_role_policy(RoleName="web", PolicyName="inline", PolicyDocument=json.dumps(read))
        made = iam.create_policy(PolicyName="own", PolicyDocument=json.dumps(read))["Policy"]["Arn"]
        iam.attach_role_policy(RoleName="web", PolicyArn=made)
        room.behind_load_balancer(instance=target.instance)
        room.behind_load_balancer(address=found["PrivateIpAddress"])
        room.in_scaling_group(target.instance)
        classic = self.account.client("elb", REGION)
        listener = {"Protocol": "tcp", "LoadBalancerPort": 80, "InstancePort": 8080}
        classic.create_load_balancer(LoadBalancerName="classic", Listeners=[listener], AvailabilityZones=[f"{REGION}a"])
        instances = [{"InstanceId": target.instance}]
        classic.register_instances_with_load_balancer(LoadBalancerName="classic", Instances=instances)
        root = Path(self.account.managed(REGION, target.instance))
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return target

    def step(self, function: str, changed: Mapping[str, str] = MappingProxyType({}), **more: Any) -> Dict[str, Any]:
        """Call a function as the workflow does, again while it says that it is still running."""
        target = self.target
        known = {
            "incident": self.incident, "account": target.account, "region": target.region,
            "instance": target.instance, "alert": "sid-1", "action": "respond", "dry_run": False, "options": {},
            "sid": "sid-1", "rid": "0", "search": "",
        }  # fmt: skip
        end = time.monotonic() + 240
        while True:
            try:
                return self.deployed.call(function, {**known, **more}, **changed)
            except Exception as exc:
                if type(exc).__name__ != "StillRunning" or time.monotonic() > end:
                    raise
                time.sleep(0.1)


def _start(play: Play) -> None:
    (row,) = play.deployed.call("start", play.request)["rows"]
    assert row["result"] == "started", row
    play.incident = row["incident"]
    play.deployed.call("start", {**play.request, "id": "2"})
    # What is refused is told in Splunk, since no workflow begins.
    refused = {**play.request, "id": "3", "rows": [{"instance": "i-none"}]}
    assert play.deployed.call("start", refused)["rows"][0]["result"] == "refused"


def _status(play: Play) -> None:
    assert play.deployed.call("status", {"rows": play.request["rows"]})["rows"][0]["result"] == "open"


def _isolate(play: Play) -> None:
    for mode in ("soft", "hard"):
        assert play.step("isolate", mode=mode)["result"] == "done"
        # What is open on purpose is told from what somebody opened.
        (seen,) = play.deployed.call("status", {"rows": play.request["rows"]})["rows"]
        assert (seen["result"], play.step("finish", ended="rejected", problems="")["isolated"]) == (mode, mode)


def _finish(play: Play) -> None:
    play.step("finish", ended="whole", problems="", last={}, mode="hard")


def _ask(play: Play) -> None:
    play.step("ask-approval", token="of the task", approver="the first", asking="the first question")  # noqa: S106


def _release(play: Play) -> None:
    released = play.deployed.call("release", {"rows": play.request["rows"]})["rows"][0]
    assert released["result"] == "done", released


def _context(play: Play) -> None:
    assert play.step("collect-context")["result"] in ("done", "partial")


def _volatile(play: Play) -> None:
    # No disk of it has room: a volume is made, attached, detached and deleted.
    instance = play.target.instance
    root = Path(play.account.managed(REGION, instance))
    for folder in ("programs", "dev"):
        (root / folder).mkdir()
    (root / "dev" / "free_kib").write_text("1000\n")
    play.account.managed(REGION, instance, path=write_programs(root / "programs"))
    found = play.step("collect-volatile")
    assert found["result"] in ("done", "partial"), found


def _snapshot(play: Play) -> None:
    play.step("snapshot", wait=False)
    found = play.step("snapshot", wait=True)
    assert found["result"] == "done", found


def _logs(play: Play) -> None:
    assert play.step("collect-logs")["result"] in ("partial", "failed", "done")


def _archive(play: Play) -> None:
    # The stand-in's CloudFormation makes another kind of key than it is told.
    kms = play.account.client("kms", REGION)
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    found = play.step("archive", {"SIGNING_KEY": key})
    assert found["result"] == "partial", found  # there is no raw store here


def _publish(play: Play) -> None:
    play.step("publish-status", step="isolate", state="step", result="done", says="it is")


def _block(play: Play) -> None:
    # Nothing blocks by the set yet.
    assert "not enforced" in play.step("block-ip", addresses=[ATTACKER], instance="")["says"]
    enforce(play.account, play.room)
    assert play.step("block-ip", addresses=["198.51.100.9/32"], instance="")["result"] == "done"


def enforce(account: AwsAccount, room: ServerRoom) -> None:
    """Let a web ACL before a load balancer block by the set, and by a rule group of the owner's."""
    wafv2 = account.client("wafv2", REGION)
    seen = {"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": "m"}
    (blocked,) = [each["ARN"] for each in wafv2.list_ip_sets(Scope="REGIONAL")["IPSets"] if "ipv4" in each["Name"]]
    group = wafv2.create_rule_group(Name="own", Scope="REGIONAL", Capacity=1, VisibilityConfig=seen, Rules=[])
    by_set = {
        "Name": "blocked", "Priority": 0, "Action": {"Block": {}}, "VisibilityConfig": seen,
        "Statement": {"IPSetReferenceStatement": {"ARN": blocked}},
    }  # fmt: skip
    by_group = {
        "Name": "own", "Priority": 1, "OverrideAction": {"None": {}}, "VisibilityConfig": seen,
        "Statement": {"RuleGroupReferenceStatement": {"ARN": group["Summary"]["ARN"]}},
    }  # fmt: skip
    acl = wafv2.create_web_acl(
        Name="shop", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=seen, Rules=[by_set, by_group]
    )["Summary"]["ARN"]
    elb = account.client("elbv2", REGION)
    other = room.ec2.create_subnet(VpcId=room.vpc, CidrBlock="10.7.9.0/24", AvailabilityZone=f"{REGION}b")
    subnets = [room.subnet, other["Subnet"]["SubnetId"]]
    balancer = elb.create_load_balancer(Name="shop", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    wafv2.associate_web_acl(WebACLArn=acl, ResourceArn=balancer)


def _unblock(play: Play) -> None:
    assert play.step("unblock-ip", addresses=[ATTACKER], instance="")["result"] == "done"


def _revoke(play: Play) -> None:
    found = play.step("revoke-credentials", options={"deny": "yes", "everybody": "yes"})
    assert found["result"] == "done", found
    iam = play.account.client("iam")
    iam.create_user(UserName="kim")
    iam.create_access_key(UserName="kim")
    principal = {"kind": "user", "name": "kim"}
    found = play.step("revoke-credentials", instance="", principal=principal, options={"deny": "yes"})
    assert found["result"] == "done", found


def _principals(play: Play) -> List[Dict[str, str]]:
    return [
        {"kind": "user", "name": "lee"},
        {"kind": "role", "name": "batch"},
        {"kind": IDENTITY, "name": "kim@example.com"},
    ]


def _contain(play: Play) -> None:
    iam = play.account.client("iam")
    iam.create_user(UserName="lee")
    iam.create_access_key(UserName="lee")
    iam.create_login_profile(UserName="lee", Password="Of-the-lab-1")  # noqa: S106
    iam.create_role(RoleName="batch", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    for principal in _principals(play)[:2]:
        found = play.step("contain-principal", instance="", principal=principal, options={"everybody": "yes"})
        assert found["result"] == "done", found


def _release_principal(play: Play) -> None:
    for principal in _principals(play)[:2]:
        found = play.step("release-principal", instance="", principal=principal)
        assert found["result"] in ("done", "partial"), found


def _notify(play: Play) -> None:
    secret = play.account.client("secretsmanager", REGION)
    topic = play.account.client("sns", REGION).create_topic(Name="people")["TopicArn"]
    receiver = Receiver()
    channels = [
        {"name": "people", "kind": "sns", "topic": topic},
        {"name": "soc", "kind": "webhook", "url": f"{receiver.url}/soc", "approves": True},
    ]
    made = secret.create_secret(Name="channels", SecretString=json.dumps({"channels": channels}))["ARN"]
    question = {
        "kind": "question", "asking": "the first question", "turn": 0, "asked_at": time.time() - 1,
        "ask": {"seconds": 900, "when": "first", "approvers": ["the first"]},
    }  # fmt: skip
    found = play.step("notify", {"CHANNELS": made}, **question)
    receiver.stop()
    assert found["result"] == "done", found
    (play.link,) = [each["url"] for each in receiver.taken[0].body["links"] if "lambda-url" in each["url"]]


def _page(play: Play) -> None:
    context = {"http": {"method": "GET", "sourceIp": "198.51.100.7"}}
    seen = {"rawPath": f"/{play.link.rpartition('/')[2]}", "requestContext": context}
    found = play.deployed.call("approval-page", seen)
    assert found["statusCode"] == 200, found
    form = {"headers": {"content-type": "application/x-www-form-urlencoded"}, "body": "answer=approve&name=Kim"}
    context["http"]["method"] = "POST"
    # No workflow waits for it.
    found = play.deployed.call("approval-page", {**seen, **form})
    assert found["statusCode"] == 410, found


def _update(play: Play) -> None:
    for product in ("guardduty", "securityhub", "securityhub_v2"):
        play.account.speed(1000)
        play.account.enable(product, REGION)
        (id,) = play.account.add(product, REGION)
        (known,) = [
            each["finding"] for each in play.account.versions() if (each["product"], each["id"]) == (product, id)
        ]
        options = {"product": product, "finding": id, "state": "RESOLVED"}
        if product == "securityhub":
            options.update(finding=known["Id"], product_arn=known["ProductArn"])
        if product == "securityhub_v2":
            options.update(finding=known["metadata"]["uid"])
        found = play.step("update-finding", options=options)
        assert found["result"] == "done", found


def _sweep(play: Play) -> None:
    steps = play.deployed.home.client("stepfunctions")
    (machine,) = [each["stateMachineArn"] for each in steps.list_state_machines()["stateMachines"]]
    execution = machine.replace(":stateMachine:", ":execution:") + f":{play.incident}"
    # While it waits for a person, its question is looked up.
    table, key = play.deployed.home.ids["Incidents"], {"pk": {"S": play.target.key}}
    play.deployed.home.client("dynamodb").update_item(
        TableName=table, Key=key, UpdateExpression="SET #state = :waits", ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":waits": {"S": "waiting"}},
    )  # fmt: skip
    assert play.deployed.call("sweep", {})["left"] == 0
    steps.stop_execution(executionArn=execution)
    end = time.monotonic() + 120
    while steps.describe_execution(executionArn=execution)["status"] == "RUNNING":  # it stops in a while
        assert time.monotonic() < end
        time.sleep(0.1)
    told = {f"{STACK}-{name}": lambda _: Answer({}) for name in ("publish-status", "notify")}
    with LambdaFront(told) as front:
        play.account.serve_functions(front.url)
        assert play.deployed.call("sweep", {})["found"]
        play.account.serve_functions("")


def _sweep_blocks(play: Play) -> None:
    play.step("block-ip", addresses=[ATTACKER], instance="", options={"hours": "0.000001"})
    play.deployed.call("sweep-blocks", {})


def _ready(play: Play) -> None:
    found = play.deployed.call("readiness", {})
    assert found["result"] in ("done", "partial"), found


#: Function -> what it is made to do, in this order.
SCENES: Dict[str, Callable[[Play], None]] = {
    "readiness": _ready,
    "start": _start,
    "status": _status,
    "collect-context": _context,
    "collect-volatile": _volatile,
    "snapshot": _snapshot,
    "isolate": _isolate,
    "collect-logs": _logs,
    "archive": _archive,
    "finish": _finish,
    "ask-approval": _ask,
    "notify": _notify,
    "approval-page": _page,
    "update-finding": _update,
    "revoke-credentials": _revoke,
    "contain-principal": _contain,
    "release-principal": _release_principal,
    "publish-status": _publish,
    "block-ip": _block,
    "unblock-ip": _unblock,
    "sweep-blocks": _sweep_blocks,
    "sweep": _sweep,
    "release": _release,
}


def play(deployed: Deployed) -> List[str]:
    """Run them all; return what went wrong, so that the rest is seen, too."""
    stage, problems = Play(deployed), []
    for name, scene in SCENES.items():
        try:
            scene(stage)
        except Exception as exc:  # a test says it
            problems.append(f"{name}: {exc!r}")
    return problems
