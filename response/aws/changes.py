"""Makes one change. Each call sets what should be, so that it can be made twice; AWS's refusal is kept in words.

Needs ``ec2:ModifyNetworkInterfaceAttribute``, ``ModifyInstanceAttribute``, ``autoscaling:EnterStandby``,
``ExitStandby``, ``elasticloadbalancing:RegisterTargets``, ``DeregisterTargets``, ``RegisterInstancesWithLoadBalancer``,
``DeregisterInstancesFromLoadBalancer``.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.core import change as kinds
from response.core.change import DONE, FAILED, Change, Outcome

#: (service, operation, parameters)
Call = Tuple[str, str, Dict[str, Any]]


class Changes:
    """Makes changes in one account and region. ``instance`` is the one they belong to."""

    def __init__(self, area: Area, instance: str) -> None:
        self._area = area
        self._instance = instance

    def make(self, change: Change) -> Outcome:
        """Make a change; what AWS refuses is an outcome, so that the next change is made all the same."""
        service, operation, given = _CALLS[change.kind](self._instance, change)
        try:
            self._area.ask(service, operation, **given)
        except CallProblem as exc:
            return Outcome(change, FAILED, str(exc))
        return Outcome(change, DONE)

    def make_all(self, changes: List[Change]) -> List[Outcome]:
        """Make changes, one after the other."""
        return [self.make(each) for each in changes]


def _groups(_: str, change: Change) -> Call:
    given = {"NetworkInterfaceId": change.resource, "Groups": list(change.after)}
    return "ec2", "ModifyNetworkInterfaceAttribute", given


def _attribute(name: str) -> Callable[[str, Change], Call]:
    def call(instance: str, change: Change) -> Call:
        return "ec2", "ModifyInstanceAttribute", {"InstanceId": instance, name: {"Value": change.after}}

    return call


def _on_shutdown(instance: str, change: Change) -> Call:
    given = {"InstanceId": instance, "Attribute": "instanceInitiatedShutdownBehavior", "Value": change.after}
    return "ec2", "ModifyInstanceAttribute", given


def _keep_volume(instance: str, change: Change) -> Call:
    mapping = {"DeviceName": dict(change.with_)["device"], "Ebs": {"DeleteOnTermination": change.after}}
    return "ec2", "ModifyInstanceAttribute", {"InstanceId": instance, "BlockDeviceMappings": [mapping]}


def _standby(instance: str, change: Change) -> Call:
    with_ = dict(change.with_)
    given: Dict[str, Any] = {"InstanceIds": [instance], "AutoScalingGroupName": with_["group"]}
    if change.after == "Standby":
        return "autoscaling", "EnterStandby", {**given, "ShouldDecrementDesiredCapacity": with_["lower_desired"]}
    return "autoscaling", "ExitStandby", given


def _registration(instance: str, change: Change) -> Call:
    with_ = dict(change.with_)
    verb = "Register" if change.after else "Deregister"
    if not with_["group"].startswith("arn:"):
        operation = "RegisterInstancesWithLoadBalancer" if change.after else "DeregisterInstancesFromLoadBalancer"
        return "elb", operation, {"LoadBalancerName": with_["group"], "Instances": [{"InstanceId": instance}]}
    entry: Dict[str, Any] = {"Id": change.resource}
    if with_["port"]:
        entry["Port"] = with_["port"]
    if with_["zone"]:
        entry["AvailabilityZone"] = with_["zone"]
    return "elbv2", f"{verb}Targets", {"TargetGroupArn": with_["group"], "Targets": [entry]}


_CALLS: Dict[str, Callable[[str, Change], Call]] = {
    kinds.GROUPS: _groups,
    kinds.TERMINATION_PROTECTION: _attribute("DisableApiTermination"),
    kinds.STOP_PROTECTION: _attribute("DisableApiStop"),
    kinds.ON_SHUTDOWN: _on_shutdown,
    kinds.KEEP_VOLUME: _keep_volume,
    kinds.STANDBY: _standby,
    kinds.REGISTRATION: _registration,
}
