"""A function's code as it is deployed, and nothing else: what is missing in the package is missing here.

The environments run Python without its site packages (``-S``). The function's folder holds our packages as
``script/build-lambda`` copies them, and the libraries of its lock file, in the versions that are installed here
(`lay_out_package`), or those that the build itself downloads and trims (`lay_out_built`). The runtime's own client
comes from a folder behind it.
"""

from __future__ import annotations

import compileall
import hashlib
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Iterable, List

from aws_bridge import trimming
from aws_bridge.functions import packing
from aws_bridge.functions.packing import Package, add_own_packages
from collectors.lambda_function.package import LOADER, PARQUET
from lab.engine.cache import building, cache_dir
from lab.engine.progress import Progress, to_stderr
from lab.lambda_runtime.errors import LambdaRuntimeUnavailable

#: What Lambda's own Python has beside its standard library.
RUNTIME_LIBRARIES = ("awslambdaric", "snapshot-restore-py", "simplejson")


def lay_out_package(folder: Path, *, parquet: bool = False, package: Package = LOADER) -> Path:
    """Make a function's code in ``folder``, the loader's if no other ``package`` is given; return it.

    Raise LambdaRuntimeUnavailable when a library is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    add_own_packages(package, folder)
    link_libraries(_names(package.lock) + (_names(PARQUET.lock) if parquet else []), folder)
    return folder


def lay_out_built(folder: Path, package: Package, progress: Progress = to_stderr) -> Path:
    """Make in ``folder`` what the build makes of a package whose libraries are Python alone; return it.

    The libraries are downloaded once, into the cache, by the build's own code: by hash, without the services that are
    not called. Raise LambdaRuntimeUnavailable when they cannot be.
    """
    shutil.copytree(_built_libraries(package, progress), folder, dirs_exist_ok=True)
    add_own_packages(package, folder)
    # Each process of each function would do that again.
    compileall.compile_dir(folder, quiet=2)
    return folder


def _built_libraries(package: Package, progress: Progress) -> Path:
    sources = (package.lock, packing.__file__, trimming.__file__)
    made_of = [*(Path(each).read_text("utf-8") for each in sources), *sorted(package.services), sys.version]
    digest = hashlib.sha256("\n".join(made_of).encode()).hexdigest()[:16]
    home = cache_dir() / "lambda" / f"{package.name}-{digest}"
    if not home.is_dir():
        progress(f"Lambda runtime: building {package.name} (once; kept in {cache_dir()})", 0, 0)
        architecture = "arm64" if platform.machine() == "aarch64" else "x86_64"
        with building(home) as draft:
            try:
                packing.build([replace(package, name="code", own=(), data=())], draft, architecture, lambda _: None)
            except subprocess.CalledProcessError as error:
                raise LambdaRuntimeUnavailable(f"pip could not download {package.lock}") from error
            compileall.compile_dir(draft, quiet=2)
    return home / "code"


def link_libraries(names: Iterable[str], folder: Path) -> None:
    """Let the installed distributions of these names be importable from ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        try:
            found = distribution(name)
        except PackageNotFoundError as error:
            raise LambdaRuntimeUnavailable(f"{name} is not installed; run script/setup") from error
        tops = {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            link = folder / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))


def _names(lock: Path) -> List[str]:
    return re.findall(r"^([a-zA-Z0-9_.-]+)==", lock.read_text("utf-8"), re.MULTILINE)
