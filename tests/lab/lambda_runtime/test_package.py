"""The loader's package holds what its handlers need, and nothing of the project beside it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lab.lambda_runtime import LambdaRuntimeUnavailable, lay_out_package
from lab.lambda_runtime.package import link_libraries

HANDLERS = ("handler", "resume", "watcher")


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the libraries of the lock file are for later Pythons")
def test_its_handlers_import_from_the_package_alone(tmp_path: Path) -> None:
    folder = lay_out_package(tmp_path / "package")
    names = [f"collectors.lambda_function.{name}" for name in HANDLERS] + ["orjson", "boto3", "maxminddb"]
    program = f"""
import importlib, sys
sys.path.insert(0, {str(folder)!r})
for name in {names!r}:
    importlib.import_module(name)
for name in ("lab", "aws_siem_bridge", "pytest", "collectors.cli", "aws_bridge.trimming"):
    try:
        importlib.import_module(name)
    except ImportError:
        continue
    sys.exit(name + " is in the package")
"""
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_that_is_not_installed_is_named(tmp_path: Path) -> None:
    with pytest.raises(LambdaRuntimeUnavailable, match="no-such-library is not installed"):
        link_libraries(["no-such-library"], tmp_path)
