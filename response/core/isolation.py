"""What has to change so that an instance reaches nobody and nobody reaches it, and so that it is not lost meanwhile.

Facts behind it: a security group is set interface by interface (`ModifyInstanceAttribute` takes one interface only);
a change of groups does not cut flows that are tracked already; a security group does not filter DNS to the VPC's
resolver, DHCP, the metadata service and time.
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/security-group-connection-tracking.html
"""

from __future__ import annotations

from typing import List, Mapping, Tuple

from response.core import change
from response.core.change import Change
from response.core.instance import Instance, Interface

#: What remains possible on an isolated instance, for every status.
NOT_FILTERED = (
    "a security group does not filter DNS to the VPC's resolver, DHCP, time and the metadata service: names can still "
    "be asked for. DNS Firewall, a network ACL or a stop of the instance closes that"
)
TRACKED_FLOWS = (
    "flows that were open before may go on until they end: a change of security groups does not cut what AWS tracks. A "
    "network ACL of the subnet or a stop of the instance cuts them"
)


def protection(instance: Instance) -> List[Change]:
    """Return what keeps the instance and its volumes from being deleted while people work on it.

    What could not be read is not changed: nobody could put it back.
    """
    found = []
    id = instance.target.instance
    unknown = instance.unknown
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_ChangingDisableAPITermination.html
    if not instance.termination_protected and not instance.spot and "termination_protected" not in unknown:
        found.append(Change(change.TERMINATION_PROTECTION, id, False, True))
    if not instance.stop_protected and not instance.spot and "stop_protected" not in unknown:
        found.append(Change(change.STOP_PROTECTION, id, False, True))
    if instance.on_shutdown == "terminate" and not instance.spot and "on_shutdown" not in unknown:
        found.append(Change(change.ON_SHUTDOWN, id, "terminate", "stop"))
    for volume in instance.volumes:
        if volume.delete_on_termination:
            with_ = (("device", volume.device),)
            found.append(Change(change.KEEP_VOLUME, volume.id, True, False, with_))
    return found


def out_of_service(instance: Instance) -> List[Change]:
    """Return what takes it out of its Auto Scaling group and its load balancers, so that no healthy one is missed.

    Standby lowers the wished number where the group allows it; otherwise the group starts another instance.
    """
    found = []
    scaling = None if "scaling" in instance.unknown else instance.scaling
    if scaling and scaling.state == "InService":
        lower = scaling.desired - 1 >= scaling.minimum
        standby = (("group", scaling.group), ("lower_desired", lower))
        found.append(Change(change.STANDBY, instance.target.instance, "InService", "Standby", standby))
    # Of two lists one may have been read: those are taken out, and known to release.
    for each in instance.registrations:
        place = (("group", each.group), ("port", each.port), ("zone", each.zone))
        found.append(Change(change.REGISTRATION, each.id, True, False, place))
    return found


def closing(instance: Instance, groups: Mapping[str, str]) -> List[Change]:
    """Return the change of groups of each interface that needs one. ``groups``: VPC -> its quarantine group."""
    return [
        Change(change.GROUPS, each.id, each.groups, (groups[each.vpc],))
        for each in instance.interfaces
        if each.groups != (groups[each.vpc],)
    ]


def open_interfaces(instance: Instance, groups: Mapping[str, str]) -> Tuple[Interface, ...]:
    """Return the interfaces that are not in the quarantine group of their VPC alone."""
    return tuple(each for each in instance.interfaces if each.groups != (groups.get(each.vpc, ""),))


def notes(instance: Instance, changed: bool) -> List[str]:
    """Return what isolation does not do for this instance, in words."""
    found = [NOT_FILTERED]
    if changed:
        found.insert(0, TRACKED_FLOWS)
    if instance.spot:
        found.append("a Spot instance cannot be protected against termination: AWS may take it back at any time")
    for each in instance.interfaces:
        if each.requester_managed or each.type not in ("interface", "efa"):
            found.append(f"{each.id} is of the type {each.type}, made by a service, which may refuse the change")
    if instance.scaling and instance.scaling.desired - 1 < instance.scaling.minimum:
        found.append(f"the Auto Scaling group {instance.scaling.group} starts another instance in its place")
    return found
