"""Where the app is built from and to."""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

APP = "aws_siem_bridge"
ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "splunk_app"
PACKAGE = SOURCE / "package"
BUILDER = SOURCE / "builder"
DIST = ROOT / "dist"
#: The app as Splunk unpacks it.
TREE = DIST / APP


def version() -> str:
    """Return the version that app.manifest names; everything else follows it."""
    manifest = json.loads((PACKAGE / "app.manifest").read_text("utf-8"))
    return str(manifest["info"]["id"]["version"])


def archive() -> Path:
    """Return the path of the file that is installed."""
    return DIST / f"{APP}-{version()}.tar.gz"


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Hold the lock called ``name`` in ``dist``: of two builds at a time, the second waits for the first."""
    DIST.mkdir(exist_ok=True)
    with (DIST / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back by the system, however this process ends
        yield
