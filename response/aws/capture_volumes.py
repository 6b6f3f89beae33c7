"""The volume of an incident that memory is written to: made once, found again by its tags, taken away at the end.

Needs ``ec2:DescribeVolumes``, ``CreateVolume`` and ``CreateTags`` on volumes with our tag, ``AttachVolume`` and
``DetachVolume`` on these and the instance, ``DeleteVolume`` on these.
"""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List

from aws_bridge.accounts.area import EC2, Area
from aws_bridge.errors import AwsError, CallRejected
from response.aws.snapshots import INCIDENT, INSTANCE, ROLE

#: Value of the tag `ROLE`.
CAPTURE = "capture-volume"
#: States: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html
CREATING, AVAILABLE, IN_USE, DELETING = "creating", "available", "in-use", "deleting"
ATTACHED = "attached"
#: Bytes a second and requests a second that gp3 has at no extra price are enough for the network that takes them.
_TYPE = "gp3"
_ATTACHED_BEFORE, _DETACHED_BEFORE = ("VolumeInUse",), ("IncorrectState",)
_GONE = ("InvalidVolume.NotFound",)

Volume = Dict[str, Any]


class CaptureVolumes:
    """The volumes of one incident in one account and region; there is one, or none."""

    def __init__(self, area: Area, incident: str) -> None:
        self._area = area
        self._incident = incident

    def found(self) -> List[Volume]:
        """Return them, without those that are being deleted."""
        filters = [
            {"Name": f"tag:{INCIDENT}", "Values": [self._incident]},
            {"Name": f"tag:{ROLE}", "Values": [CAPTURE]},
        ]
        listed = self._area.each("ec2", "DescribeVolumes", "Volumes", EC2, Filters=filters)
        return [each for each in listed if each["State"] != DELETING]

    def create(self, zone: str, gib: int, instance: str, now_s: float) -> None:
        """Begin an encrypted volume; asked again within the minute, it is the same one.

        Later it is found by its tags. One that was deleted meanwhile would be the answer to the same token for long.
        """
        tags = {INCIDENT: self._incident, ROLE: CAPTURE, INSTANCE: instance, "Name": f"evidence {self._incident}"}
        token = hashlib.sha256(f"{CAPTURE} {instance} {self._incident} {now_s // 60:.0f}".encode()).hexdigest()
        self._area.ask(
            "ec2", "CreateVolume", AvailabilityZone=zone, Size=gib, VolumeType=_TYPE, Encrypted=True, ClientToken=token,
            TagSpecifications=[
                {"ResourceType": "volume", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        )  # fmt: skip

    def attach(self, volume: str, instance: str, device: str) -> None:
        """Begin to attach a volume, unless that was begun."""
        self._unless(_ATTACHED_BEFORE, "AttachVolume", VolumeId=volume, InstanceId=instance, Device=device)

    def detach(self, volume: str, instance: str) -> None:
        """Begin to detach a volume that is not mounted any more, unless that was begun."""
        self._unless(_DETACHED_BEFORE, "DetachVolume", VolumeId=volume, InstanceId=instance)

    def delete(self, volume: str) -> None:
        """Delete a volume, unless it is gone."""
        self._unless(_GONE, "DeleteVolume", VolumeId=volume)

    def _unless(self, codes: Any, operation: str, **given: Any) -> None:
        try:
            self._area.ask("ec2", operation, **given)
        except CallRejected as exc:
            if not any(code in str(exc) for code in codes):
                raise


def left_volumes(area: Area, incident: str) -> List[str]:
    """Return in words which volumes of an incident are still there, or that nobody knows."""
    try:
        found = CaptureVolumes(area, incident).found()
    except AwsError as exc:
        return [f"whether an evidence volume of {incident} is left is not known: {exc}"]
    text = "an evidence volume of {} is left: {} of {} GiB, {}. Keep or delete it by hand"
    return [text.format(incident, each["VolumeId"], each["Size"], _where(each)) for each in found]


def _where(volume: Volume) -> str:
    attached = [str(each["InstanceId"]) for each in volume.get("Attachments") or ()]
    return f"attached to {', '.join(attached)}" if attached else "attached to nothing"
