"""Run Command in the stand-in: agents, exactly the instances that are named, states, what is shown of the output."""

from __future__ import annotations

import itertools
import json
import time
from pathlib import Path
from typing import Any, Dict, List

import pytest
from botocore.exceptions import ClientError

REGION = "eu-west-1"
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def account(aws):
    return aws.account()


@pytest.fixture(scope="module")
def ssm(account):
    return account.client("ssm", REGION)


def document(ssm: Any, *steps: Dict[str, Any], parameters: Dict[str, Any] = {}) -> str:  # noqa: B006
    name = f"document-{next(_numbers)}"
    content = {"schemaVersion": "2.2", "description": "d", "parameters": parameters, "mainSteps": list(steps)}
    ssm.create_document(Content=json.dumps(content), Name=name, DocumentType="Command", DocumentFormat="JSON")
    return name


def script(text: str, name: str = "script", **inputs: Any) -> Dict[str, Any]:
    return {"action": "aws:runShellScript", "name": name, "inputs": {"runCommand": text.split("\n"), **inputs}}


def host(account: Any, **how: Any) -> str:
    instance = f"i-{next(_numbers):017x}"
    account.managed(REGION, instance, **how)
    return instance


def send(ssm: Any, name: str, *instances: str, **more: Any) -> str:
    return str(ssm.send_command(DocumentName=name, InstanceIds=list(instances), **more)["Command"]["CommandId"])


