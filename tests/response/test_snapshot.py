"""Snapshots of an instance in the stand-in: begun, waited for, copied, shared. Read from both accounts."""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict, List, NamedTuple

import pytest

from aws_bridge.accounts.account import Account
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.errors import CallProblem
from response.actions.snapshot import Copies, Snapshotting
from response.aws.evidence import EvidenceStore, Lock, folder_of, lock_of
from response.aws.snapshot_locks import cool_off_of
from response.core.target import Target
from response.errors import BadSettings, StillRunning
from tests.response.faults import seen
from tests.response.server_room import REGION, Fault, FaultySession, ServerRoom

_numbers = itertools.count(1)


NOWHERE = Copies()
HELD = Lock()


class Forensics(NamedTuple):
    """The account for forensics, and the keys of both."""

    account: Any
    ec2: Any
    copies: Copies


@pytest.fixture(scope="module")
def forensics(room: ServerRoom) -> Forensics:
    other = room.account.another()
    session = FaultySession(Account("forensics", access_key_id=other.access_key, secret_access_key="lab"))
    session.made = room.session.made
    area = Area(Caller(session, wait_s=lambda _: 0.0, sleep=lambda _: None), other.id, REGION)
    keys = [each.client("kms", REGION).create_key()["KeyMetadata"]["Arn"] for each in (room.account, other)]
    return Forensics(other, other.client("ec2", REGION), Copies(keys[0], other.id, area, keys[1]))


@pytest.fixture(scope="module")
def shop(room: ServerRoom) -> Target:
    """An instance with a root volume and another one."""
    target = room.server()
    volume = room.ec2.create_volume(Size=8, AvailabilityZone=f"{REGION}a")["VolumeId"]
    room.ec2.attach_volume(VolumeId=volume, InstanceId=target.instance, Device="/dev/sdf")
    return target


def work(
    room: ServerRoom, target: Target, name: str, copies: Copies = NOWHERE, lock: Lock = HELD, cool_off_h: int = 0
) -> Snapshotting:
    folder = folder_of(target.account, REGION, target.instance, name)
    return Snapshotting(room.area, EvidenceStore(room.area, room.locked_bucket(), folder, lock), copies, cool_off_h)


def finish(room: ServerRoom, target: Target, name: str, *how: Any, most: int = 12):
    """Call the step as the state machine does, until it no longer asks to be called again."""
    for _ in range(most):
        try:
            return work(room, target, name, *how).finish(target, name)
        except StillRunning:
            continue
    raise AssertionError(f"still running after {most} calls")


def made(ec2: Any, name: str, role: str = "*") -> List[Dict[str, Any]]:
    filters = [{"Name": "tag:aws-siem-bridge:incident", "Values": [name]},
               {"Name": "tag:aws-siem-bridge:evidence", "Values": [role]}]  # fmt: skip
    return ec2.describe_snapshots(Filters=filters, OwnerIds=["self"])["Snapshots"]


def ids_of(snapshots: List[Dict[str, Any]]) -> List[str]:
    return [each["SnapshotId"] for each in snapshots]


def locks(ec2: Any, ids: List[str]) -> Dict[str, Dict[str, Any]]:
    """Return snapshot -> its lock, of those that have one."""
    found = ec2.describe_locked_snapshots(SnapshotIds=ids)["Snapshots"]
    return {each["SnapshotId"]: each for each in found}


def volumes(room: ServerRoom, target: Target) -> List[str]:
    filters = [{"Name": "attachment.instance-id", "Values": [target.instance]}]
    return sorted(each["VolumeId"] for each in room.ec2.describe_volumes(Filters=filters)["Volumes"])


