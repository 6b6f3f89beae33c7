"""Locks of snapshots, which moto lacks: who may lock, what may be changed, and that a locked one stays.

- A snapshot of one's own, pending or completed, is locked for days or until a date; governance has no cooling-off.
- A lock of the mode compliance is only lengthened once its cooling-off is over; it cannot be taken off.
- DeleteSnapshot of a locked one is refused (the code is a guess: check R115 of docs/verify_on_aws.md).

https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html, API_DescribeLockedSnapshots.html,
https://docs.aws.amazon.com/ebs/latest/userguide/snapshot-lock-concepts.html
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, Dict, Optional

GOVERNANCE, COMPLIANCE = "governance", "compliance"
COOLING, EXPIRED = "compliance-cooloff", "expired"


def install() -> None:
    """Change moto's EC2."""
    from moto.core.responses import ActionResult
    from moto.ec2.exceptions import EC2ClientError, InvalidSnapshotIdError
    from moto.ec2.models import EC2Backend
    from moto.ec2.responses import EC2Response

    delete = EC2Backend.delete_snapshot

    def own(backend: Any, id: str) -> Any:
        found = backend.snapshots.get(id)
        if found is None:
            raise InvalidSnapshotIdError()
        return found

    def lock_snapshot(self: Any) -> Any:
        found = own(self.ec2_backend, self._get_param("SnapshotId"))
        mode, days = self._get_param("LockMode"), self._get_int_param("LockDuration")
        cool_h = self._get_int_param("CoolOffPeriod")
        before = getattr(found, "lock", None)
        if mode not in (GOVERNANCE, COMPLIANCE) or not days or not 1 <= days <= 36_500:
            raise EC2ClientError("InvalidParameterValue", "LockMode and a LockDuration from 1 to 36500 are needed")
        if cool_h and (mode == GOVERNANCE or not 1 <= cool_h <= 72):
            raise EC2ClientError("InvalidParameterCombination", "CoolOffPeriod is for compliance mode, 1 to 72 hours")
        if before and _state(before) == COMPLIANCE and (mode == GOVERNANCE or days < before["LockDuration"]):
            raise EC2ClientError("InvalidRequest", "The lock is in compliance mode: it can only be extended")
        now = datetime.now(timezone.utc)
        made: Dict[str, Any] = {
            "SnapshotId": found.id, "OwnerId": found.owner_id, "Mode": mode, "LockDuration": days, "LockCreatedOn": now,
        }  # fmt: skip
        if cool_h:
            made.update(CoolOffPeriod=cool_h, CoolOffPeriodExpiresOn=now + timedelta(hours=cool_h))
        found.lock = made
        return ActionResult(_shown(found))

    def unlock_snapshot(self: Any) -> Any:
        found = own(self.ec2_backend, self._get_param("SnapshotId"))
        if _state(getattr(found, "lock", None)) == COMPLIANCE:
            raise EC2ClientError("InvalidRequest", "The lock is in compliance mode: it cannot be taken off")
        found.lock = None
        return ActionResult({"SnapshotId": found.id})

    def describe_locked_snapshots(self: Any) -> Any:
        ids = self._get_param("SnapshotIds") or [each.id for each in self.ec2_backend.snapshots.values()]
        found = [own(self.ec2_backend, each) for each in ids]
        return ActionResult({"Snapshots": [_shown(each) for each in found if getattr(each, "lock", None)]})

    def delete_snapshot(self: Any, snapshot_id: str) -> Any:
        found = self.snapshots.get(snapshot_id)
        if _state(getattr(found, "lock", None)) not in ("", EXPIRED):
            raise EC2ClientError("OperationNotPermitted", f"The snapshot {snapshot_id} is locked.")
        return delete(self, snapshot_id)

    EC2Response.lock_snapshot = lock_snapshot
    EC2Response.unlock_snapshot = unlock_snapshot
    EC2Response.describe_locked_snapshots = describe_locked_snapshots
    EC2Backend.delete_snapshot = delete_snapshot


def _state(lock: Optional[Dict[str, Any]]) -> str:
    if not lock:
        return ""
    now = datetime.now(timezone.utc)
    if "LockExpiresOn" in lock and lock["LockExpiresOn"] <= now:
        return EXPIRED
    if lock["Mode"] == COMPLIANCE and lock.get("CoolOffPeriodExpiresOn", now) > now:
        return COOLING
    return str(lock["Mode"])


def _shown(snapshot: Any) -> Dict[str, Any]:
    """Return a lock; the days of a pending snapshot have not begun."""
    lock = snapshot.lock
    if "LockDurationStartTime" not in lock and snapshot.status == "completed":
        begun = lock["LockCreatedOn"]
        lock.update(LockDurationStartTime=begun, LockExpiresOn=begun + timedelta(days=lock["LockDuration"]))
    return {**{name: value for name, value in lock.items() if name != "Mode"}, "LockState": _state(lock)}
