"""``script/build-lambda``: the folders that ``deploy/serverless/template.yaml`` is deployed from.

::

    dist/lambda/loader/    es_bridge, aws_bridge, collectors and their libraries, for one architecture
    dist/lambda/parquet/   the layer for VPC Flow Logs in Parquet (170 MB)

Libraries come from the lock files beside this module, by hash, as wheels for Lambda's Python: nothing is compiled here
and nothing of this machine goes in. botocore's descriptions of services that no function calls are left out: 25 MB that
every cold start would read a part of.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, List, Optional

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
TARGET = ROOT / "dist" / "lambda"
#: The runtime of the template; a test compares the two.
PYTHON_VERSION = "3.13"
#: Lambda's name of an architecture -> the platforms of wheels that run there (Amazon Linux 2023 has glibc 2.34).
PLATFORMS = {
    "arm64": [f"manylinux{tag}_aarch64" for tag in ("2014", "_2_17", "_2_28", "_2_34")],
    "x86_64": [f"manylinux{tag}_x86_64" for tag in ("2014", "_2_17", "_2_28", "_2_34")],
}
#: Services whose descriptions botocore needs: what the functions call, and what credentials can come from.
BOTOCORE_SERVICES = {"s3", "sqs", "lambda", "secretsmanager", "cloudwatch", "sts", "sso", "sso-oidc"}
#: Parts of our packages that no function runs.
LEFT_OUT = {"cli", "__main__.py", "package.py", "__pycache__"}


def main(argv: Optional[List[str]] = None) -> int:
    """Build what is asked for; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="script/build-lambda",
        description="Build the code of the loader's Lambda functions and the Parquet layer into dist/lambda.",
        epilog="example: script/build-lambda --architecture x86_64 && sam deploy --guided "
        "--template deploy/serverless/template.yaml",
    )
    parser.add_argument("--architecture", choices=sorted(PLATFORMS), default="arm64", help="default: arm64")
    parser.add_argument("--no-parquet", action="store_true", help="without the layer: 170 MB less to fetch and upload")
    arguments = parser.parse_args(argv)
    try:
        build(TARGET, arguments.architecture, parquet=not arguments.no_parquet)
    except subprocess.CalledProcessError as exc:
        print(f"script/build-lambda: pip ended with status {exc.returncode}; it says why above", file=sys.stderr)
        return 1
    except OSError as exc:
        print(f"script/build-lambda: {exc.filename}: {exc.strerror}", file=sys.stderr)
        return 1
    return 0


def build(target: Path, architecture: str, *, parquet: bool) -> None:
    """Make the folders below ``target``; what was there is replaced only when the new one is whole."""
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".building-", dir=target) as work:
        loader = Path(work, "loader")
        _install("requirements.lock", loader, architecture)
        _trim_botocore(loader)
        add_own_packages(loader)
        _replace(loader, target / "loader")
        if parquet:
            layer = Path(work, "parquet")
            _install("requirements-parquet.lock", layer / "python", architecture)
            _replace(layer, target / "parquet")


def add_own_packages(folder: Path) -> None:
    """Copy `es_bridge`, `aws_bridge` and `collectors` into ``folder``, without command lines."""
    for path in own_files():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


def own_files() -> Iterator[Path]:
    """Yield the modules of ours that the functions carry."""
    for package in ("es_bridge", "aws_bridge", "collectors"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if not LEFT_OUT.intersection(path.relative_to(ROOT).parts):
                yield path


def _install(lock: str, folder: Path, architecture: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--require-hashes", "--only-binary=:all:", "--implementation", "cp", "--python-version", PYTHON_VERSION]
    for platform in PLATFORMS[architecture]:
        command += ["--platform", platform]
    command += ["--target", str(folder), "-r", str(HERE / lock)]
    # Where packages go is decided here: a PIP_TARGET or PIP_USER meant for other work would break it.
    clean = {name: value for name, value in os.environ.items() if name not in ("PIP_TARGET", "PIP_USER", "PIP_PREFIX")}
    print(f"  {folder.name}: {lock} for {architecture} ...", flush=True)
    subprocess.run(command, check=True, env=clean)
    shutil.rmtree(folder / "bin", ignore_errors=True)  # console scripts, which name the Python of this machine


def _trim_botocore(folder: Path) -> None:
    for service in (folder / "botocore" / "data").iterdir():
        if service.is_dir() and service.name not in BOTOCORE_SERVICES:
            shutil.rmtree(service)
    # boto3's own resources are another interface to the same services; only clients are used.
    shutil.rmtree(folder / "boto3" / "examples", ignore_errors=True)


def _replace(new: Path, target: Path) -> None:
    for path in [new, *new.rglob("*")]:
        path.chmod(0o755 if path.is_dir() or path.suffix == ".so" else 0o644)
    old = new.with_name(new.name + ".old")
    if target.exists():
        target.rename(old)
    new.rename(target)
    size = sum(path.stat().st_size for path in target.rglob("*") if path.is_file())
    print(f"  {target.relative_to(ROOT)}: {size / 2**20:.0f} MiB", flush=True)


if __name__ == "__main__":
    sys.exit(main())
