"""The folder where downloads and prepared engines live, and how something gets into it whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Iterator


def cache_dir() -> Path:
    """Return the cache folder: ``AWS_SIEM_BRIDGE_CACHE``, else ``aws-siem-bridge`` in the user's cache (XDG)."""
    chosen = os.environ.get("AWS_SIEM_BRIDGE_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aws-siem-bridge"


@contextlib.contextmanager
def building(target: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes ``target`` when the block ends without an error.

    A rename is atomic, so an interrupted download or a second process doing the same never leaves half a folder
    where the next start looks. Whoever renames first wins; both results are the same, as everything is pinned.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(draft, ignore_errors=True)
