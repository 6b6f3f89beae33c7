"""What is decided about a volume that memory is written to where no disk of the host has room."""

from __future__ import annotations

from typing import Iterable

#: Of the names that AWS recommends for data volumes, the last letters: an owner begins with the first ones.
#: https://docs.aws.amazon.com/ebs/latest/userguide/device_naming.html
_LETTERS = "ponmlkjihgf"
#: Smallest and largest gp3 in GiB: https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
_LEAST_GIB, _MOST_GIB = 1, 65_536
#: Seconds that have to be left for it: making, attaching, a second command, capture and sending of a small memory.
LEAST_S = 180


def size_gib(need_mib: int) -> int:
    """Return how large the volume is for so many MiB: a tenth and a GiB more, for the file system."""
    return max(_LEAST_GIB, min(_MOST_GIB, -(-need_mib * 11 // 10 // 1024) + 1))


def free_device(taken: Iterable[str]) -> str:
    """Return a device name that the instance does not use, or nothing. ``/dev/sdf`` and ``/dev/xvdf`` are the same."""
    letters = {each.rstrip("0123456789")[-1:] for each in taken}
    return next((f"/dev/sd{each}" for each in _LETTERS if each not in letters), "")
