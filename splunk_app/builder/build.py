"""Builds ``dist/aws_siem_bridge`` and the archive of it, unless they are up to date.

A build works in a folder of its own and moves the result at its end; the stamp, written last, says that it is whole.
So a killed build leaves nothing that looks done.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from splunk_app.builder import archive, tree
from splunk_app.builder.environment import BuildError, environment
from splunk_app.builder.fingerprint import is_stamped, of_inputs, write_stamp
from splunk_app.builder.places import APP, BUILDER, DIST, ROOT, TREE, alone
from splunk_app.builder.places import archive as archive_path

STAMP = DIST / f".{APP}.built"
WORK_PREFIX = f".{APP}.building-"


def build(force: bool = False) -> None:
    """Build when needed. Raises `BuildError`."""
    with alone("build-app"):
        wanted = of_inputs()
        if not force and is_stamped(STAMP, wanted) and TREE.is_dir() and archive_path().is_file():
            return
        for left_over in DIST.glob(f"{WORK_PREFIX}*"):
            shutil.rmtree(left_over)
        work = Path(tempfile.mkdtemp(prefix=WORK_PREFIX, dir=DIST))
        try:
            _build(work, wanted)
        finally:
            shutil.rmtree(work, ignore_errors=True)


def _build(work: Path, wanted: str) -> None:
    started = time.monotonic()
    print(f"building {archive_path().relative_to(ROOT)} on Python {sys.version.split()[0]} ...", flush=True)
    python = environment("build", BUILDER / "tools.lock")
    print("  ucc-gen: pages, handlers and lib ...", flush=True)
    built = tree.make(work, python)
    archive.settle(built)
    packed = work / archive_path().name
    print("  packing ...", flush=True)
    archive.pack(built, packed)
    STAMP.unlink(missing_ok=True)
    for old in [TREE, *DIST.glob(f"{APP}-*.tar.gz")]:
        if old.exists():
            old.rename(work / f"old-{old.name}")
    built.rename(TREE)
    packed.rename(archive_path())
    write_stamp(STAMP, wanted)
    mib = archive_path().stat().st_size / 2**20
    print(f"  built {TREE.relative_to(ROOT)} and {archive_path().name}: {mib:.1f} MiB,"
          f" {time.monotonic() - started:.0f} s", flush=True)  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:] not in ([], ["--force"]):
        sys.exit("usage: script/build-app [--force]")
    try:
        build(force="--force" in sys.argv)
    except (BuildError, OSError) as error:  # a folder that cannot be written, a full disk
        sys.exit(f"script/build-app: {error}")
    except KeyboardInterrupt:
        sys.exit("script/build-app: interrupted; the app that was built before is still there")
