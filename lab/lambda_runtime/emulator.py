"""AWS's runtime interface emulator, ``aws-lambda-rie``, fetched once into the cache.

Its binaries for both processors are in the wheel of ``aws-sam-cli``, which pip checks against a pinned hash. The wheel
is not installed: SAM's command line would bring forty packages with it.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from lab.engine.cache import building, cache_dir
from lab.engine.progress import Progress, to_stderr
from lab.lambda_runtime.errors import LambdaRuntimeUnavailable

PINNED = Path(__file__).parent / "aws-sam-cli.txt"
RELEASE = "1.170.0"
#: What `platform.machine` says -> the binary's ending.
PROCESSORS = {"x86_64": "x86_64", "aarch64": "arm64"}
NAME = "aws-lambda-rie"
#: What awslambdaric 4 is installed for.
NEEDED_PYTHON = (3, 11)


def find_emulator(progress: Progress = to_stderr) -> Path:
    """Return the emulator's program, fetching it when the cache does not have it. Raise LambdaRuntimeUnavailable."""
    if sys.version_info < NEEDED_PYTHON:
        raise LambdaRuntimeUnavailable("Lambda's runtime is run with Python 3.11 or later: set PYTHON to a later one")
    processor = PROCESSORS.get(platform.machine(), "")
    if sys.platform != "linux" or not processor:
        raise LambdaRuntimeUnavailable(
            f"AWS's runtime interface emulator is for Linux on {' and '.join(PROCESSORS)}, this is {sys.platform} on "
            f"{platform.machine()}"
        )
    home = cache_dir() / "lambda" / f"rie-{RELEASE}-{processor}"
    if not home.is_dir():
        progress(f"Lambda runtime: downloading AWS's emulator, 8 MB (once; kept in {cache_dir()})", 0, 0)
        _fetch(home, processor)
    return home / NAME


def _fetch(home: Path, processor: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        # Nothing of the wheel is run with this Python, so it need not suit it.
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        command += ["--ignore-requires-python", "--disable-pip-version-check", "--require-hashes"]
        command += ["--requirement", str(PINNED), "--dest", scratch]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            raise LambdaRuntimeUnavailable(
                f"aws-sam-cli {RELEASE} could not be downloaded: {lines[-1] if lines else 'pip said nothing'}. "
                "Check the network and pip's index."
            )
        with building(home) as draft:
            with zipfile.ZipFile(wheels[0]) as wheel:
                program = draft / NAME
                program.write_bytes(wheel.read(f"samcli/local/rapid/{NAME}-{processor}"))
            program.chmod(0o755)