def test_disks_are_kept_copied_with_our_key_and_copied_again_by_forensics(room, shop, forensics, monkeypatch):
    name, asked = f"n-{next(_numbers)}", []
    call = FaultySession.call

    def noted(self: Any, service: str, operation: str, method: Any, given: Dict[str, Any]) -> Any:
        asked.append((operation, given))
        return call(self, service, operation, method, given)

    monkeypatch.setattr(FaultySession, "call", noted)
    started = work(room, shop, name, forensics.copies).start(shop, name)
    assert started.result == "done" and "snapshots of 2 volumes" in started.says
    assert [given["NoReboot"] for operation, given in asked if operation == "CreateImage"] == [True]
    with pytest.raises(StillRunning, match="AWS is at snap-"):
        work(room, shop, name, forensics.copies).finish(shop, name)
    assert work(room, shop, name, forensics.copies).start(shop, name).result == "already_done"
    result = finish(room, shop, name, forensics.copies)
    assert result.result == "done", result.notes
    originals = made(room.ec2, name, "original")
    assert sorted(each["VolumeId"] for each in originals) == volumes(room, shop)
    # The copy in between is gone, and the account for forensics has its own, under its own key.
    assert made(room.ec2, name, "copy") == []
    kept = made(forensics.ec2, name, "forensics-copy")
    assert {each["KmsKeyId"] for each in kept} == {forensics.copies.account_key} and all(e["Encrypted"] for e in kept)
    tags = [{tag["Key"]: tag["Value"] for tag in each["Tags"]} for each in kept]
    assert sorted(each["aws-siem-bridge:source-volume"] for each in tags) == volumes(room, shop)
    assert {each["aws-siem-bridge:source-instance"] for each in tags} == {shop.instance}
    why = {each.item: each.why for each in result.evidence}
    assert all(f"in account {forensics.account.id}" in why[f"volume {volume}"] for volume in volumes(room, shop))
    body = (
        room.account.client("s3", REGION)
        .get_object(
            Bucket=room.locked_bucket(), Key=next(each.key for each in result.evidence if each.item == "snapshots")
        )["Body"]
        .read()
    )
    assert len(json.loads(body)["originals"]) == len(json.loads(body)["forensics"]) == 2
    # What stays cannot be deleted: originals, the image's snapshots, and what forensics has.
    (image,) = room.ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [f"*{name}"]}])["Images"]
    of_image = [each["Ebs"]["SnapshotId"] for each in image["BlockDeviceMappings"]]
    for ec2, ids in ((room.ec2, [*ids_of(originals), *of_image]), (forensics.ec2, ids_of(kept))):
        assert {each["LockState"] for each in locks(ec2, ids).values()} == {"governance"} and len(locks(ec2, ids)) > 0
    assert set(locks(room.ec2, [*ids_of(originals), *of_image])) == {*ids_of(originals), *of_image}
    assert all(why[f"volume {volume}"].count("locked in GOVERNANCE mode until ") == 2 for volume in volumes(room, shop))
    assert why["image"].count("locked in GOVERNANCE mode until ") == len(of_image) > 0
    assert {each["LockDuration"] for each in json.loads(body)["locks"]} == {365}
    before = len(made(room.ec2, name, "original")), len(kept)
    assert finish(room, shop, name, forensics.copies).result == "already_done"
    assert (len(made(room.ec2, name, "original")), len(made(forensics.ec2, name, "forensics-copy"))) == before


@pytest.mark.parametrize("what", ("no key", "no account", "no role"))
def test_copies_go_as_far_as_they_are_configured(room, shop, forensics, what):
    name, copies = f"n-{next(_numbers)}", forensics.copies
    copies = {"no key": Copies(), "no account": Copies(copies.key), "no role": Copies(copies.key, copies.account)}[what]
    result = finish(room, shop, name, copies)
    assert result.result == "done"
    made_here = made(room.ec2, name, "copy")
    assert len(made_here) == (0 if what == "no key" else 2)
    assert any("no copies: no key was given" in each for each in result.notes) == (what == "no key")
    for each in made_here:
        given = {"SnapshotId": each["SnapshotId"], "Attribute": "createVolumePermission"}
        users = [who["UserId"] for who in room.ec2.describe_snapshot_attribute(**given)["CreateVolumePermissions"]]
        assert users == ([forensics.account.id] if what == "no role" else [])
        assert each["Encrypted"] and each["KmsKeyId"] == copies.key


def test_disks_that_no_snapshot_holds_are_named(room, forensics):
    target = room.server(InstanceType="i3.large")
    result = finish(room, target, "store")
    why = {each.item: (each.outcome, each.why) for each in result.evidence}
    assert why["instance store"][0] == "missing" and "475 GB" in why["instance store"][1]
    assert result.result == "done"
    # A volume that is attached after the snapshots is not passed over.
    volume = room.ec2.create_volume(Size=1, AvailabilityZone=f"{REGION}a")["VolumeId"]
    room.ec2.attach_volume(VolumeId=volume, InstanceId=target.instance, Device="/dev/sdg")
    late = finish(room, target, "store")
    assert late.result == "partial" and f"volume {volume}" in late.says


