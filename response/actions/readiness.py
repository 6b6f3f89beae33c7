"""Asks whether a response would work, before one is needed: in one account and region, and of what is at home.

Changes nothing: EC2 is asked with its DryRun, which says whether policies, those of the organisation too, let a call
through. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/CommonParameters.html

Needs, beside what it asks for, ``ec2:DescribeInstances``, ``ssm:DescribeInstanceInformation``,
``states:DescribeStateMachine``, ``s3:GetBucketObjectLockConfiguration``, ``kms:DescribeKey``, ``ssm:GetParameter``.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Tuple, Type

from aws_bridge.accounts.area import EC2, Area
from aws_bridge.errors import AwsError, CallProblem, CallRejected, Denied
from response.aws.handover import Handover, Tool, read_tools
from response.aws.instances import Instances
from response.aws.machines import NO_AGENT, agents
from response.aws.parameter import read_limits
from response.aws.ways_out import reach_of
from response.core.budget import Budget
from response.core.reach import NONE
from response.core.target import Target
from response.errors import ResponseError

READY, NOT_READY, UNTESTED = "ready", "not_ready", "untested"
#: What is untested where there was no time: that is told of, too.
ALL_ASKED = "everything is asked"
#: EC2 says this of a call that would have been made.
_WOULD = "DryRunOperation"
#: Changes that AWS has no dry run for.
NO_DRY_RUN = (
    "autoscaling:EnterStandby", "elasticloadbalancing:DeregisterTargets", "ssm:SendCommand", "iam:PutRolePolicy",
    "s3:PutObject",
)  # fmt: skip
_NO_GROUP, _RUNNING = "sg-00000000", "running"


class Check(NamedTuple):
    """One thing that was asked. ``target`` is the instance, or empty for the account."""

    account: str
    region: str
    target: str
    what: str
    state: str
    says: str

    def to_json(self) -> Dict[str, Any]:
        """Return it for an answer or a log."""
        return self._asdict()


class Home(NamedTuple):
    """What a response needs at home; an empty name is not looked at."""

    area: Area
    parameter: str
    tools_parameter: str
    state_machine: str
    bucket: str
    bucket_area: Area
    keys: Tuple[str, ...]
    handover: Handover


def of_home(home: Home) -> Tuple[List[Check], Dict[str, Tool]]:
    """Return the checks of what is at home, and the capture tools that are as they should be."""
    found: List[Check] = []
    tools: Dict[str, Tool] = {}

    def check(what: str, ask: Callable[[], Any]) -> None:
        found.append(_check(home.area, "", what, ask))

    check("the parameter is readable", lambda: read_limits(home.area, home.parameter))
    machine = home.state_machine
    check(
        "the state machine is there",
        lambda: _ask(home.area, "stepfunctions", "DescribeStateMachine", stateMachineArn=machine),
    )
    lock = "GetObjectLockConfiguration"
    check("the evidence bucket has Object Lock", lambda: _ask(home.bucket_area, "s3", lock, Bucket=home.bucket))
    for key in home.keys:
        check(f"the key {key} is usable", partial(_enabled, home.area, key))
    known: Mapping[str, Tool] = {}
    try:
        known = read_tools(home.area, home.tools_parameter)
    except (AwsError, ResponseError) as exc:
        found.append(_failed(home.area, "", "capture tools are pinned", exc))
    for architecture, tool in known.items():
        result = _check(home.area, "", f"the capture tool for {architecture}", partial(_same, home.handover, tool))
        found.append(result)
        if result.state == READY:
            tools[architecture] = tool
    return found, tools


def of_area(area: Area, tools: Mapping[str, Tool], budget: Budget = Budget()) -> List[Check]:  # noqa: B008 - fixed
    """Return the checks of an account and region, and of each running instance in it that there is time for."""
    found = [_check(area, "", "the role is assumable", lambda: _ask(area, "sts", "GetCallerIdentity"), Denied)]
    if found[0].state != READY:
        return found
    try:
        listed = [
            each for reservation in area.each("ec2", "DescribeInstances", "Reservations", EC2)
            for each in reservation["Instances"] if each["State"]["Name"] == _RUNNING
        ]  # fmt: skip
        known = agents(area)
    except CallProblem as exc:
        return [*found, _failed(area, "", "instances and agents are listed", exc)]
    found += _dry_runs(area, listed[0] if listed else None)
    for number, each in enumerate(listed):
        if budget.is_over:
            says = f"{len(listed) - number} of {len(listed)} running instances were not asked about: no time was left"
            return [*found, Check(area.account, area.region, "", ALL_ASKED, UNTESTED, says)]
        found += _of_instance(area, each, known.get(each["InstanceId"], NO_AGENT).says, tools)
    return found


def not_asked(area: Area) -> Check:
    """Return that there was no time for an account and region."""
    says = "it was not asked about: no time was left. Each night begins elsewhere, so it comes first another night"
    return Check(area.account, area.region, "", ALL_ASKED, UNTESTED, says)


def _of_instance(area: Area, found: Mapping[str, Any], no_agent: str, tools: Mapping[str, Tool]) -> List[Check]:
    id, account, region = found["InstanceId"], area.account, area.region
    checks = [
        Check(account, region, id, "SSM's agent is online", NOT_READY if no_agent else READY, no_agent or "online")
    ]
    way = "it has a way to SSM and S3"
    try:
        interfaces = Instances(area).interfaces(Target(account, region, id))
        ways = [reach_of(area, vpc, tuple(each for each in interfaces if each.vpc == vpc))
                for vpc in sorted({each.vpc for each in interfaces})]  # fmt: skip
        reached = any(NONE not in (each.ssm, each.s3) for each in ways)
        says = "; ".join(each.says for each in ways)
        checks.append(Check(account, region, id, way, READY if reached else NOT_READY, says))
    except CallProblem as exc:
        checks.append(_failed(area, id, way, exc))
    architecture = found.get("Architecture", "")
    if str(found.get("Platform", "")).lower() == "windows":
        return [*checks, Check(account, region, id, "its memory can be captured", UNTESTED, "Windows is not supported")]
    right = architecture in tools
    says = f"{architecture}: {'a pinned tool' if right else 'no capture tool that is as it should be'}"
    return [*checks, Check(account, region, id, "its memory can be captured", READY if right else NOT_READY, says)]


def _dry_runs(area: Area, instance: Any) -> List[Check]:
    """Return whether EC2's changes would be let through, asked with one instance; and what cannot be asked."""
    where = (area.account, area.region, "")
    untested = [Check(*where, f"{name} is allowed", UNTESTED, "AWS has no dry run of it") for name in NO_DRY_RUN]
    if instance is None:
        return [
            *untested,
            Check(*where, "EC2's changes are allowed", UNTESTED, "there is no running instance to ask with"),
        ]
    id, (nic, *_) = instance["InstanceId"], instance["NetworkInterfaces"]
    group = nic["Groups"][0]["GroupId"] if nic["Groups"] else _NO_GROUP
    calls: Tuple[Tuple[str, Dict[str, Any]], ...] = (
        ("ModifyNetworkInterfaceAttribute", {"NetworkInterfaceId": nic["NetworkInterfaceId"], "Groups": [group]}),
        ("ModifyInstanceAttribute", {"InstanceId": id, "DisableApiTermination": {"Value": True}}),
        ("ModifyInstanceMetadataOptions", {"InstanceId": id, "HttpEndpoint": "enabled"}),
        (
            "CreateSecurityGroup",
            {"GroupName": "siem-bridge-readiness", "Description": "dry run", "VpcId": nic["VpcId"]},
        ),
        ("CreateSnapshots", {"InstanceSpecification": {"InstanceId": id}}),
        ("CreateImage", {"InstanceId": id, "Name": "siem-bridge-readiness", "NoReboot": True}),
    )
    return [
        _check(area, "", f"ec2:{name} is allowed", partial(_would, area, name, given), Denied) for name, given in calls
    ] + untested


