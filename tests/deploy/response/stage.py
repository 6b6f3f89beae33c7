"""Both stacks, each in an account of its own, and every function of the first in Lambda's own runtime.

A function is what the stack made of the template: its handler, its limits, its variables, the credentials of its own
role; its code is the built package. The workflow is executed by the stand-in, which asks the runtime.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple, Type

import pytest

import aws_siem_bridge
from lab import avml
from lab.aws import AwsStandIn
from lab.engine import Engine
from lab.lambda_runtime import Deployment, Function, LambdaFront, lay_out_built
from lab.lambda_runtime.environment import Answer, children_of
from lab.splunkd.hec import HecReceiver, Token
from response.core.target import Target
from response.package import RESPONSE
from response.plans.document import linux
from response.state_machines import definition
from tests.collectors.on_engine import transport_to
from tests.deploy.response.conftest import LOGS, MEMBER_ID, REGION, STACK, STATUS, TOOLS, deploy, expanded
from tests.deploy.response.scenes import DOCUMENT, TOOLS_PARAMETER
from tests.log_records import lines_file
from tests.response.hosts import FILES, KEY
from tests.response.receivers import SECRET_PATH, Receiver
from tests.response.server_room import ServerRoom
from tests.response.test_collect_logs import FLOW_COLUMNS, flow, folder, moment

#: Waits of the workflow, which are minutes, last so much less.
SCALE = 0.02
#: A machine under load is slow, never wrong.
LONGEST_S = 300
HEC_TOKEN, STORE_PASSWORD, HOOK_VALUE = "hec-7d1f0c-planted", "store-3b9a-planted", "hook-5e2c-planted"
#: Flow records of an interface are waited for so long at most, and a bit.
HOURS_S = 7200
#: Lambda's own, of those that a process has: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
LAMBDAS = {
    "PATH", "HOME", "LANG", "TZ", "PYTHONPATH", "LAMBDA_TASK_ROOT", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_TIMEOUT", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_FORMAT", "AWS_REGION",
    "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "_HANDLER",
    "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API",
    "AWS_LAMBDA_METADATA_API", "AWS_LAMBDA_METADATA_TOKEN",
}  # fmt: skip
#: What leads to the stand-in instead of AWS, and keeps a process from the files of whoever runs this.
LABS = {
    "AWS_ENDPOINT_URL", "AWS_EC2_METADATA_DISABLED", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
    "PYTHONDONTWRITEBYTECODE",
}  # fmt: skip


class Process(NamedTuple):
    """What the system says of a process."""

    arguments: List[str]
    variables: Dict[str, str]
    folder: str


def process_in(emulator: int) -> Process:
    """Return the runtime's process in an emulator."""
    (runtime,) = children_of(emulator)
    arguments, pairs = (
        Path(f"/proc/{runtime}/{name}").read_text().rstrip("\0").split("\0") for name in ("cmdline", "environ")
    )
    return Process(arguments, dict(pair.split("=", 1) for pair in pairs), os.readlink(f"/proc/{runtime}/cwd"))


