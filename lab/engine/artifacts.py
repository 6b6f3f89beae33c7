"""Fetches the pinned files of an engine into the cache, once, and checks every byte.

jgo knows where Maven artifacts live and how to name them; what it fetches lands in a scratch folder first and moves
into the cache only when its sha256 is the pinned one. ``AWS_SIEM_BRIDGE_MAVEN`` names another repository (a mirror).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Dict, Iterable, List

from .cache import cache_dir
from .errors import ArtifactError
from .lock import LockedFile, sha256_of
from .progress import Progress

ATTEMPTS = 3
PARALLEL_DOWNLOADS = 6
TIMEOUT_S = 60


def fetch(files: Iterable[LockedFile], what: str, progress: Progress) -> Dict[LockedFile, Path]:
    """Return the path of each file in the cache, downloading what is missing.

    Raise ArtifactError when a file cannot be had or is not the pinned one. No network is used when all are there.
    """
    paths = {file: cached_path(file) for file in files}
    missing = list({path: file for file, path in paths.items() if not path.is_file()}.values())
    if missing:
        _download_all(missing, what, progress)
    return paths


def cached_path(file: LockedFile) -> Path:
    """Return where a file is, or will be, in the cache: a folder named by its content."""
    return cache_dir() / "artifacts" / file.sha256 / file.filename


def _download_all(missing: List[LockedFile], what: str, progress: Progress) -> None:
    try:
        import jgo.maven  # noqa: F401
    except ImportError as error:
        raise ArtifactError(
            f"{what} must be downloaded, which needs the package jgo. Install it: pip install '.[lab]' in the clone"
        ) from error
    total_mb = sum(file.size_bytes for file in missing) / 1e6
    progress(f"{what}: downloading {total_mb:.0f} MB (once; kept in {cache_dir()})", 0, 0)
    done = 0
    stop = threading.Event()
    with ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool:
        futures = {pool.submit(_download, file, stop): file for file in missing}
        try:
            for future in as_completed(futures):
                future.result()
                done += 1
                progress(f"{what}: files downloaded", done, len(missing))
        finally:
            stop.set()
            for future in futures:
                future.cancel()


def _download(file: LockedFile, stop: threading.Event) -> None:
    target = cached_path(file)
    target.parent.mkdir(parents=True, exist_ok=True)
    for _ in range(ATTEMPTS):
        if stop.is_set():
            return
        scratch = Path(tempfile.mkdtemp(prefix=".download-", dir=target.parent))
        try:
            arrived = _artifact(file, scratch).resolve()
            found = sha256_of(arrived)
            if found == file.sha256:
                arrived.replace(target)
                return
            reason: object = f"its sha256 is {found}, the lock file says {file.sha256}"
        except (OSError, RuntimeError) as error:  # requests' errors are OSErrors; jgo says RuntimeError for a 404
            reason = error
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    raise ArtifactError(
        f"Could not download {file.group}:{file.artifact}:{file.version} ({ATTEMPTS} attempts): {reason}. "
        "Check the network and its proxy, or name a mirror of the Maven repository in AWS_SIEM_BRIDGE_MAVEN."
    )


def _artifact(file: LockedFile, repository: Path):
    from jgo.maven import MavenContext

    mirror = os.environ.get("AWS_SIEM_BRIDGE_MAVEN")
    context = MavenContext(
        repo_cache=repository,
        remote_repos={"mirror": mirror.rstrip("/")} if mirror else None,
        timeout=TIMEOUT_S,
    )
    component = context.project(file.group, file.artifact).at_version(file.version)
    return component.artifact(packaging=file.packaging)
