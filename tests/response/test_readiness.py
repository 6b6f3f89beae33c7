"""Would a response work? What is not ready is said; nothing is changed by asking."""

from __future__ import annotations

import json
from typing import Any, Dict

import pytest

import aws_siem_bridge
from response.actions.readiness import of_area
from response.aws.handover import Tool
from response.handlers import readiness as handler
from tests.response.hosts import KEY, Bench
from tests.response.server_room import REGION, Fault, ServerRoom


class Told:
    """What was published."""

    def __init__(self) -> None:
        self.statuses: list = []

    def publish(self, statuses: Any) -> str:
        self.statuses += statuses
        return "hec"


@pytest.fixture(scope="module")
def home(room: ServerRoom) -> Dict[str, str]:
    """Everything as it should be, and an instance with an agent."""
    bench = Bench(room)
    ssm, steps = room.account.client("ssm", REGION), room.account.client("stepfunctions", REGION)
    tools = {"x86_64": {"key": KEY, "sha256": bench.tool.sha256}}
    for name, known in (("limits", {"mode": "live"}), ("tools", tools)):
        ssm.put_parameter(Name=name, Value=json.dumps(known), Type="String", Overwrite=True)
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    role = f"arn:aws:iam::{room.account.id}:role/steps"
    machine = steps.create_state_machine(name="m", definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    key = room.account.client("kms", REGION).create_key()["KeyMetadata"]["Arn"]
    bucket = room.locked_bucket()
    lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    bench.s3.put_object_lock_configuration(Bucket=bucket, ObjectLockConfiguration=lock)
    bench.host()
    settings = {
        "PARAMETER": "limits", "TOOLS_PARAMETER": "tools", "STATE_MACHINE": machine, "BUCKET": bucket, "KEYS": key,
        "JOBS_BUCKET": bench.jobs, "TOOLS_BUCKET": bench.tools,
    }  # fmt: skip
    return {"AWS_REGION": REGION, **{f"AWS_SIEM_BRIDGE_{name}": value for name, value in settings.items()}}


def ask(monkeypatch: Any, environment: Dict[str, str]) -> Any:
    told = Told()
    monkeypatch.setattr(handler, "publisher_of", lambda *_, **__: told)
    found = handler.do({}, environment)
    bad = {each["what"]: each["says"] for each in found["checks"] if each["state"] == "not_ready"}
    assert [each["step"] for each in told.statuses] == list(bad) and {each["action"] for each in told.statuses} <= {
        "readiness"
    }
    return found, bad


def test_what_is_ready_and_what_is_not(room, home, monkeypatch):
    before = room.ec2.describe_security_groups()["SecurityGroups"]
    found, bad = ask(monkeypatch, home)
    # The instance's subnet leads nowhere.
    assert set(bad) == {"it has a way to SSM and S3"}, bad
    states = {each["what"]: each["state"] for each in found["checks"]}
    assert states["ec2:ModifyNetworkInterfaceAttribute is allowed"] == "ready"
    assert states["ssm:SendCommand is allowed"] == "untested" and states["SSM's agent is online"] == "ready"
    assert room.ec2.describe_security_groups()["SecurityGroups"] == before, "nothing is changed by asking"


@pytest.mark.parametrize(
    ("setting", "value", "what"),
    [
        ("PARAMETER", "tools", "the parameter is readable"),
        ("TOOLS_PARAMETER", "none", "capture tools are pinned"),
        ("STATE_MACHINE", "arn:aws:states:eu-west-1:123456789012:stateMachine:none", "the state machine is there"),
        ("TOOLS_BUCKET", "no-such-bucket-of-tools", "the capture tool for x86_64"),
        ("BUCKET", "no-such-bucket-of-evidence", "the evidence bucket has Object Lock"),
    ],
)
def test_what_is_wrong_at_home_is_an_event(room, home, monkeypatch, setting, value, what):
    _, bad = ask(monkeypatch, {**home, f"AWS_SIEM_BRIDGE_{setting}": value})
    assert what in bad and bad[what]


def test_a_responder_asks_by_the_command_line(room, home, capsys):
    given = {name[len("AWS_SIEM_BRIDGE_") :].lower().replace("_", "-"): value for name, value in home.items()}
    names = ("bucket", "parameter", "tools-parameter", "tools-bucket", "state-machine")
    options = [text for name in names for text in (f"--{name}", given[name])]
    assert aws_siem_bridge.main(["respond", "readiness", "--region", REGION, *options]) == 1
    out = capsys.readouterr().out
    assert "not_ready: it has a way to SSM and S3 (i-" in out and "ready: the state machine is there" in out


@pytest.mark.parametrize(
    "call",
    ["sts:GetCallerIdentity", "ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "ec2:DescribeRouteTables",
     "ec2:DescribeVpcEndpoints", "ec2:DescribeNetworkInterfaces", "ec2:ModifyNetworkInterfaceAttribute",
     "ec2:CreateSnapshots"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ("denied", "timeout"))
def test_what_is_refused_is_not_ready_and_stops_nothing(room, home, call, kind):
    room.session.fault, room.session.failed = Fault(call, kind, 0), 0
    try:
        checks = of_area(room.area, {"x86_64": Tool(KEY, "0" * 64)})
    finally:
        room.session.fault = None
    bad = [each for each in checks if each.state == "not_ready"]
    assert room.session.failed and any(call in each.says for each in bad), checks
