"""What a capture has to know of an instance: platform, architecture, memory, and whether SSM's agent answers.

Needs ``ec2:DescribeInstances``, ``ec2:DescribeInstanceTypes``, ``ssm:DescribeInstanceInformation``.
"""

from __future__ import annotations

from typing import NamedTuple, Tuple

from aws_bridge.accounts.area import RESOURCE, Area
from aws_bridge.errors import CallProblem, CallRejected
from response.core.target import Target
from response.errors import BadTarget

ONLINE = "Online"
_UNKNOWN = ("InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed")


class Machine(NamedTuple):
    """An instance. ``ram_mib`` 0: not known."""

    state: str
    #: ``linux`` or ``windows``.
    platform: str
    #: ``x86_64``, ``arm64`` ...
    architecture: str
    type: str
    ram_mib: int
    #: Availability Zone, and the names of its block devices.
    zone: str = ""
    devices: Tuple[str, ...] = ()

    @property
    def runs(self) -> bool:
        """Whether there is any memory."""
        return self.state == "running"


def machine(area: Area, target: Target) -> Machine:
    """Return an instance. Raises `BadTarget` where there is none, `CallProblem` where AWS refuses to say."""
    try:
        reservations = area.ask("ec2", "DescribeInstances", InstanceIds=[target.instance])["Reservations"]
    except CallRejected as exc:
        if not any(code in str(exc) for code in _UNKNOWN):
            raise
        reservations = []
    for each in (one for reservation in reservations for one in reservation["Instances"]):
        windows = str(each.get("Platform", "")).lower() == "windows"
        kind = each.get("InstanceType", "")
        state, architecture = each["State"]["Name"], each.get("Architecture", "")
        zone = each.get("Placement", {}).get("AvailabilityZone", "")
        devices = tuple(disk["DeviceName"] for disk in each.get("BlockDeviceMappings") or ())
        platform = "windows" if windows else "linux"
        return Machine(state, platform, architecture, kind, _ram_mib(area, kind), zone, devices)
    raise BadTarget(f"there is no instance {target}: compare account and region with the finding")


def _ram_mib(area: Area, kind: str) -> int:
    try:
        found = area.ask("ec2", "DescribeInstanceTypes", InstanceTypes=[kind])["InstanceTypes"]
        return int(found[0]["MemoryInfo"]["SizeInMiB"]) if found else 0
    except CallProblem:
        # A guess of it is good enough: the host looks again.
        return 0


class Agent(NamedTuple):
    """SSM's agent of an instance, as it was last heard of."""

    #: ``Online``, ``ConnectionLost``, ``Inactive``; empty where SSM knows of no agent.
    ping: str
    version: str = ""

    @property
    def says(self) -> str:
        """Why nothing can be run, in words; empty when it can."""
        if self.ping == ONLINE:
            return ""
        if not self.ping:
            return "no agent: SSM does not know the instance (no agent, no role for it, or no way to SSM)"
        return f"no agent: SSM's agent is {self.ping}"


#: Of an instance that SSM does not know.
NO_AGENT = Agent("")


def agents(area: Area, *instances: str) -> dict[str, Agent]:
    """Return instance -> its agent, of those that SSM knows; of all that it knows when none is named."""
    filters = {"Filters": [{"Key": "InstanceIds", "Values": list(instances)}]} if instances else {}
    found = area.each("ssm", "DescribeInstanceInformation", "InstanceInformationList", RESOURCE, **filters)
    return {each["InstanceId"]: Agent(each["PingStatus"], each.get("AgentVersion", "")) for each in found}
