"""Keeps the disks of an instance: an image, snapshots of all volumes of one moment, and encrypted copies elsewhere.

Begun before hard isolation (`Snapshotting.start`), waited for afterwards (`finish`, called again while it raises
`StillRunning`). At the end: originals and image in the instance's account; encrypted copies, shared with the account
for forensics, and copied again there under its key where its role is given; then the copy in between is deleted. What
stays is locked as long as objects of the evidence bucket are: originals and the image's snapshots as soon as they are
found, copies when they are complete.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, CallRejected, Denied, Unavailable
from response.actions.collecting import Collecting
from response.aws.evidence import COMPLIANCE, NO_LOCK, EvidenceStore
from response.aws.snapshot_locks import Locks
from response.aws.snapshots import (
    COMPLETED,
    COPY,
    FORENSICS,
    INSTANCE,
    ORIGINAL,
    PENDING,
    SNAPSHOT,
    VOLUME,
    Snapshot,
    Snapshots,
    tag_of,
)
from response.core.evidence import COLLECTED, FAILED, MISSING, Item
from response.core.result import ALREADY_DONE, DONE, PLANNED_RESULT, ActionResult
from response.core.target import Target
from response.errors import StillRunning

ACTION = STEP = "snapshot"
_AVAILABLE = "available"


class Copies(NamedTuple):
    """Where copies go. Without ``key`` there are none; without ``account`` they are shared with nobody."""

    #: Customer key of the instance's account and region: id, ARN or alias.
    key: str = ""
    #: The account for forensics, and how to make its own copies: an area of it and its key.
    account: str = ""
    area: Optional[Area] = None
    account_key: str = ""


class Begun(NamedTuple):
    """What was there before; whether anything was begun ``now``; and why there is no image."""

    now: bool
    originals: List[Snapshot]
    images: List[Dict[str, Any]]
    problem: str


class Snapshotting(NamedTuple):
    """Where the instance is, where its evidence goes, and its copies."""

    area: Area
    store: EvidenceStore
    copies: Copies = Copies()
    #: Hours in which a lock of the mode COMPLIANCE can be taken off again.
    cool_off_h: int = 0
    progress: Callable[[Item], Any] = lambda _: None

    def start(self, target: Target, incident: str, *, dry_run: bool = False) -> ActionResult:
        """Begin image and snapshots, unless they were begun. Raises `StillRunning`, `CallProblem`."""
        here = Snapshots(self.area, incident)
        volumes = here.volumes(target.instance)
        if dry_run:
            says = f"an image and snapshots of {len(volumes)} volumes of {target} would be made; nothing was made"
            unsafe = () if self.copies.key else (_NO_KEY,)
            return ActionResult(ACTION, target, incident, PLANNED_RESULT, says, notes=unsafe)
        begun = self._begin(here, target, volumes)
        many = len(volumes)
        says = f"snapshots of {many} volume{'s'[: many != 1]} of {target} are begun"
        notes = (begun.problem,) if begun.problem else ()
        return ActionResult(ACTION, target, incident, DONE if begun.now else ALREADY_DONE, says, notes=notes)

    def finish(self, target: Target, incident: str) -> ActionResult:
        """Begin what is not begun, copy and share what is complete. Raises `StillRunning`, `CallProblem`."""
        here = Snapshots(self.area, incident)
        volumes = here.volumes(target.instance)
        begun = self._begin(here, target, volumes)
        originals, images = begun.originals, begun.images
        work = Collecting(self.store, STEP, self.progress)
        waits = [_how_far(each) for each in originals if each["State"] == PENDING]
        waits += [each["ImageId"] for each in images if each["State"] == PENDING]
        self._held(here, None, originals, images)
        if begun.now or waits:
            raise StillRunning(f"AWS is at {', '.join(waits) or 'the snapshots that were begun now'}")
        there = Snapshots(self.copies.area, incident) if self.copies.area else None
        copied = self._copied(here, there, target, originals)
        known: Dict[str, Any] = {
            "image": images, "originals": originals, "copies": here.found(COPY),
            "forensics": there.found(FORENSICS) if there else [],
        }  # fmt: skip
        locks = self._held(here, there, [*originals, *([] if there else known["copies"])], images, known["forensics"])
        for each in _first_of_each(originals).values():
            work.add(_item(each, copied.get(each["SnapshotId"], ""), locks))
        sought = {tag_of(each, VOLUME) or each["VolumeId"] for each in originals}
        for volume in volumes:
            if volume["VolumeId"] not in sought:
                why = "it was attached after the snapshots, or none was made of it"
                work.add(Item(f"volume {volume['VolumeId']}", FAILED, why=why))
        work.add(_image_item(images, begun.problem, locks))
        for id, why in sorted(locks.problems.items()):
            work.add(Item(f"lock of {id}", FAILED, why=why))
        self._disks_without(here, target, work, bool(volumes or originals))
        known["locks"] = [locks.held[id] for id in sorted(locks.held)]
        work.keep("snapshots", "snapshots.json", lambda: known)
        return work.finish(target, incident, "disks", [*([] if self.copies.key else [_NO_KEY]), *self._lock_notes()])

    def _held(
        self,
        here: Snapshots,
        there: Optional[Snapshots],
        own: List[Snapshot],
        images: List[Dict[str, Any]],
        forensics: Tuple[Snapshot, ...] = (),
    ) -> Locks:
        """Lock what is being made or complete; return all locks. What cannot be locked is evidence all the same."""
        ids = [each["SnapshotId"] for each in own if each["State"] in (PENDING, COMPLETED)]
        ids += [id for id in _snapshots_of(images) if id not in ids]
        held, problems = here.lock_all(ids, self.store.lock, self.cool_off_h)
        if there:
            ids = [each["SnapshotId"] for each in forensics if each["State"] in (PENDING, COMPLETED)]
            more = there.lock_all(ids, self.store.lock, self.cool_off_h)
            held, problems = {**held, **more.held}, {**problems, **more.problems}
        return Locks(held, problems)

    def _lock_notes(self) -> List[str]:
        lock = self.store.lock
        if lock.mode == NO_LOCK:
            return ["snapshots are not locked: whoever may delete snapshots of the account can delete them"]
        if lock.mode != COMPLIANCE:
            return []
        when = f" once {self.cool_off_h} hours are over" if self.cool_off_h else ""
        return [f"snapshots are locked in COMPLIANCE mode: nobody can delete them for {lock.days} days{when}"]

    def _begin(self, here: Snapshots, target: Target, volumes: List[Dict[str, Any]]) -> Begun:
        """Begin what is not begun."""
        now, problem = False, ""
        originals, images = here.found(ORIGINAL), here.images()
        if volumes and not originals:
            here.create(target.instance)
            now = True
        if not images:
            try:
                here.create_image(target.instance)
                now = True
            except CallProblem as exc:
                # The disks are in the snapshots; the image only says how they belong together.
                problem = f"no image: {exc}"
        return Begun(now, originals, images, problem)

    def _copied(
        self, here: Snapshots, there: Optional[Snapshots], target: Target, originals: List[Snapshot]
    ) -> Dict[str, str]:
        """Copy and share what is complete; return original -> what became of its copy. Raises `StillRunning`."""
        if not self.copies.key:
            return {}
        copies = {tag_of(each, SNAPSHOT): each for each in reversed(here.found(COPY))}
        kept = {tag_of(each, VOLUME): each for each in reversed(there.found(FORENSICS))} if there else {}
        waits: List[str] = []
        said: Dict[str, str] = {}
        for original in _first_of_each(originals).values():
            if original["State"] != COMPLETED:
                continue
            id, volume = original["SnapshotId"], original["VolumeId"]
            try:
                said[id] = self._one(here, there, target, id, volume, copies.get(id), kept.get(volume))
            except StillRunning as exc:
                waits.append(str(exc))
            except Unavailable:
                raise
            except CallProblem as exc:
                said[id] = f"NOT copied: {exc}"
        if waits:
            raise StillRunning("; ".join(waits))
        return said

    def _one(
        self,
        here: Snapshots,
        there: Optional[Snapshots],
        target: Target,
        original: str,
        volume: str,
        copy: Optional[Snapshot],
        kept: Optional[Snapshot],
    ) -> str:
        copies = self.copies
        if kept and kept["State"] == COMPLETED:
            if copy:
                try:
                    here.delete(copy["SnapshotId"])
                except (CallRejected, Denied) as exc:
                    # It is kept twice, which costs money and no evidence.
                    left = f"the copy in between, {copy['SnapshotId']}, is left"
                    return f"copy {kept['SnapshotId']} in account {copies.account}; {left}: {exc}"
            return f"copy {kept['SnapshotId']} in account {copies.account}"
        about = {VOLUME: volume, INSTANCE: target.instance}
        if copy is None:
            here.copy(original, target.region, copies.key, COPY, about)
            raise StillRunning(f"{original} is being copied")
        if copy["State"] == PENDING:
            raise StillRunning(f"{_how_far(copy)} is being made of {original}")
        if copy["State"] != COMPLETED:
            return f"NOT copied: {copy['SnapshotId']} is {copy['State']}: {copy.get('StateMessage', '')}"
        id = copy["SnapshotId"]
        if not copies.account:
            return f"copy {id}"
        if copies.account not in here.shared_with(id):
            here.share(id, copies.account)
        if copies.account not in here.shared_with(id):
            return f"copy {id}, NOT shared with account {copies.account}"
        if there is None:
            return f"copy {id}, shared with account {copies.account}"
        if kept is None:
            there.copy(id, target.region, copies.account_key, FORENSICS, about)
            raise StillRunning(f"{id} is being copied in account {copies.account}")
        if kept["State"] == PENDING:
            raise StillRunning(f"{_how_far(kept)} is being made in account {copies.account}")
        return f"copy {id}; NOT copied in account {copies.account}: {kept['SnapshotId']} is {kept['State']}"

    def _disks_without(self, here: Snapshots, target: Target, work: Collecting, has_volumes: bool) -> None:
        """Note what no snapshot holds."""
        if not has_volumes:
            work.add(
                Item("volumes", MISSING, why="the instance has no EBS volume: there is nothing to make snapshots of")
            )
        try:
            disks = here.instance_store(target.instance)
        except CallProblem as exc:
            work.add(Item("instance store", FAILED, why=f"whether it has any is not known: {exc}"))
            return
        if disks:
            why = f"{disks} of instance store are in no snapshot: what is on them is lost when the instance stops"
            work.add(Item("instance store", MISSING, why=why))


_NO_KEY = (
    "no copies: no key was given. The snapshots lie in the instance's own account, where whoever has taken it over may "
    "delete them"
)


def _first_of_each(snapshots: List[Snapshot]) -> Dict[str, Snapshot]:
    """Return volume -> its oldest snapshot: where an answer was lost there may be a second one."""
    return {each["VolumeId"]: each for each in reversed(snapshots)}


def _how_far(snapshot: Snapshot) -> str:
    """Return a snapshot that is being made, with how far it is: ``snap-1 (42%)``."""
    progress = snapshot.get("Progress")
    return f"{snapshot['SnapshotId']} ({progress})" if progress else str(snapshot["SnapshotId"])


def _snapshots_of(images: List[Dict[str, Any]]) -> List[str]:
    """Return the snapshots of the image, once AWS says which; those of one that failed are no evidence."""
    found = [each for image in images[:1] if image["State"] in (PENDING, _AVAILABLE)
             for each in image.get("BlockDeviceMappings") or ()]  # fmt: skip
    return [str(each["Ebs"]["SnapshotId"]) for each in found if (each.get("Ebs") or {}).get("SnapshotId")]


def _item(original: Snapshot, copied: str, locks: Locks) -> Item:
    name = f"volume {original['VolumeId']}"
    id, state = original["SnapshotId"], original["State"]
    if state != COMPLETED:
        return Item(name, FAILED, why=f"{id} is {state}: {original.get('StateMessage', '')}")
    held = ", ".join(filter(None, (f"snapshot {id}", locks.says(id))))
    if "NOT " in copied:
        return Item(name, FAILED, why=f"{held}; {copied}")
    also = [f"{each}: {locks.says(each)}" for each in locks.held if each in copied and each != id]
    return Item(name, COLLECTED, why="; ".join(filter(None, (held, copied, *also))))


def _image_item(images: List[Dict[str, Any]], problem: str, locks: Locks) -> Item:
    if not images:
        return Item("image", FAILED, why=problem or "there is none")
    id, state = images[0]["ImageId"], images[0]["State"]
    if state != _AVAILABLE:
        why = (images[0].get("StateReason") or {}).get("Message", "")
        return Item("image", FAILED, why=f"{id} is {state}: {why}")
    held = [f"its snapshot {each}: {locks.says(each)}" for each in _snapshots_of(images) if locks.says(each)]
    return Item("image", COLLECTED, why="; ".join((id, *held)))
