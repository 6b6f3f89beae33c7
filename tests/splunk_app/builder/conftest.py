"""The built app as it is installed, and Splunk's Pythons with nothing but their standard library."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SPLUNKS_PYTHONS = ("3.9", "3.13")


def find_python(version: str) -> str:
    """Return the interpreter of a version, or skip the test."""
    found = subprocess.run([ROOT / "script" / "find-python", version], capture_output=True, text=True)
    if found.returncode:
        pytest.skip(f"no Python {version} on PATH or under pyenv")
    return found.stdout.strip()


@pytest.fixture(scope="session")
def archive(built_app: Path) -> Path:
    """Return the file that is installed."""
    (path,) = built_app.parent.glob("aws_siem_bridge-*.tar.gz")
    return path


@pytest.fixture(scope="session")
def installed_app(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the app unpacked as Splunk does it. Tests may run what is in it."""
    apps = tmp_path_factory.mktemp("splunk") / "etc" / "apps"
    with tarfile.open(archive) as tar:
        tar.extractall(apps)
    return apps / "aws_siem_bridge"


@pytest.fixture(scope="session", params=SPLUNKS_PYTHONS)
def bare_python(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an interpreter that finds no package beside the standard library."""
    folder = tmp_path_factory.mktemp(f"python-{request.param}")
    subprocess.run([find_python(request.param), "-m", "venv", "--without-pip", folder], check=True)
    python = str(folder / "bin" / "python")
    for package in ("splunklib", "es_bridge", "urllib3", "botocore"):
        assert subprocess.run([python, "-I", "-c", f"import {package}"], capture_output=True).returncode, package
    return python
