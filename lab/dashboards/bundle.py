"""Splunk's packages for dashboards, bundled once into one script for a browser and kept in the cache.

They are published by Splunk under the Apache License 2.0. ``package-lock.json`` beside this module pins each of them
and what they need; only the bundle is kept.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from lab.engine.cache import building, cache_dir
from lab.engine.progress import Progress, to_stderr
from lab.node import NodeUnavailable, install_packages, run_node

_HERE = Path(__file__).parent
#: What npm unpacks for the minute it takes to make the bundle, and what stays.
SIZE_MB = 610
KEPT_MB = 17
_SOURCES = ("page.jsx", "bundle.mjs")


class DashboardsUnavailable(Exception):
    """Splunk's packages are not to be had here. The message says why and what would be needed."""


def is_fetched() -> bool:
    """Return whether the bundle is in the cache."""
    return (_home() / "page.js").is_file()


def find_bundle(progress: Progress = to_stderr) -> Path:
    """Return the script that draws dashboards, fetching and bundling it first. Raise DashboardsUnavailable."""
    home = _home()
    if not is_fetched():
        with _alone(home):
            if not is_fetched():
                said = f"dashboards: fetching Splunk's packages, {SIZE_MB} MB unpacked (once; {KEPT_MB} MB are kept)"
                progress(said, 0, 0)
                try:
                    _prepare(home)
                except NodeUnavailable as error:
                    raise DashboardsUnavailable(str(error)) from error
    return home / "page.js"


def _prepare(home: Path) -> None:
    with building(home) as draft:
        install_packages(_HERE, draft)
        for name in _SOURCES:
            shutil.copy(_HERE / name, draft)
        run_node(draft / "bundle.mjs", cwd=draft, hint=f"{home.parent} needs {SIZE_MB} MB of free space.")
        shutil.rmtree(draft / "node_modules")


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let a second process that wants the same bundle wait for the first: making it takes both cores."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with (home.parent / f".{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # given back by the system, however this process ends
        yield


def _home() -> Path:
    digest = hashlib.sha256()
    for source in ("package-lock.json", *_SOURCES):
        digest.update((_HERE / source).read_bytes())
    return cache_dir() / "dashboards" / f"bundle-{digest.hexdigest()[:12]}"
