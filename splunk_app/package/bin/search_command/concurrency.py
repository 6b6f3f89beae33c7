"""How many searches may run on a cluster at a time, counted over all processes of this search head.

A running search holds a lock on one of as many files as searches are allowed. The operating system frees it when the
process ends, however it ends; worker processes do not inherit it. POSIX only, like `splunk_host.local_token`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from splunk_host.local_token import private_folder

from es_bridge.errors import CeilingReached, ConfigError

FOLDER = "slots"


@contextmanager
def slot(cluster: str, most: Optional[int]) -> Iterator[None]:
    """Hold one of ``most`` slots of a cluster; ``None``: there is no ceiling.

    Raises `CeilingReached` when none is free, `ConfigError` when that cannot be told.
    """
    if most is None:
        yield
        return
    try:
        folder = slot_folder(cluster)
        for made in (folder.parent, folder):
            made.mkdir(mode=0o700, exist_ok=True)
        held = _first_free(folder, most)
    except OSError as exc:
        raise ConfigError(f"running searches cannot be counted in {exc.filename}: {exc.strerror}") from exc
    if held is None:
        raise CeilingReached(
            f"{most} of this app's searches run on cluster {cluster!r} from this search head, and no more are allowed "
            f"at a time (max_concurrent_searches = {most}, set by an administrator on the app's configuration page, "
            "tab Clusters). Wait until one of them ends"
        )
    try:
        yield
    finally:
        os.close(held)


def slot_folder(cluster: str) -> Path:
    """Return where the slots of a cluster are. Its name may hold anything, so it is only part of the folder's."""
    readable = re.sub(r"[^A-Za-z0-9_-]", "_", cluster)[:40]
    digest = hashlib.sha256(cluster.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return private_folder() / FOLDER / f"{readable}-{digest}"


def _first_free(folder: Path, most: int) -> Optional[int]:
    """Return a descriptor that holds the lock of a slot."""
    for number in range(1, most + 1):
        descriptor = os.open(folder / str(number), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError:
            os.close(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
    return None
