"""The code of Lambda functions as folders that a template is deployed from.

Libraries come from a lock file, by hash, as wheels for Lambda's Python: nothing is compiled here and nothing of this
machine goes in. What a package is made of is said where its functions are, such as
`collectors.lambda_function.package`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, FrozenSet, Iterator, Optional, Sequence, Tuple

from aws_bridge.trimming import trim_botocore

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "dist" / "lambda"
#: The runtime of the templates; a test compares the two.
PYTHON_VERSION = "3.13"
#: Lambda's name of an architecture -> the platforms of wheels that run there (Amazon Linux 2023 has glibc 2.34).
PLATFORMS = {
    "arm64": [f"manylinux{tag}_aarch64" for tag in ("2014", "_2_17", "_2_28", "_2_34")],
    "x86_64": [f"manylinux{tag}_x86_64" for tag in ("2014", "_2_17", "_2_28", "_2_34")],
}
#: Parts of our packages that no function runs.
LEFT_OUT = {"cli", "__main__.py", "package.py", "packing.py", "renew.py", "trimming.py", "__pycache__"}


@dataclass(frozen=True)
class Package:
    """What one folder holds: the libraries of a lock file, and for functions packages of ours beside them."""

    name: str
    lock: Path
    #: Packages of ours, without their command lines.
    own: Tuple[str, ...] = ()
    #: Files beside their modules that they read, relative to the project.
    data: Tuple[str, ...] = ()
    #: Services of AWS that are called, where botocore is among the libraries.
    services: FrozenSet[str] = frozenset()
    #: Where in the folder the libraries are: a layer has them in ``python``.
    libraries: str = ""


def build(packages: Sequence[Package], target: Path, architecture: str, tell: Callable[[str], None]) -> None:
    """Make the folders below ``target``; what was there is replaced only when the new one is whole.

    Raises `subprocess.CalledProcessError` when pip fails, and OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target) as work:
        for package in packages:
            folder = Path(work, package.name)
            tell(f"  {package.name}: {package.lock.name} for {architecture} ...")
            _install(package.lock, folder / package.libraries, architecture)
            if package.services:
                trim_botocore(folder, package.services)
                # boto3's own resources are another interface to the same services; only clients are used.
                shutil.rmtree(folder / "boto3" / "examples", ignore_errors=True)
            add_own_packages(package, folder)
            _replace(folder, target / package.name)
            size = sum(path.stat().st_size for path in (target / package.name).rglob("*") if path.is_file())
            tell(f"  {os.path.relpath(target / package.name, ROOT)}: {size / 2**20:.0f} MiB")


def build_from_command_line(
    parser: argparse.ArgumentParser,
    packages: Callable[[argparse.Namespace], Sequence[Package]],
    argv: Optional[Sequence[str]] = None,
) -> int:
    """Build below ``dist/lambda`` what a script is asked for; return its exit status."""
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64", help="default: arm64")
    arguments = parser.parse_args(argv)
    try:
        build(packages(arguments), TARGET, arguments.architecture, lambda text: print(text, flush=True))
    except subprocess.CalledProcessError as exc:
        print(f"{parser.prog}: pip ended with status {exc.returncode}; it says why above", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"{parser.prog}: {exc.filename}: {exc.strerror}", file=sys.stderr)
        return 1
    return 0


def add_own_packages(package: Package, folder: Path) -> None:
    """Copy the modules of ours that ``package`` carries into ``folder``."""
    for path in own_files(package):
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def own_files(package: Package) -> Iterator[Path]:
    """Yield the modules of ours that ``package`` carries, and their data."""
    for name in package.own:
        for path in sorted((ROOT / name).rglob("*.py")):
            if not LEFT_OUT.intersection(path.relative_to(ROOT).parts):
                yield path
    yield from (ROOT / each for each in package.data)


def _install(lock: Path, folder: Path, architecture: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON_VERSION]
    for platform in PLATFORMS[architecture]:
        command += ["--platform", platform]
    command += ["--target", str(folder), "-r", str(lock)]
    # Where packages go is decided here: a PIP_TARGET or PIP_USER meant for other work would break it.
    clean = {name: value for name, value in os.environ.items() if name not in ("PIP_TARGET", "PIP_USER", "PIP_PREFIX")}
    subprocess.run(command, check=True, env=clean)
    shutil.rmtree(folder / "bin", ignore_errors=True)  # console scripts, which name the Python of this machine


def _replace(new: Path, target: Path) -> None:
    for path in [new, *new.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
    old = new.with_name(new.name + ".old")
    if target.exists():
        target.rename(old)
    new.rename(target)
