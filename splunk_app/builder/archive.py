"""The file that is installed: a tar whose bytes depend on the tree only."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path

#: 1980-01-01: the earliest time that every tool can show.
TIME_S = 315_532_800


def settle(tree: Path) -> None:
    """Give every file and folder of the tree the mode it has in the archive."""
    for path in [tree, *tree.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def pack(tree: Path, target: Path) -> None:
    """Write the archive of ``tree``: sorted, without owners, times and the name of the file itself."""
    with (
        target.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=TIME_S) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for path in [tree, *sorted(tree.rglob("*"))]:
            entry = tarfile.TarInfo(str(Path(tree.name, path.relative_to(tree))))
            entry.mtime = TIME_S
            if path.is_dir():
                entry.type = tarfile.DIRTYPE
                entry.mode = 0o755
                tar.addfile(entry)
            else:
                entry.mode = 0o644
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    tar.addfile(entry, content)
