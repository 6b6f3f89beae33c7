"""Keeps the disks of an instance: an image, snapshots of all volumes of one moment, and encrypted copies elsewhere.

Begun before hard isolation (`Snapshotting.start`), waited for afterwards (`finish`, called again while it raises
`StillRunning`). At the end: originals and image in the instance's account; encrypted copies, shared with the account
for forensics, and copied again there under its key where its role is given; then the copy in between is deleted.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, Unavailable
from response.actions.collecting import Collecting
from response.aws.evidence import EvidenceStore
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
        if begun.now or waits:
            raise StillRunning(f"AWS is at {', '.join(waits) or 'the snapshots that were begun now'}")
        there = Snapshots(self.copies.area, incident) if self.copies.area else None
        copied = self._copied(here, there, target, originals)
        known = {
            "image": images, "originals": originals, "copies": here.found(COPY),
            "forensics": there.found(FORENSICS) if there else [],
        }  # fmt: skip
        for each in _first_of_each(originals).values():
            work.add(_item(each, copied.get(each["SnapshotId"], "")))
        sought = {tag_of(each, VOLUME) or each["VolumeId"] for each in originals}
        for volume in volumes:
            if volume["VolumeId"] not in sought:
                why = "it was attached after the snapshots, or none was made of it"
                work.add(Item(f"volume {volume['VolumeId']}", FAILED, why=why))
        work.add(_image_item(images, begun.problem))
        self._disks_without(here, target, work, bool(volumes or originals))
        work.keep("snapshots", "snapshots.json", lambda: known)
        notes = [] if self.copies.key else [_NO_KEY]
        return work.finish(target, incident, "disks", notes)

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
                here.delete(copy["SnapshotId"])
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


def _item(original: Snapshot, copied: str) -> Item:
    name = f"volume {original['VolumeId']}"
    id, state = original["SnapshotId"], original["State"]
    if state != COMPLETED:
        return Item(name, FAILED, why=f"{id} is {state}: {original.get('StateMessage', '')}")
    if "NOT " in copied:
        return Item(name, FAILED, why=f"snapshot {id}; {copied}")
    return Item(name, COLLECTED, why=f"snapshot {id}" + (f", {copied}" if copied else ""))


def _image_item(images: List[Dict[str, Any]], problem: str) -> Item:
    if not images:
        return Item("image", FAILED, why=problem or "there is none")
    id, state = images[0]["ImageId"], images[0]["State"]
    if state != "available":
        why = (images[0].get("StateReason") or {}).get("Message", "")
        return Item("image", FAILED, why=f"{id} is {state}: {why}")
    return Item("image", COLLECTED, why=id)
