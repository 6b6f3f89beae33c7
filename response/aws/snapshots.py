"""Snapshots and images of an instance. Found again by their tags, so that a lost answer makes no second set.

Needs ``ec2:DescribeInstances``, ``DescribeVolumes``, ``DescribeInstanceTypes``, ``DescribeSnapshots``,
``DescribeSnapshotAttribute``, ``DescribeImages``, ``CreateSnapshots``, ``CreateImage``, ``CopySnapshot``,
``ModifySnapshotAttribute``, ``DeleteSnapshot``, ``CreateTags``; on the key of a copy ``kms:CreateGrant``, ``Decrypt``,
``DescribeKey``, ``GenerateDataKeyWithoutPlaintext``, ``ReEncrypt*``.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Sequence

from aws_bridge.accounts.area import EC2, Area
from aws_bridge.errors import CallRejected, Unavailable
from response.aws.evidence import Lock
from response.aws.snapshot_locks import Locks, lock_all
from response.errors import StillRunning

#: Tags of what is made here. A copy's volume has an arbitrary id, so that its source is in tags.
INCIDENT, ROLE = "aws-siem-bridge:incident", "aws-siem-bridge:evidence"
INSTANCE, VOLUME, SNAPSHOT = (f"aws-siem-bridge:source-{what}" for what in ("instance", "volume", "snapshot"))
#: What a snapshot is for.
ORIGINAL, COPY, FORENSICS, IMAGE = "original", "copy", "forensics-copy", "image"
PENDING, COMPLETED = "pending", "completed"
#: So many copies at once are allowed; more are asked for later.
#: https://docs.aws.amazon.com/ebs/latest/userguide/ebs-copy-snapshot.html
_LATER = ("ResourceLimitExceeded", "ConcurrentSnapshotLimitExceeded", "SnapshotCreationPerVolumeRateExceeded")
_NOT_THERE = ("InvalidSnapshot.NotFound",)

Snapshot = Dict[str, Any]


class Snapshots:
    """The snapshots of one incident in one account and region."""

    def __init__(self, area: Area, incident: str) -> None:
        self._area = area
        self._incident = incident

    def found(self, role: str) -> List[Snapshot]:
        """Return those that were made for this, the oldest first."""
        filters = [
            {"Name": f"tag:{INCIDENT}", "Values": [self._incident]},
            {"Name": f"tag:{ROLE}", "Values": [role]},
        ]
        given = {"Filters": filters, "OwnerIds": [self._area.account]}
        found = self._area.each("ec2", "DescribeSnapshots", "Snapshots", EC2, **given)
        return sorted(found, key=lambda each: (str(each.get("StartTime", "")), each["SnapshotId"]))

    def images(self) -> List[Dict[str, Any]]:
        """Return the image of the incident; none, or one."""
        filters = [{"Name": "name", "Values": [self._image_name()]}]
        return self._area.ask("ec2", "DescribeImages", Owners=["self"], Filters=filters).get("Images") or []

    def lock_all(self, snapshots: Sequence[str], lock: Lock, cool_off_h: int) -> Locks:
        """Lock snapshots of this account. See `response.aws.snapshot_locks.lock_all`."""
        return lock_all(self._area, snapshots, lock, cool_off_h)

    def create(self, instance: str) -> None:
        """Begin snapshots of all attached EBS volumes, of one moment for all of them."""
        self._once(
            "CreateSnapshots",
            InstanceSpecification={"InstanceId": instance, "ExcludeBootVolume": False},
            Description=f"Evidence of {instance}, incident {self._incident}",
            TagSpecifications=self._tags("snapshot", ORIGINAL, {INSTANCE: instance}),
        )

    def create_image(self, instance: str) -> None:
        """Begin an image. The instance goes on: a reboot would destroy what is in its memory."""
        try:
            self._once(
                "CreateImage",
                InstanceId=instance,
                Name=self._image_name(),
                Description=f"Evidence of {instance}, incident {self._incident}",
                NoReboot=True,
                # Its snapshots, too: by their tag they may be locked.
                TagSpecifications=[
                    tags for kind in ("image", "snapshot") for tags in self._tags(kind, IMAGE, {INSTANCE: instance})
                ],
            )
        except CallRejected as exc:
            if "InvalidAMIName.Duplicate" not in str(exc):
                raise

    def copy(self, source: str, region: str, key: str, role: str, about: Mapping[str, str]) -> None:
        """Begin an encrypted copy of a snapshot, of this account or shared with it."""
        self._once(
            "CopySnapshot",
            SourceSnapshotId=source,
            SourceRegion=region,
            Encrypted=True,
            KmsKeyId=key,
            Description=f"Evidence, copy of {source}, incident {self._incident}",
            TagSpecifications=self._tags("snapshot", role, {**about, SNAPSHOT: source}),
        )

    def shared_with(self, snapshot: str) -> List[str]:
        """Return the accounts that a snapshot is shared with."""
        given = {"SnapshotId": snapshot, "Attribute": "createVolumePermission"}
        found = self._area.ask("ec2", "DescribeSnapshotAttribute", **given).get("CreateVolumePermissions") or ()
        return sorted(each["UserId"] for each in found if "UserId" in each)

    def share(self, snapshot: str, account: str) -> None:
        """Let another account copy a snapshot. It needs the key of it, too."""
        given = {"Attribute": "createVolumePermission", "OperationType": "add", "UserIds": [account]}
        self._area.ask("ec2", "ModifySnapshotAttribute", SnapshotId=snapshot, **given)

    def delete(self, snapshot: str) -> None:
        """Delete a snapshot that is no longer needed, if it is still there."""
        try:
            self._area.ask("ec2", "DeleteSnapshot", SnapshotId=snapshot)
        except CallRejected as exc:
            if not any(code in str(exc) for code in _NOT_THERE):
                raise

    def volumes(self, instance: str) -> List[Dict[str, Any]]:
        """Return the EBS volumes of an instance, its root first."""
        filters = [{"Name": "attachment.instance-id", "Values": [instance]}]
        return list(self._area.each("ec2", "DescribeVolumes", "Volumes", EC2, Filters=filters))

    def instance_store(self, instance: str) -> str:
        """Return what disks it has that no snapshot holds, in words; nothing without any."""
        for reservation in self._area.ask("ec2", "DescribeInstances", InstanceIds=[instance])["Reservations"]:
            type = reservation["Instances"][0]["InstanceType"]
            found = self._area.ask("ec2", "DescribeInstanceTypes", InstanceTypes=[type])["InstanceTypes"]
            disks = (found[0].get("InstanceStorageInfo") or {}).get("Disks") or () if found else ()
            return ", ".join(
                f"{each['Count']} x {each['SizeInGB']:,} GB {each.get('Type', '')}".strip() for each in disks
            )
        return ""

    def _once(self, operation: str, **given: Any) -> None:
        """Begin what a repetition would begin twice; whether a lost answer was a yes shows at the next call."""
        alone = self._area._replace(caller=self._area.caller.without_repeating())
        try:
            alone.ask("ec2", operation, **given)
        except Unavailable as exc:
            raise StillRunning(f"whether {operation} took effect is not known yet: {exc}") from exc
        except CallRejected as exc:
            if any(code in str(exc) for code in _LATER):
                raise StillRunning(f"AWS makes no more snapshots at once: {exc}") from exc
            raise

    def _tags(self, kind: str, role: str, more: Mapping[str, str]) -> List[Dict[str, Any]]:
        tags = {INCIDENT: self._incident, ROLE: role, "Name": f"evidence {self._incident}", **more}
        return [{"ResourceType": kind, "Tags": [{"Key": name, "Value": value} for name, value in tags.items()]}]

    def _image_name(self) -> str:
        return f"aws-siem-bridge evidence {self._incident}"


def tag_of(resource: Mapping[str, Any], name: str) -> str:
    """Return the value of a tag, or nothing."""
    return next((str(each["Value"]) for each in resource.get("Tags") or () if each["Key"] == name), "")
