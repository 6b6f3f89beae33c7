"""What has to change so that an instance is as it was saved, and what somebody else changed since, which is refused."""

from __future__ import annotations

from typing import Any, Collection, List, NamedTuple, Tuple

from response.core import change
from response.core.change import Change
from response.core.instance import Instance, Registration

#: Kind of a change -> the field it is about. One that was unknown when it was saved was never changed.
_FIELDS = {
    change.TERMINATION_PROTECTION: "termination_protected",
    change.STOP_PROTECTION: "stop_protected",
    change.ON_SHUTDOWN: "on_shutdown",
    change.PROFILE: "profile",
}


class Restoration(NamedTuple):
    """The way back."""

    changes: List[Change]
    #: What is neither as it was saved nor as isolation leaves it: somebody changed it. Release then changes nothing.
    conflicts: List[str]
    #: What cannot be again as it was, with the reason; it does not stop a release.
    lost: List[str]
    #: What could not be read now: whether it is as it was is not known, and what is known is restored all the same.
    unread: List[str]


def restoration(saved: Instance, now: Instance, quarantine: Collection[str]) -> Restoration:
    """Compare the record with what is there. ``quarantine``: ids of the security groups that isolation uses."""
    changes: List[Change] = []
    conflicts: List[str] = []
    lost: List[str] = []
    id, unknown = saved.target.instance, saved.unknown | now.unknown

    def back(kind: str, resource: str, was: Any, is_: Any, ours: Any, *with_: Tuple[str, Any]) -> None:
        if is_ == was or _FIELDS.get(kind) in unknown:
            return
        if is_ == ours:
            changes.append(Change(kind, resource, is_, was, with_))
        else:
            made = f"isolation makes it {ours!r}" if ours is not None else "isolation leaves it so"
            conflicts.append(f"{kind} of {resource} was {was!r}, {made}, and it is {is_!r}")

    there = {each.id: each for each in now.interfaces}
    for each in saved.interfaces:
        if each.id not in there:
            lost.append(f"the interface {each.id} is no longer attached")
            continue
        groups = there[each.id].groups
        ours = groups if len(groups) == 1 and groups[0] in quarantine else None
        back(change.GROUPS, each.id, each.groups, groups, ours)
    for new in sorted(set(there) - {each.id for each in saved.interfaces}):
        groups = there[new].groups
        if len(groups) == 1 and groups[0] in quarantine:
            lost.append(f"the interface {new} was attached later and stays in {groups[0]}: its groups are unknown")
    back(change.TERMINATION_PROTECTION, id, saved.termination_protected, now.termination_protected, True)
    back(change.STOP_PROTECTION, id, saved.stop_protected, now.stop_protected, True)
    back(change.ON_SHUTDOWN, id, saved.on_shutdown, now.on_shutdown, "stop")
    volumes = {each.id: each for each in now.volumes}
    for volume in saved.volumes:
        if volume.id not in volumes:
            lost.append(f"the volume {volume.id} is no longer attached")
            continue
        kept = volumes[volume.id].delete_on_termination
        back(change.KEEP_VOLUME, volume.id, volume.delete_on_termination, kept, False, ("device", volume.device))
    # Isolation leaves these alone; what revoking credentials made of them is `actions.revoke`'s.
    back(change.PROFILE, id, saved.profile, now.profile, None)
    back(change.METADATA, id, saved.metadata, now.metadata, None)
    if "scaling" not in unknown:
        _scaling(saved, now, changes, lost)
    _registrations(saved, now, changes)
    restored = {*_FIELDS.values(), "scaling", "registrations"} - saved.unknown
    unread = [f"{field} could not be read: {why}" for field, why in now.unread if field in restored]
    return Restoration(changes, conflicts, lost, unread)


def _scaling(saved: Instance, now: Instance, changes: List[Change], lost: List[str]) -> None:
    was, is_ = saved.scaling, now.scaling
    if was is None or was.state != "InService":
        return
    if is_ is None:
        lost.append(f"the instance is no longer in the Auto Scaling group {was.group}")
    elif is_.state == "Standby":
        changes.append(Change(change.STANDBY, saved.target.instance, "Standby", "InService", (("group", was.group),)))


def _registrations(saved: Instance, now: Instance, changes: List[Change]) -> None:
    there = {_same(each) for each in now.registrations}
    for each in saved.registrations:
        if _same(each) not in there:
            with_ = (("group", each.group), ("port", each.port), ("zone", each.zone))
            changes.append(Change(change.REGISTRATION, each.id, False, True, with_))


def _same(each: Registration) -> Tuple[str, str, int]:
    return each.group, each.id, each.port
