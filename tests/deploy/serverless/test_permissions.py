"""Every call that the functions make is allowed by their policies, and every action there is called: both ways.

The stack is created in the stand-in for AWS; the functions run with an access key of their own each, through all that
they do, and the stand-in's record of calls is held against the statements of their roles.
"""

from __future__ import annotations

import fnmatch
import json
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

from collectors.lambda_function import handler, loader, resume, watcher
from lab.aws.stand_in import ACCOUNT, REGION, AwsStandIn
from lab.story.addresses import write_mmdb
from tests.account import trail_file, trail_key
from tests.collectors.one_store import DAY, FOR_EVER_DAYS, Store
from tests.deploy.serverless.conftest import PASSWORD, SIGNED, create
from tests.deploy.stacks import Stack

BUCKET = "org-log-archive"
ADDRESSES = "org-addresses"
LOADER, RESUME, WATCHER = "LOADERKEY", "RESUMEKEY", "WATCHERKEY"
#: AWS's operations whose permission has another name: https://docs.aws.amazon.com/service-authorization/latest/reference/
ACTIONS = {"lambda:UpdateEventSourceMapping20150331": "lambda:UpdateEventSourceMapping"}
#: What Lambda's own poller does under the function's role, and what writes its log.
BY_LAMBDA = {
    "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "logs:CreateLogStream", "logs:PutLogEvents",
}  # fmt: skip
#: What a call of S3 needs beside its own permission: a key, and to tell "gone" from "denied".
BEHIND_S3 = {"kms:Decrypt", "kms:GenerateDataKey", "s3:ListBucket"}
#: Permissions that no call is named after.
NOT_SEEN = {
    # With a version named, S3 asks for this one in place of GetObject.
    "LoaderRole": {"s3:GetObjectVersion"},
    # Only where the loader switches off while this one switches on: tests/collectors/lambda_function/ provokes it.
    "ResumeRole": {"lambda:TagResource"},
    "WatcherRole": set(),
}
#: Signed requests to the cluster are no calls of an AWS API.
TO_THE_CLUSTER = {"es:ESHttpPost", "aoss:APIAccessAll"}


class Context:
    """Lambda's context of an invocation with ``seconds`` left."""

    function_name = "siem-loader"

    def __init__(self, seconds: float) -> None:
        self._left_ms = int(seconds * 1000)

    def get_remaining_time_in_millis(self) -> int:
        return self._left_ms


class Functions:
    """The stack's functions, run here with the variables that the stack gives them."""

    def __init__(self, stack: Stack, patch: pytest.MonkeyPatch, url: str) -> None:
        self.stack, self._patch, self._url = stack, patch, url

    def become(self, name: str, access_key: str, **changed: str) -> None:
        """Take the environment of one function."""
        configuration = self.stack.client("lambda").get_function_configuration(FunctionName=f"siem-{name}")
        variables = dict(configuration["Environment"]["Variables"])
        variables.update(AWS_SIEM_BRIDGE_URL=self._url, AWS_SIEM_BRIDGE_RETENTION_DAYS=FOR_EVER_DAYS)
        for variable, value in {**self.stack.aws.environment(access_key), **variables, **changed}.items():
            self._patch.setenv(variable, value)
        loader.loader.cache_clear()
        resume._parts.cache_clear()

    def load(self, *bodies: str, seconds: float = 900) -> Dict[str, Any]:
        """Give the loader a batch."""
        queue = self.stack.client("sqs")
        url = self.stack.outputs["QueueUrl"]
        for body in bodies:
            queue.send_message(QueueUrl=url, MessageBody=body)
        received = queue.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])["Messages"]
        records = [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": message["Attributes"],
                "eventSource": "aws:sqs",
            }
            for message in received
        ]
        answer = handler.handler({"Records": records}, Context(seconds))
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        for message in received:
            if message["MessageId"] not in failed:
                queue.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return answer


@pytest.fixture(scope="module", params=["signed", "password"])
def functions(request, engine_by_id, tmp_path_factory) -> Iterator[Functions]:
    """The functions after they have done all they do."""
    engine = engine_by_id("opensearch-2.19")
    with AwsStandIn() as aws, pytest.MonkeyPatch.context() as patch:
        s3 = aws.client("s3")
        for bucket in (BUCKET, ADDRESSES):
            s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        parameters = dict({"signed": SIGNED, "password": PASSWORD}[request.param])
        if request.param == "password":
            secret = json.dumps({"username": "loader", "password": "of the cluster"})
            made = aws.client("secretsmanager").create_secret(Name="siem/loader", SecretString=secret)
            parameters["LoaderSecretArn"] = made["ARN"]
        else:
            _put_addresses(s3, tmp_path_factory.mktemp("addresses"))
        found = Functions(create(aws, parameters), patch, engine.url)
        store = Store(engine.url)
        _do_everything(found, s3)
        yield found
        store.clear()
        store.transport.close()


