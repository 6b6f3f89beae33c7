"""Gives the host a volume for its memory, and takes it away again. Called again and again; each call is short.

It is an encrypted gp3 volume of the incident, made and attached when no disk of the host has room. The host makes a
file system on it, writes the memory there, sends it and unmounts it. Then it is detached, and deleted once the memory
is kept in S3; else it stays, with what was captured on it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, CallRejected, Expired, Throttled, Unavailable
from response.aws.capture_volumes import ATTACHED, AVAILABLE, CREATING, IN_USE, CaptureVolumes, Volume
from response.aws.machines import machine
from response.core.capture_volume import free_device, size_gib
from response.core.evidence import COLLECTED, FAILED, Item
from response.core.target import Target
from response.errors import StillRunning

ITEM = "evidence volume"
#: What may be otherwise at the next call.
PASSING = (Throttled, Unavailable, Expired)


@dataclass(frozen=True)
class CaptureVolume:
    """The volume of one incident."""

    area: Area
    target: Target
    incident: str

    def attached(self, need_mib: int, now_s: float) -> str:
        """Return the id of the volume once it is attached.

        Raises `StillRunning` until then, another `CallProblem` where AWS refuses it.
        """
        try:
            return self._attached(need_mib, now_s)
        except PASSING as exc:
            raise StillRunning(f"{self.target}: the evidence volume is asked for again: {exc}") from exc

    def _attached(self, need_mib: int, now_s: float) -> str:
        volumes = CaptureVolumes(self.area, self.incident)
        found = volumes.found()
        host = machine(self.area, self.target)
        if not found:
            gib = size_gib(need_mib)
            volumes.create(host.zone, gib, self.target.instance, now_s)
            raise StillRunning(f"{self.target}: an evidence volume of {gib} GiB is being made")
        volume = found[0]
        id, state = str(volume["VolumeId"]), volume["State"]
        if state == AVAILABLE:
            device = free_device(host.devices)
            if not device:
                raise CallRejected(f"no device name is free for {id}", call="ec2:AttachVolume")
            volumes.attach(id, self.target.instance, device)
            raise StillRunning(f"{self.target}: {id} is being attached as {device}")
        if state == IN_USE and _attachment(volume) == ATTACHED:
            return id
        if state in (CREATING, IN_USE):
            raise StillRunning(f"{self.target}: {id} is {state}")
        raise CallRejected(f"the volume {id} is {state}", call="ec2:CreateVolume")

    def apart(self) -> None:
        """Detach it, which the host has unmounted. Raises `StillRunning` until it is, `CallProblem`."""
        volumes = CaptureVolumes(self.area, self.incident)
        for volume in volumes.found():
            if volume["State"] == IN_USE:
                if _attachment(volume) == ATTACHED:
                    volumes.detach(volume["VolumeId"], self.target.instance)
                raise StillRunning(f"{self.target}: {volume['VolumeId']} is being detached")

    def outcome(self, *, needed: bool, why: str = "") -> Optional[Item]:
        """Delete it where it is detached and not needed; return what is left of it, None where nothing is.

        ``needed``: what is on it is nowhere else, or nobody knows. ``why``: why it is not detached, or not known.
        """
        volumes = CaptureVolumes(self.area, self.incident)
        try:
            for volume in volumes.found():
                id = volume["VolumeId"]
                if volume["State"] == AVAILABLE and not needed:
                    volumes.delete(id)
                    continue
                if volume["State"] == AVAILABLE:
                    kept = f"{id} is kept: detached, with what was captured, which is not in S3 as a whole"
                    return Item(ITEM, COLLECTED, why=kept)
                return Item(ITEM, FAILED, why=f"{id} is still attached ({why or volume['State']}): {_BY_HAND}")
        except CallProblem as exc:
            return Item(ITEM, FAILED, why=f"whether a volume is left is not known: {exc}; {_BY_HAND}")
        return None


_BY_HAND = "unmount, detach and keep or delete it by hand"


def _attachment(volume: Volume) -> str:
    return next((str(each["State"]) for each in volume.get("Attachments") or ()), "")
