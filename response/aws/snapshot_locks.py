"""Locks of snapshots: while it lasts nobody deletes one, whatever he may.

As long and in the mode that objects of the evidence bucket are locked; a lock is never shortened and never weakened. A
snapshot that is being made can be locked: its days begin when it is complete.
https://docs.aws.amazon.com/ebs/latest/userguide/ebs-snapshot-lock.html

Needs ``ec2:DescribeLockedSnapshots``, and ``ec2:LockSnapshot`` on the snapshots.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence

from aws_bridge.accounts.area import EC2, Area
from aws_bridge.errors import CallProblem
from response.aws.evidence import COMPLIANCE, GOVERNANCE, NO_LOCK, Lock
from response.errors import BadSettings

#: Most hours in which a lock of the mode COMPLIANCE can still be taken off:
#: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_LockSnapshot.html
MOST_COOL_OFF_H = 72
_EXPIRED = "expired"
#: What of a lock stays as it is; its state changes with time.
_KEPT = ("SnapshotId", "LockDuration", "CoolOffPeriod", "CoolOffPeriodExpiresOn", "LockCreatedOn",
         "LockDurationStartTime", "LockExpiresOn")  # fmt: skip


class Locks(NamedTuple):
    """Snapshot -> its lock as AWS describes it, with its ``Mode``; and why there is none, or not the wanted one."""

    held: Dict[str, Dict[str, Any]]
    problems: Dict[str, str]

    def says(self, snapshot: str) -> str:
        """Return how a snapshot is locked, in words; nothing for one that is not."""
        lock = self.held.get(snapshot)
        if not lock:
            return ""
        text = f"locked in {lock['Mode']} mode until {_text(lock.get('LockExpiresOn'))}"
        until = lock.get("CoolOffPeriodExpiresOn")
        return f"{text}, can be taken off until {_text(until)}" if until else text


def cool_off_of(hours: Optional[float]) -> int:
    """Return the cooling-off that a setting names, 0 for none. Raises `BadSettings`."""
    found = int(hours or 0)
    if not 0 <= found <= MOST_COOL_OFF_H:
        raise BadSettings(f"the cooling-off of locked snapshots cannot be {found} hours: 0 to {MOST_COOL_OFF_H}")
    return found


def lock_all(area: Area, snapshots: Sequence[str], lock: Lock, cool_off_h: int = 0) -> Locks:
    """Lock what is not locked as it should be, and read all locks back. What fails is in ``problems``."""
    if lock.mode == NO_LOCK or not snapshots:
        return Locks({}, {})
    problems: Dict[str, str] = {}
    try:
        known = _described(area, snapshots)
    except CallProblem as exc:
        known = {}
        problems = dict.fromkeys(snapshots, f"whether it is locked is not known: {exc}")
    wanting = [each for each in snapshots if _is_less(known.get(each), lock)]
    for each in wanting:
        more = {"CoolOffPeriod": cool_off_h} if cool_off_h and lock.mode == COMPLIANCE else {}
        try:
            area.ask("ec2", "LockSnapshot", SnapshotId=each, LockMode=lock.mode.lower(), LockDuration=lock.days, **more)
        except CallProblem as exc:
            problems[each] = f"NOT locked: {exc}"
    if wanting:
        try:
            known = _described(area, snapshots)
        except CallProblem as exc:
            problems.update(dict.fromkeys(wanting, f"whether it is locked is not known: {exc}"))
    for each in snapshots:
        if each not in problems and _is_less(known.get(each), lock):
            problems[each] = "NOT locked: AWS took the lock and shows none"
        elif not _is_less(known.get(each), lock):
            problems.pop(each, None)
    held = {id: _kept(each) for id, each in known.items() if each["LockState"] != _EXPIRED}
    return Locks(held, problems)


def _described(area: Area, snapshots: Sequence[str]) -> Dict[str, Dict[str, Any]]:
    given = {"SnapshotIds": list(snapshots)}
    found: List[Dict[str, Any]] = list(area.each("ec2", "DescribeLockedSnapshots", "Snapshots", EC2, **given))
    return {each["SnapshotId"]: each for each in found}


def _is_less(known: Any, wanted: Lock) -> bool:
    """Whether a lock, if there is one, protects less than the wanted one. One whose days are over has done its time."""
    if not known:
        return True
    if known["LockState"] == _EXPIRED:
        return False
    if wanted.mode == COMPLIANCE and _mode(known) == GOVERNANCE:
        return True
    return int(known.get("LockDuration") or 0) < wanted.days and not _is_by_date(known, wanted)


def _is_by_date(known: Mapping[str, Any], wanted: Lock) -> bool:
    """Whether a lock that was set to a date lasts as long."""
    begun, ends = known.get("LockDurationStartTime") or known.get("LockCreatedOn"), known.get("LockExpiresOn")
    return isinstance(begun, datetime) and isinstance(ends, datetime) and (ends - begun).days >= wanted.days


def _mode(known: Mapping[str, Any]) -> str:
    return COMPLIANCE if str(known["LockState"]).startswith("compliance") else GOVERNANCE


def _kept(known: Mapping[str, Any]) -> Dict[str, Any]:
    return {"Mode": _mode(known), **{name: known[name] for name in _KEPT if known.get(name) is not None}}


def _text(moment: Any) -> str:
    if isinstance(moment, datetime):
        return moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(moment or "an unknown time")