def _put_addresses(s3: Any, folder: Path) -> None:
    path = folder / "city.mmdb"
    write_mmdb(path)
    s3.upload_file(str(path), ADDRESSES, "city.mmdb")


def _do_everything(functions: Functions, s3: Any) -> None:
    # The engine here ignores signatures: lab/front checks those, here only which calls are made matters.
    functions.become("loader", LOADER)
    version = s3.put_object(Bucket=BUCKET, Key=trail_key(1), Body=trail_file(0, 20, DAY))["VersionId"]
    assert functions.load(_notification(trail_key(1), version), _notification(trail_key(1))) == {
        "batchItemFailures": []
    }
    # A record that cannot be stored.
    s3.put_object(Bucket=BUCKET, Key=trail_key(2), Body=b'{"Records":[{"eventID":"without a time"}]}')
    # One that is gone.
    assert functions.load(_notification(trail_key(2)), _notification(trail_key(3))) == {"batchItemFailures": []}
    # No time left: passed on.
    assert functions.load(_notification(trail_key(1)), seconds=1) == {"batchItemFailures": []}
    functions.load()
    # Poison, which is hidden for a while.
    assert functions.load("nonsense")["batchItemFailures"]
    # A cluster that is gone, and that is back.
    functions.become("loader", LOADER, AWS_SIEM_BRIDGE_URL="http://127.0.0.1:1")
    assert functions.load(_notification(trail_key(1)), seconds=45)["batchItemFailures"]
    functions.become("resume", RESUME)
    assert resume.resume({}, None) == {"result": resume.SWITCHED_ON}
    functions.become("watcher", WATCHER)
    _records_metric(functions.stack)
    assert watcher.watch({}, None) == {"series": 1}


def _notification(key: str, version: str = "") -> str:
    found = {"key": key, **({"versionId": version} if version else {})}
    s3 = {"bucket": {"name": BUCKET}, "object": found}
    return json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3}]})


def _records_metric(stack: Stack) -> None:
    """CloudWatch reads the loader's log lines as metrics; the stand-in does not."""
    dimensions = [{"Name": name, "Value": name.lower()} for name in ("Account", "Region", "Source")]
    data = [{"MetricName": "Records", "Dimensions": dimensions, "Value": 20.0}]
    stack.client("cloudwatch").put_metric_data(Namespace="AwsSiemBridge", MetricData=data)


def called(functions: Functions, access_key: str) -> Set[Tuple[str, str]]:
    """Return action and ARN of every call by the bearer of a key."""
    return {_permission(call) for call in functions.stack.aws.calls(access_key)}


def _permission(call: Any) -> Tuple[str, str]:
    service = {"monitoring": "cloudwatch"}.get(call.service, call.service)
    action = f"{service}:{call.name}"
    if service == "s3":
        return action, f"arn:aws:s3:::{call.resource}"
    if service == "sqs":
        return action.replace("Batch", ""), f"arn:aws:sqs:{REGION}:{ACCOUNT}:{call.resource}"
    if service == "secretsmanager":
        return action, "secret"
    if service == "lambda" and "event-source-mapping" in call.resource:
        uuid = call.resource.replace(":", "/").rpartition("/")[2]
        return action, f"arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:{uuid}"
    return ACTIONS.get(action, action), "*"


def actions(statements: List[Dict[str, Any]]) -> Set[str]:
    found: Set[str] = set()
    for statement in statements:
        found.update([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    return found


def allows(statements: List[Dict[str, Any]], action: str, arn: str) -> bool:
    for statement in statements:
        resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        if action in actions([statement]) and any(
            arn == "secret" or fnmatch.fnmatchcase(arn, resource) for resource in resources
        ):
            return True
    return False


@pytest.mark.parametrize(
    ("role", "access_key"), [("LoaderRole", LOADER), ("ResumeRole", RESUME), ("WatcherRole", WATCHER)]
)
def test_every_call_is_allowed_and_every_permission_is_needed(functions: Functions, role, access_key):
    statements = functions.stack.statements(role)
    calls = called(functions, access_key)
    assert calls
    refused = {call for call in calls if not allows(statements, *call)}
    assert not refused
    never_called = actions(statements) - {action for action, _ in calls} - BY_LAMBDA - BEHIND_S3 - TO_THE_CLUSTER
    assert never_called <= NOT_SEEN[role]