def test_a_dry_run_makes_nothing(room, shop):
    result = work(room, shop, "dry").start(shop, "dry", dry_run=True)
    assert result.result == "planned" and "2 volumes" in result.says and made(room.ec2, "dry") == []


def test_what_aws_cannot_finish_is_failed_and_not_waited_for(room, shop, monkeypatch):
    name = f"n-{next(_numbers)}"
    work(room, shop, name).start(shop, name)
    from response.aws.snapshots import Snapshots

    found = Snapshots.found

    def broken(self: Snapshots, role: str):
        return [
            {**each, "State": "error", "StateMessage": "Given key id is not accessible"} for each in found(self, role)
        ]

    monkeypatch.setattr(Snapshots, "found", broken)
    result = finish(room, shop, name)
    assert result.result == "partial" and "Given key id is not accessible" in " ".join(result.notes)


#: Calls that ask; that are made again when an answer is lost; and those that would then be done twice.
ASKED = (
    "ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeImages", "ec2:DescribeInstances",
    "ec2:DescribeInstanceTypes",
)  # fmt: skip
SHARING = ("ec2:DescribeSnapshotAttribute", "ec2:ModifySnapshotAttribute", "ec2:DeleteSnapshot")
ONCE = ("ec2:CreateSnapshots", "ec2:CreateImage", "ec2:CopySnapshot")
LOCKING = ("ec2:LockSnapshot", "ec2:DescribeLockedSnapshots")
STORE = ("s3:PutObject", "s3:GetObject", "s3:GetObjectLockConfiguration")


def test_every_call_has_a_case(room, shop, forensics):
    room.session.made.clear()
    finish(room, shop, f"n-{next(_numbers)}", forensics.copies)
    assert {f"{service}:{call}" for service, call in room.session.made} == {*ASKED, *SHARING, *ONCE, *LOCKING, *STORE}


@pytest.fixture(scope="module")
def small(room: ServerRoom) -> Target:
    """An instance with one volume, for cases that differ in their faults only."""
    return room.server()


@pytest.mark.parametrize(
    "call, kind, times",
    seen("snapshot, locks", [(call, kind, 1) for call in LOCKING for kind in ("throttled", "timeout")])
    + [(call, kind, times) for call in LOCKING for kind, times in (("denied", 0), ("timeout", 0), ("half_done", 1))]
    + [("ec2:LockSnapshot", "half_done", 0)],
)
def test_what_cannot_be_locked_is_said_and_is_evidence_all_the_same(room, small, call, kind, times):
    said = "done" if times or kind == "half_done" else "partial"
    name = f"n-{next(_numbers)}"
    session = room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    try:
        result = finish(room, small, name)
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    originals = ids_of(made(room.ec2, name, "original"))
    why = {each.item: (each.outcome, each.why) for each in result.evidence}
    assert result.result == said, result.notes
    (volume,) = [each for item, each in why.items() if item.startswith("volume ")]
    assert volume[0] == "collected"
    # Where it is not said to be locked, it is said that it is not, or that nobody knows.
    reported = [item for item in why if item.startswith("lock of ")]
    assert {f"lock of {id}" for id in originals} <= set(reported) if said == "partial" else reported == []
    if "LockSnapshot" in call:
        assert (set(locks(room.ec2, originals)) == set(originals)) == (said == "done") == ("locked in" in volume[1])
    result = finish(room, small, name)
    assert result.result == ("done" if said == "partial" else "already_done"), result.notes
    assert set(locks(room.ec2, originals)) == set(originals)


def test_a_lock_holds_from_the_first_look_and_is_never_weakened(room, small, forensics):
    name, day = f"n-{next(_numbers)}", lock_of("governance", 1)
    work(room, small, name).start(small, name)
    with pytest.raises(StillRunning):
        work(room, small, name, NOWHERE, day).finish(small, name)
    ids = ids_of(made(room.ec2, name, "original"))
    assert [each["LockDuration"] for each in locks(room.ec2, ids).values()] == [1], "while it was being made"
    for lock, cool_off_h, state, days in (
        (lock_of("governance", 30), 0, "governance", 30),
        (day, 0, "governance", 30),
        (lock_of("compliance", 30), 2, "compliance-cooloff", 30),
        (lock_of("compliance", 60), 0, "compliance", 60),
        (lock_of("governance", 7), 0, "compliance", 60),
        (lock_of("none"), 0, "compliance", 60),
    ):
        result = finish(room, small, name, Copies(forensics.copies.key), lock, cool_off_h)
        ids = ids_of([*made(room.ec2, name, "original"), *made(room.ec2, name, "copy")])
        found = locks(room.ec2, ids)
        assert {(each["LockState"], each["LockDuration"]) for each in found.values()} == {(state, days)}, result.notes
        assert set(found) == set(ids) and len(ids) == 2 and not [i for i in result.evidence if i.outcome == "failed"]
        notes = " ".join(result.notes)
        assert ("nobody can delete them for" in notes) == (lock.mode == "COMPLIANCE")
        assert ("once 2 hours are over" in notes) == bool(cool_off_h)
        assert ("snapshots are not locked" in notes) == (lock.mode == "NONE")
    with pytest.raises(room.ec2.exceptions.ClientError, match="locked"):
        room.ec2.delete_snapshot(SnapshotId=ids[0])


