"""Snapshots and images as EC2 has them, where moto completes them at once and shows them to their own account alone.

- A snapshot, a copy and an image are ``pending`` until they were asked about once.
- A snapshot that is shared can be seen and copied by the account it is shared with; nobody else finds it.
- One that is encrypted with AWS's own key of EBS cannot be shared; a pending one cannot be copied.
- A copy is encrypted when that is asked for, and its volume's id is arbitrary.
- An image's name is its own in an account and region, and an image has snapshots of its own, with tags of their own.

https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html,
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CopySnapshot.html, API_CreateImage.html
"""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Set

PENDING, COMPLETED, AVAILABLE = "pending", "completed", "available"
#: What AWS shows as the volume of a copy.
NO_VOLUME = "vol-ffffffff"


def install() -> None:
    """Change moto's EC2."""
    from moto.ec2.exceptions import EC2ClientError, InvalidSnapshotIdError
    from moto.ec2.models import EC2Backend, ec2_backends
    from moto.ec2.models.elastic_block_store import Snapshot
    from moto.ec2.utils import generic_filter

    unfinished: Set[str] = set()
    create_many = EC2Backend.create_snapshots
    images, create_image = EC2Backend.describe_images, EC2Backend.create_image
    share = EC2Backend.add_create_volume_permission

    def shared_with(account: str, region: str, id: str) -> Optional[Any]:
        for other, backends in list(ec2_backends.items()):
            found = backends[region].snapshots.get(id) if region in backends else None
            if found is None or other == account:
                continue
            if account in found.create_volume_permission_userids or found.create_volume_permission_groups:
                return found
        return None

    def describe_snapshots(self: Any, snapshot_ids: Optional[List[str]] = None, filters: Any = None) -> List[Any]:
        own = [id for id in snapshot_ids or () if id in self.snapshots]
        others = [shared_with(self.account_id, self.region_name, id) for id in snapshot_ids or () if id not in own]
        if None in others:
            raise InvalidSnapshotIdError()
        # Without ids: its own; AWS also has what others made public, thousands, which nobody here asks for.
        named = [self.snapshots[id] for id in own]
        found = (
            named if snapshot_ids else [each for each in self.snapshots.values() if each.owner_id == self.account_id]
        )
        found = generic_filter(filters, found) if filters else found
        for each in found:
            if each.id in unfinished:
                unfinished.discard(each.id)
            elif each.status == PENDING:
                each.status = COMPLETED
        return [*found, *others]

    def create_snapshots(self: Any, *args: Any, **kwargs: Any) -> List[Any]:
        made = create_many(self, *args, **kwargs)
        for each in made:
            begin(each)
        return made

    def begin(snapshot: Any) -> None:
        snapshot.status = PENDING
        unfinished.add(snapshot.id)

    def copy_snapshot(
        self: Any, source_snapshot_id: str, source_region: str, description: str, kms_key_id: Optional[str]
    ) -> Any:
        there = ec2_backends[self.account_id][source_region]
        source = there.snapshots.get(source_snapshot_id) or shared_with(
            self.account_id, source_region, source_snapshot_id
        )
        if source is None:
            raise InvalidSnapshotIdError()
        if source.status != COMPLETED:
            raise EC2ClientError("IncorrectState", f"Snapshot {source.id} is not in state 'completed'.")
        made = Snapshot(self, _id(), source.volume, description, encrypted=source.encrypted, kms_key_id=kms_key_id)
        if made.encrypted and not made.kms_key_id:
            made.kms_key_id = self._create_default_encryption_key()
        made.is_copy = True
        self.snapshots[made.id] = made
        begin(made)
        return made

    def add_permission(self: Any, snapshot_id: str, user_ids: List[str], groups: List[str]) -> None:
        found = self.get_snapshot(snapshot_id)
        if found.encrypted and found.kms_key_id in (None, "", _ebs_key(self)):
            text = "Encrypted snapshots with EBS default key cannot be shared"
            raise EC2ClientError("OperationNotPermitted", text)
        share(self, snapshot_id, user_ids, groups)

    def make_image(
        self: Any, instance_id: str, name: str, description: Any = None, tag_specifications: Any = (), **kwargs: Any
    ) -> Any:
        if any(each.name == name and each.owner_id == self.account_id for each in self.amis.values()):
            text = f"AMI name {name} is already in use by AMI"
            raise EC2ClientError("InvalidAMIName.Duplicate", text)
        of_image = [each for each in tag_specifications if each["ResourceType"] == "image"]
        made = create_image(self, instance_id, name, description, of_image, **kwargs)
        made.state = PENDING
        for each in tag_specifications:
            for snapshot in self.snapshots.values() if each["ResourceType"] == "snapshot" else ():
                if snapshot.from_ami == made.id:
                    snapshot.add_tags({tag["Key"]: tag["Value"] for tag in each["Tags"]})
        unfinished.add(made.id)
        return made

    def describe_images(self: Any, *args: Any, **kwargs: Any) -> List[Any]:
        found = images(self, *args, **kwargs)
        for each in found:
            if each.id in unfinished:
                unfinished.discard(each.id)
            elif each.state == PENDING:
                each.state = AVAILABLE
        return found

    Snapshot.volume_id = property(lambda self: NO_VOLUME if getattr(self, "is_copy", False) else self.volume.id)
    Snapshot.progress = property(lambda self: "100%" if self.status == COMPLETED else "42%")
    EC2Backend.describe_snapshots = describe_snapshots
    EC2Backend.create_snapshots = create_snapshots
    EC2Backend.copy_snapshot = copy_snapshot
    EC2Backend.add_create_volume_permission = add_permission
    EC2Backend.create_image = make_image
    EC2Backend.describe_images = describe_images


def _id() -> str:
    from moto.ec2.utils import random_snapshot_id

    return str(random_snapshot_id())


def _ebs_key(backend: Any) -> str:
    keys: Dict[str, Any] = backend.__dict__
    return str(keys.get("default_kms_key_id") or "")