class Stage:
    """A context manager. ``code``: where the package is laid out."""

    def __init__(self, aws: AwsStandIn, engine: Engine, code: Path) -> None:
        self.home, self.member, self.code = aws.account(), aws.account(), lay_out_built(code, RESPONSE)
        self.engine = engine
        #: Texts that are in no log, status or notice.
        self.secrets: Dict[str, str] = {
            "token of HEC": HEC_TOKEN, "password of the raw store": STORE_PASSWORD, "webhook's header": HOOK_VALUE,
            "webhook's address": SECRET_PATH, "external id": MEMBER_ID,
        }  # fmt: skip
        #: Function -> its first process.
        self.processes: Dict[str, Process] = {}
        #: Whether `HOURS_S` have passed since the isolation, for the step that waits so long for flow records.
        self.hours_later = False
        self._stack = ExitStack()

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            self.receiver = Receiver()
            stack.callback(self.receiver.stop)
            self.hec = stack.enter_context(HecReceiver(Token(HEC_TOKEN, use_ack=False), index_after_s=0.0))
            self.deployed = deploy(self.home, self._parameters(), self.member)
            self.room = ServerRoom(self.member)
            self._furnish()
            self._trust()
            self.functions = {each.name: each for each in self._functions()}
            self.runtime = stack.enter_context(Deployment(self.functions.values()))
            serving = {name: partial(self._invoke, name) for name in self.functions}
            self.front = stack.enter_context(LambdaFront(serving))
            self.home.serve_functions(self.front.url)
            self.home.scale_time(SCALE)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.home.serve_functions("")
        self._stack.close()

    def _invoke(self, name: str, body: bytes) -> Answer:
        if self.hours_later and name == f"{STACK}-collect-logs":
            event = json.loads(body)
            body = json.dumps({**event, "isolated_at": event["isolated_at"] - HOURS_S}).encode()
        answer = self.runtime.invoke(name, body)
        if name not in self.processes:
            (emulator,) = self.runtime.environments[name].alive()
            self.processes[name] = process_in(emulator.pid)
        return answer

    @property
    def steps(self) -> Any:
        return self.home.client("stepfunctions", REGION)

    @property
    def machine(self) -> str:
        return f"arn:aws:states:{REGION}:{self.home.id}:stateMachine:{STACK}-respond"

    def ask(self, function: str, event: Any) -> Any:
        """Invoke a function by Lambda's interface; return what it answers."""
        client = self.home.client("lambda", REGION)
        answer = client.invoke(FunctionName=f"{STACK}-{function}", Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, body
        return body

    def start(self, action: str, *rows: Mapping[str, Any], **options: str) -> List[Dict[str, Any]]:
        """Ask for an action as the app does; return the rows of the answer."""
        request = {
            "id": f"{action}-{len(self.front.invocations)}", "action": action, "alert": f"sid-{action}",
            "search": "Beacons", "user": "kim", "options": options,
            "rows": [{"rid": str(number), **row} for number, row in enumerate(rows)],
        }  # fmt: skip
        return list(self.ask("start", request)["rows"])

    def row(self, target: Target) -> Dict[str, str]:
        return {"instance": target.instance, "account": target.account, "region": target.region}

    def ended(self, name: str) -> Tuple[str, Dict[str, Any]]:
        """Wait for the end of an execution; return its status, and its output or ``error`` and ``cause``."""
        found = self.until(lambda: self._over(name))
        shown = {key: found[key] for key in ("error", "cause") if key in found}
        return found["status"], json.loads(found["output"]) if "output" in found else shown

    def _over(self, name: str) -> Any:
        found = self.steps.describe_execution(executionArn=self.execution(name))
        return found if found["status"] != "RUNNING" else None

    def execution(self, name: str) -> str:
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{name}"

    def history(self, name: str) -> List[Dict[str, Any]]:
        """Return the errors of tasks in an execution, in their order."""
        pages = self.steps.get_paginator("get_execution_history").paginate(executionArn=self.execution(name))
        events = [event for page in pages for event in page["events"]]
        return [event["taskFailedEventDetails"] for event in events if event["type"] == "TaskFailed"]

    def until(self, look: Any) -> Any:
        """Wait until there is something to be seen, and return it."""
        deadline = time.monotonic() + LONGEST_S
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.1)
        raise TimeoutError(f"it never came: {[each for each in self.runtime.answers if each.answer.failed][-3:]}")

    def called(self, function: str, incident: str = "") -> List[Dict[str, Any]]:
        """Return the events that a function was given."""
        invocations = list(self.front.invocations)
        found = [json.loads(each.body) for each in invocations if each.function == f"{STACK}-{function}"]
        return [each for each in found if incident in ("", each.get("incident"))]

    def answers(self, function: str) -> List[Answer]:
        return [each.answer for each in list(self.runtime.answers) if each.function == f"{STACK}-{function}"]

    def statuses(self) -> List[Dict[str, Any]]:
        """Return what Splunk was told."""
        return [json.loads(row["_raw"]) for row in list(self.hec.events)]

    def session_secrets(self) -> Dict[str, str]:
        """Return the secrets of all sessions of both accounts' roles, the functions' own among them."""
        found = [secret for account in (self.home, self.member) for secret in account.session_secrets()]
        return {f"secret {number} of a session": secret for number, secret in enumerate(found)}

    def flows(self, target: Target, start: int, accepted: bool) -> None:
        """Let AWS deliver a flow record of each interface of an instance, and load it as a user does.

        One of 20 minutes that says that there was nothing, or of a flow that was let through.
        """
        account, enis = target.account, list(self.room.groups_of(target))
        nothing = [f"2 {account} {eni} - - - - - - - {start} {start + 1200} - NODATA" for eni in enis]
        lines = [flow(account, eni, "10.7.1.5", "198.51.100.9", start) for eni in enis] if accepted else nothing
        stamp = moment(start)[:16].replace("-", "").replace(":", "") + "Z"
        name = f"{target.account}_vpcflowlogs_{REGION}_fl-1_{stamp}_{accepted}.log.gz"
        key = f"AWSLogs/{target.account}/vpcflowlogs/{REGION}/{folder(start)}/{name}"
        self.home.client("s3", REGION).put_object(Bucket=LOGS, Key=key, Body=lines_file([FLOW_COLUMNS, *lines]))
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in self.home.environment(REGION).items():
                patch.setenv(variable, value)
            assert aws_siem_bridge.main(["load", f"s3://{LOGS}/{key}", "--url", self.engine.url]) == 0
        with transport_to(self.engine) as transport:
            transport.request("POST", ("aws-*", "_refresh"))

    def server(self, **more: Any) -> Target:
        """Start an instance with two interfaces and SSM's agent."""
        target = self.room.server(2, InstanceType="t3.nano", ImageId=self.room.linux(), **more)
        root = Path(self.member.managed(REGION, target.instance))
        for path, text in FILES.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return target

    def _parameters(self) -> Dict[str, str]:
        """Make the secrets that the template is told of; return its parameters."""

        def secret(name: str, text: str) -> str:
            made = self.home.client("secretsmanager", REGION).create_secret(Name=name, SecretString=text)
            return str(made["ARN"])

        self.topic = self.home.client("sns", REGION).create_topic(Name="people")["TopicArn"]
        queue = self.home.client("sqs", REGION).create_queue(QueueName="people")["QueueUrl"]
        arn = f"arn:aws:sqs:{REGION}:{self.home.id}:people"
        self.home.client("sns", REGION).subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=arn)
        self.queue = queue
        hook = {"name": "own", "kind": "webhook", "url": self.receiver.url + "/hook", "header": "X-Key"}
        channels = [
            {"name": "people", "kind": "sns", "topic": self.topic},
            {"name": "chat", "kind": "discord", "url": self.receiver.url + SECRET_PATH, "forum": True},
            {**hook, "value": HOOK_VALUE, "approves": True},
        ]  # fmt: skip
        return {
            "ChannelsSecretArn": secret("channels", json.dumps({"channels": channels})),
            "ChannelTopicArns": self.topic, "StatusHecUrl": self.hec.url,
            "StatusHecSecretArn": secret("hec", HEC_TOKEN), "StoreUrl": self.engine.url,
            "StoreSecretArn": secret("store", json.dumps({"username": "responder", "password": STORE_PASSWORD})),
            "VpcFlowLogs": f"s3://{LOGS}/AWSLogs/", "Accounts": self.member.id, "Regions": REGION,
        }  # fmt: skip

    def _furnish(self) -> None:
        """Make what the templates leave to the owner, and what the stand-in's CloudFormation leaves out."""
        home, client = self.deployed.home, self.home.client
        limits = {"mode": "live", "most_an_hour": 100, "minutes_each": 1440, "approvers": ["alice"]}
        client("ssm", REGION).put_parameter(
            Name=home.outputs["LimitsParameter"], Value=json.dumps(limits), Overwrite=True
        )
        s3, bucket = client("s3", REGION), home.outputs["EvidenceBucketName"]
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration={"ObjectLockEnabled": "Enabled"})
        for name in (TOOLS, LOGS, STATUS):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=TOOLS, Key=KEY, Body=avml.tool())
        tool = {"key": KEY, "sha256": hashlib.sha256(avml.tool()).hexdigest(), "version": "0.20.0"}
        client("ssm", REGION).put_parameter(Name=TOOLS_PARAMETER, Type="String", Value=json.dumps({"x86_64": tool}))
        self.member.client("ssm", REGION).create_document(
            Content=json.dumps(linux()["document"]), Name=DOCUMENT, DocumentType="Command", DocumentFormat="JSON"
        )
        for service, kind in (("ssm", "Interface"), ("ssmmessages", "Interface"), ("s3", "Gateway")):
            more = {"SubnetIds": [self.room.subnet]} if kind == "Interface" else {}
            self.room.ec2.create_vpc_endpoint(
                VpcId=self.room.vpc, ServiceName=f"com.amazonaws.{REGION}.{service}", VpcEndpointType=kind, **more
            )
        # It makes another kind of key than the template says, and executes no machine that it made.
        key = client("kms", REGION).create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")
        self.signing = str(key["KeyMetadata"]["Arn"])
        names = definition.functions(definition.text())
        prefix = f"arn:aws:lambda:{REGION}:{self.home.id}:function:{STACK}-"
        self.steps.create_state_machine(
            name=f"{STACK}-respond", roleArn=self.home.role(f"{STACK}-workflow"),
            definition=definition.rendered({name: prefix + name.replace("_", "-") for name in names}),
        )  # fmt: skip

    def _trust(self) -> None:
        """Let each role be assumed by whom its template names: the stand-in's IAM asks for no more."""
        for account, stack, external_id in (
            (self.member, self.deployed.member, MEMBER_ID), (self.home, self.deployed.home, ""),
        ):  # fmt: skip
            for name, resource in stack.template["Resources"].items():
                if resource["Type"] == "AWS::IAM::Role":
                    account.trust(stack.ids[name], self.home, external_id=external_id)

    def _functions(self) -> Iterator[Function]:
        client = self.home.client("lambda", REGION)
        formats = {
            each["Properties"]["Handler"]: each["Properties"].get("LoggingConfig", {}).get("LogFormat", "Text")
            for each in expanded()["Resources"].values()
            if each["Type"] == "AWS::Lambda::Function"
        }
        leads, sts = self.home.environment(REGION), self.home.client("sts", REGION)
        for each in client.list_functions()["Functions"]:
            name = each["FunctionName"]
            variables = {key: str(value) for key, value in each["Environment"]["Variables"].items()}
            if "AWS_SIEM_BRIDGE_SIGNING_KEY" in variables:
                variables["AWS_SIEM_BRIDGE_SIGNING_KEY"] = self.signing
            role = sts.assume_role(RoleArn=each["Role"], RoleSessionName=name)["Credentials"]
            keys = {
                "AWS_ACCESS_KEY_ID": role["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
                "AWS_SESSION_TOKEN": role["SessionToken"],
            }  # fmt: skip
            yield Function(
                name, each["Handler"], self.code, each["Timeout"], each["MemorySize"],
                {**leads, **keys, **variables}, formats[each["Handler"]],
            )  # fmt: skip