def _would(area: Area, operation: str, given: Dict[str, Any]) -> None:
    try:
        area.ask("ec2", operation, DryRun=True, **given)
    except CallRejected as exc:
        if _WOULD not in str(exc):
            raise


def _check(area: Area, target: str, what: str, ask: Callable[[], Any], *answers: Type[CallProblem]) -> Check:
    try:
        ask()
    except (AwsError, ResponseError) as exc:
        return _failed(area, target, what, exc, *answers)
    return Check(area.account, area.region, target, what, READY, "as it should be")


def _failed(area: Area, target: str, what: str, exc: Exception, *answers: Type[CallProblem]) -> Check:
    """Return a check that is not ready, and whether that is known or nobody could be asked.

    ``answers``: what is an answer beside a refused value: to whether something is allowed, "denied" is one.
    """
    unknown = isinstance(exc, CallProblem) and not isinstance(exc, (CallRejected, *answers))
    says = f"could not be asked: {exc}" if unknown else str(exc)
    return Check(area.account, area.region, target, what, NOT_READY, says)


def _ask(area: Area, service: str, operation: str, **given: Any) -> Any:
    return area.ask(service, operation, **given)


def _enabled(area: Area, key: str) -> None:
    state = area.ask("kms", "DescribeKey", KeyId=key)["KeyMetadata"]["KeyState"]
    if state != "Enabled":
        raise ResponseError(f"it is {state}")


def _same(handover: Handover, tool: Tool) -> None:
    found = handover.tool_sha256(tool)
    if found != tool.sha256:
        raise ResponseError(f"{tool.key} has the sha256 {found}, and {tool.sha256} is pinned")