def invocation(ssm: Any, command: str, instance: str, until: Any = None, **more: Any) -> Dict[str, Any]:
    """Return the invocation when it is over, or in the state that is asked for."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            found = ssm.get_command_invocation(CommandId=command, InstanceId=instance, **more)
        except ssm.exceptions.InvocationDoesNotExist:
            continue
        if found["Status"] == until or (until is None and found["Status"] not in ("Pending", "InProgress")):
            return dict(found)
        time.sleep(0.05)
    raise AssertionError("it did not end")


def refused(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


def test_agents_are_listed_with_how_they_are(account, ssm):
    online, lost, windows = host(account), host(account, ping="ConnectionLost"), host(account, platform="Windows")
    asked = [{"Key": "InstanceIds", "Values": [online, lost, windows, "i-00000000000000000"]}]
    found = ssm.describe_instance_information(Filters=asked)["InstanceInformationList"]
    assert [(each["InstanceId"], each["PingStatus"], each["PlatformType"]) for each in found] == [
        (online, "Online", "Linux"), (lost, "ConnectionLost", "Linux"), (windows, "Online", "Windows"),
    ]  # fmt: skip


def test_a_script_runs_on_the_named_instance_alone_in_its_own_root(account, ssm):
    one, other = host(account), host(account)
    roots = [Path(account.managed(REGION, each)) for each in (one, other)]
    name = document(ssm, script('echo "hello {{ who }}"; echo was-here > "$AWS_SIEM_BRIDGE_ROOT/mark"; echo no >&2'),
                    parameters={"who": {"type": "String", "allowedPattern": "^[a-z]+$"}})  # fmt: skip
    command = send(ssm, name, one, Parameters={"who": ["world"]})
    # The first look comes before the invocation is known.
    assert refused(ssm.get_command_invocation, CommandId=command, InstanceId=one) == "InvocationDoesNotExist"
    found = invocation(ssm, command, one)
    assert (found["Status"], found["ResponseCode"], found["StandardOutputContent"], found["StandardErrorContent"]) == (
        "Success", 0, "hello world\n", "no\n",
    )  # fmt: skip
    assert [(each / "mark").exists() for each in roots] == [True, False]
    assert refused(ssm.get_command_invocation, CommandId=command, InstanceId=other) == "InvocationDoesNotExist"
    (listed,) = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
    assert (listed["InstanceId"], listed["Status"]) == (one, "Success")
    assert [(each["Name"], each["Output"]) for each in listed["CommandPlugins"]] == [("script", "hello world\n")]
    # Whoever may list commands reads their parameters.
    assert ssm.list_commands(CommandId=command)["Commands"][0]["Parameters"] == {"who": ["world"]}


@pytest.mark.parametrize(
    ("text", "inputs", "status", "details"),
    [
        ("exit 3", {}, "Failed", "NonZeroExitCode"),
        ("echo begun; sleep 300", {"timeoutSeconds": "1"}, "TimedOut", "ExecutionTimedOut"),
    ],
)
def test_a_script_that_does_not_end_well(account, ssm, text, inputs, status, details):
    instance = host(account)
    found = invocation(ssm, send(ssm, document(ssm, script(text, **inputs)), instance), instance)
    assert (found["Status"], found["StatusDetails"]) == (status, details)
    assert found["ResponseCode"] not in (0, -1)


def test_a_command_waits_for_its_agent_runs_and_is_cancelled(account, ssm):
    instance = host(account, hold=True)
    command = send(ssm, document(ssm, script("echo on; sleep 300")), instance)
    assert invocation(ssm, command, instance, "Pending")["ResponseCode"] == -1
    assert account.deliver_commands(REGION) == 1
    assert invocation(ssm, command, instance, "InProgress")["StandardOutputContent"] == ""
    ssm.cancel_command(CommandId=command)
    assert invocation(ssm, command, instance)["Status"] == "Cancelled"


def test_a_command_that_no_agent_takes_times_out(account, ssm):
    instance = host(account, ping="ConnectionLost")
    command = send(ssm, document(ssm, script("echo never")), instance)
    assert invocation(ssm, command, instance, "Pending")
    account.expire_commands(REGION)
    found = invocation(ssm, command, instance)
    assert (found["Status"], found["StatusDetails"], found["StandardOutputContent"]) == (
        "TimedOut", "DeliveryTimedOut", "",
    )  # fmt: skip


def test_the_beginning_of_long_output_is_shown_and_the_whole_is_in_the_bucket(account, ssm):
    instance = host(account)
    s3 = account.client("s3", REGION)
    bucket = f"output-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    text = "i=0; while [ $i -lt 3000 ]; do echo 123456789; echo 12345 >&2; i=$((i+1)); done"
    how = {"OutputS3BucketName": bucket, "OutputS3KeyPrefix": "ssm"}
    command = send(ssm, document(ssm, script(text)), instance, **how)
    found = invocation(ssm, command, instance)
    assert (len(found["StandardOutputContent"]), len(found["StandardErrorContent"])) == (24_000, 8_000)
    key = f"ssm/{command}/{instance}/awsrunShellScript/script/stdout"
    assert found["StandardOutputUrl"].endswith(key)
    assert len(s3.get_object(Bucket=bucket, Key=key)["Body"].read()) == 30_000


def test_content_is_downloaded_by_http_and_a_step_that_fails_ends_it_only_when_it_says_so(account, ssm):
    s3 = account.client("s3", REGION)
    bucket = f"tools-{account.id}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_object(Bucket=bucket, Key="tool", Body=b"echo from the tool\n")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "tool"})

    def download(url: str, **more: Any) -> Dict[str, Any]:
        inputs = {"sourceType": "HTTP", "sourceInfo": json.dumps({"url": url}), "destinationPath": "/opt/tool", **more}
        return {"action": "aws:downloadContent", "name": "fetch", "inputs": inputs}

    text = 'sh "$AWS_SIEM_BRIDGE_ROOT/opt/tool"'
    instance = host(account)
    for first, expected in (
        (download(url), ["Success", "Success"]),
        (download(url.replace("/tool", "/none")), ["Failed", "Success"]),
        (download(url.replace("/tool", "/none"), onFailure="exit"), ["Failed", "Failed"]),
    ):
        command = send(ssm, document(ssm, first, script(text)), instance)
        invocation(ssm, command, instance, PluginName="script")
        (listed,) = ssm.list_command_invocations(CommandId=command, Details=True)["CommandInvocations"]
        assert [each["Status"] for each in listed["CommandPlugins"]] == expected
        given = {"CommandId": command, "InstanceId": instance}
        assert refused(ssm.get_command_invocation, **given) == "InvalidPluginName"


def test_what_aws_refuses(account, ssm):
    instance = host(account)
    parameters = {"who": {"type": "String", "allowedPattern": "^[a-z]+$"}}
    name = document(ssm, script("echo {{ who }}"), parameters=parameters)
    cases: List[Any] = [
        ("InvalidInstanceId", {"InstanceIds": ["i-00000000000000000"]}),
        ("DuplicateInstanceId", {"InstanceIds": [instance, instance]}),
        ("InvalidDocument", {"DocumentName": "none"}),
        ("InvalidParameters", {"Parameters": {"whom": ["x"]}}),
        ("InvalidParameters", {"Parameters": {"who": ["x; reboot"]}}),
        ("InvalidParameters", {}),
    ]
    for code, more in cases:
        assert refused(ssm.send_command, **{"DocumentName": name, "InstanceIds": [instance], **more}) == code
    assert refused(ssm.cancel_command, CommandId="0" * 36) == "InvalidCommandId"
    filters = [{"key": "Nothing", "value": "x"}]
    assert refused(ssm.list_command_invocations, Filters=filters) in ("InvalidFilterKey", "ValidationException")
    windows = host(account, platform="Windows")
    found = invocation(ssm, send(ssm, name, windows, Parameters={"who": ["x"]}), windows)
    assert (found["Status"], found["StatusDetails"]) == ("Failed", "InvalidPlatform")