def test_a_copy_in_between_that_somebody_locked_is_left_and_said(room, small, forensics):
    name, copies = f"n-{next(_numbers)}", forensics.copies
    finish(room, small, name, Copies(copies.key, copies.account))
    result = finish(room, small, name, copies)
    (left,) = ids_of(made(room.ec2, name, "copy"))
    assert result.result == "done" and len(made(forensics.ec2, name, "forensics-copy")) == 1
    assert any(f"the copy in between, {left}, is left" in each.why for each in result.evidence)


def test_a_cooling_off_that_aws_does_not_know_is_refused():
    assert (cool_off_of(None), cool_off_of(72.0)) == (0, 72)
    for hours in (-1, 73):
        with pytest.raises(BadSettings, match="0 to 72"):
            cool_off_of(hours)


@pytest.fixture(scope="module")
def finished(room: ServerRoom, small: Target, forensics: Forensics) -> str:
    """The incident of disks that are kept already."""
    assert finish(room, small, "finished", forensics.copies).result == "done"
    return "finished"


@pytest.mark.parametrize(
    "call, kind, times",
    seen("snapshot, asked", [
        (call, *fault) for call in (*ASKED, *STORE) for fault in (("throttled", 1), ("timeout", 1), ("denied", 0))
    ]),
)  # fmt: skip
def test_a_question_that_fails_is_said_or_asked_again(room, small, forensics, finished, call, kind, times):
    session = room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    try:
        said = work(room, small, finished, forensics.copies).finish(small, finished).result
    except CallProblem as exc:
        said, refused = "raised", exc.call
        assert refused == call
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    assert said == "already_done" if times else said in ("raised", "partial", "failed")


@pytest.mark.parametrize(
    "call, kind, times",
    [(call, "denied", 0) for call in (*SHARING, *ONCE)]
    + seen("snapshot", [(call, kind, 1) for call in SHARING for kind in ("throttled", "timeout", "half_done")])
    # These are not repeated when an answer is lost.
    + seen("snapshot, once", [(call, "throttled", 1) for call in ONCE])
    + [(call, kind, 1) for call in ONCE for kind in ("timeout", "half_done")]
    + [(call, "half_done", 0) for call in ONCE],
)
def test_a_failure_is_said_and_the_next_run_makes_no_second_set(room, small, forensics, call, kind, times):
    name = f"n-{next(_numbers)}"
    session = room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    said = ""
    try:
        said = finish(room, small, name, forensics.copies).result
    except CallProblem as exc:
        said = "raised"
        assert exc.call == call
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    if times == 1 or kind == "half_done":
        assert said == "done", said
    if said == "done":
        assert len(made(forensics.ec2, name, "forensics-copy")) == 1
    result = finish(room, small, name, forensics.copies)
    assert result.result in ("done", "already_done"), result.notes
    assert len(made(room.ec2, name, "original")) == len(made(forensics.ec2, name, "forensics-copy")) == 1
    assert made(room.ec2, name, "copy") == []
    images = room.ec2.describe_images(Owners=["self"], Filters=[{"Name": "name", "Values": [f"*{name}"]}])["Images"]
    assert len(images) == 1


def test_two_snapshots_of_a_volume_count_once(room, shop):
    # Two responses at once may both find none: the older set is the evidence, and neither is deleted.
    name = f"n-{next(_numbers)}"
    from response.aws.snapshots import Snapshots

    for _ in range(2):
        Snapshots(room.area, name).create(shop.instance)
    result = finish(room, shop, name)
    assert result.result == "done"
    assert len([each for each in result.evidence if each.item.startswith("volume ")]) == 2
