"""Whether something made earlier is still what would be made now."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Iterable, Iterator

from splunk_app.builder import docs
from splunk_app.builder.places import BUILDER, ROOT, SOURCE
from splunk_app.builder.rooms import CARRIED


def source_files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that belong to the source, sorted: no bytecode, nothing hidden."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and path.suffix != ".pyc" and not any(p == "__pycache__" or p.startswith(".") for p in parts):
            yield path


def of_inputs() -> str:
    """Return a hash over everything a build reads."""
    carried = [path for room in CARRIED for path in (*room.files(ROOT), *room.data_files(ROOT))]
    return of_files([*source_files(SOURCE / "package"), *source_files(BUILDER), *carried, *docs.pages(),
                     ROOT / "aws_bridge" / "trimming.py", SOURCE / "globalConfig.json", ROOT / "LICENSE",
                     ROOT / "script" / "build-app"])  # fmt: skip


def of_files(paths: Iterable[Path]) -> str:
    """Return a hash over names and contents."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_stamped(stamp: Path, fingerprint: str) -> bool:
    """Whether ``stamp`` says that its subject was completed for ``fingerprint``."""
    try:
        return stamp.read_text("utf-8").strip() == fingerprint
    except FileNotFoundError:
        return False


def write_stamp(stamp: Path, fingerprint: str) -> None:
    """Say that the subject of ``stamp`` is complete. The last step of whatever makes it."""
    new = stamp.with_name(f"{stamp.name}.new")
    new.write_text(fingerprint + "\n", "utf-8")
    new.replace(stamp)
