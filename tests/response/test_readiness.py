"""Would a response work? What is not ready is said; nothing is changed by asking."""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, List, Tuple

import pytest

import aws_siem_bridge
from response.actions.readiness import Check, Home, of_area, of_home
from response.aws.handover import Handover
from response.core.budget import Budget
from response.handlers import readiness as handler
from tests.response.faults import seen
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


def test_what_there_was_no_time_for_is_told_of_and_comes_first_another_night(room, home, monkeypatch):
    told = Told()
    monkeypatch.setattr(handler, "publisher_of", lambda *_, **__: told)
    regions = [REGION, "us-east-1", "ap-northeast-2"]
    asked, ticks = [], itertools.count()
    monkeypatch.setattr(handler, "of_area", lambda area, *given: asked.append(area.region) or of_area(area, *given))
    for night in range(3):
        monkeypatch.setattr(handler, "time", Night(night))
        told.statuses.clear()
        clock = itertools.count()
        found = handler.do({"regions": regions}, home, Budget(1, lambda clock=clock: next(clock)))
        left = [each["region"] for each in told.statuses if each["step"] == "everything is asked"]
        assert found["result"] == "partial" and {*left, asked[-1]} == {*regions}, told.statuses
    # In as many nights as there are places each was asked.
    assert sorted(asked) == sorted(regions)
    (cut,) = [
        each for each in of_area(room.area, {}, Budget(-1, lambda: next(ticks))) if each.what.startswith("everyth")
    ]
    assert cut.state == "untested" and "1 of 1 running instances were not asked about" in cut.says


class Night:
    """A clock that stands in one night."""

    def __init__(self, number: int) -> None:
        self.time = lambda: number * 86_400.0


def test_a_responder_asks_by_the_command_line(room, home, capsys):
    given = {name[len("AWS_SIEM_BRIDGE_") :].lower().replace("_", "-"): value for name, value in home.items()}
    names = ("bucket", "parameter", "tools-parameter", "tools-bucket", "state-machine")
    options = [text for name in names for text in (f"--{name}", given[name])]
    assert aws_siem_bridge.main(["respond", "readiness", "--region", REGION, *options]) == 1
    out = capsys.readouterr().out
    assert "not_ready: it has a way to SSM and S3 (i-" in out and "ready: the state machine is there" in out


WAY, LISTED = "it has a way to SSM and S3", "instances and agents are listed"
#: Not looked at where the parameter that pins it cannot be read.
TOOL = "the capture tool for x86_64"
#: Question -> what is asked by it. Without the first three nothing else of the account is asked.
ASKED: Dict[str, Tuple[str, ...]] = {
    "sts:GetCallerIdentity": ("the role is assumable",),
    "ec2:DescribeInstances": (LISTED,),
    "ssm:DescribeInstanceInformation": (LISTED,),
    "ec2:DescribeNetworkInterfaces": (WAY,), "ec2:DescribeVpcEndpoints": (WAY,), "ec2:DescribeRouteTables": (WAY,),
    "ssm:GetParameter": ("the parameter is readable", "capture tools are pinned"),
    "stepfunctions:DescribeStateMachine": ("the state machine is there",),
    "s3:GetObjectLockConfiguration": ("the evidence bucket has Object Lock",),
    "kms:DescribeKey": ("the key {key} is usable",),
    "s3:GetObject": (TOOL,),
    **{f"ec2:{name}": (f"ec2:{name} is allowed",) for name in (
        "ModifyNetworkInterfaceAttribute", "ModifyInstanceAttribute", "ModifyInstanceMetadataOptions",
        "CreateSecurityGroup", "CreateSnapshots", "CreateImage",
    )},
}  # fmt: skip
#: To these "denied" is the answer.
IS_AN_ANSWER = [call for call, (what, *_) in ASKED.items() if what.endswith(("is allowed", "is assumable"))]


def checks_of(room: ServerRoom, home: Dict[str, str]) -> List[Check]:
    """Ask what the function asks, with the account's watched session."""
    setting = {name[len("AWS_SIEM_BRIDGE_") :]: value for name, value in home.items()}
    handover = Handover(room.area, setting["JOBS_BUCKET"], room.area, setting["TOOLS_BUCKET"])
    checks, tools = of_home(Home(
        room.area, setting["PARAMETER"], setting["TOOLS_PARAMETER"], setting["STATE_MACHINE"], setting["BUCKET"],
        room.area, (setting["KEYS"],), handover,
    ))  # fmt: skip
    return [*checks, *of_area(room.area, tools)]


@pytest.fixture(scope="module")
def as_it_is(room: ServerRoom, home: Dict[str, str]) -> List[Check]:
    """What is said where nothing fails."""
    room.session.made.clear()
    checks = checks_of(room, home)
    made = {f"{service}:{call}" for service, call in room.session.made}
    assert made == set(ASKED), "every question has a case"
    return checks


@pytest.mark.parametrize(
    ("call", "kind", "times"),
    [
        *((call, kind, 0) for call in ASKED for kind in ("denied", "timeout")),
        *seen("readiness", [(call, kind, 1) for call in ASKED for kind in ("throttled", "timeout")]),
    ],
)
def test_what_could_not_be_asked_is_never_ready_and_stops_nothing_else(room, home, as_it_is, call, kind, times):
    room.session.fault, room.session.failed = Fault(call, kind, times), 0
    try:
        checks = checks_of(room, home)
    finally:
        room.session.fault = None
    assert room.session.failed, "the fault never came"
    if times:
        assert checks == as_it_is
        return
    concerned = [what.format(key=home["AWS_SIEM_BRIDGE_KEYS"]) for what in ASKED[call]]
    bad = {each.what: each for each in checks if each not in as_it_is}
    answered = kind == "denied" and call in IS_AN_ANSWER
    for what in concerned:
        assert bad[what].state == "not_ready" and call in bad[what].says
        assert bad[what].says.startswith("could not be asked: ") != answered
    # What hangs on it is not ready either, and nothing is that was not.
    assert all(each.state == "not_ready" for each in bad.values())
    cut_off = call in list(ASKED)[:3]
    assert cut_off or [each.what for each in checks if each.what not in bad] == [
        each.what for each in as_it_is if each.what not in bad and (each.what, call) != (TOOL, "ssm:GetParameter")
    ]
