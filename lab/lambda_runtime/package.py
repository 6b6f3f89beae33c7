"""A function's code as it is deployed, and nothing else: what is missing in the package is missing here.

The environments run Python without its site packages (``-S``). The function's folder holds our packages as
``script/build-lambda`` copies them, and the libraries of its lock file, in the versions that are installed here. The
runtime's own client comes from a folder behind it.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Iterable, List

from aws_bridge.functions.packing import Package, add_own_packages
from collectors.lambda_function.package import LOADER, PARQUET
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
