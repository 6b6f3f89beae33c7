"""A build on somebody's machine: his pip configuration decides how packages are reached, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from splunk_app.builder import environment as module
from splunk_app.builder.environment import BuildError, environment, for_tools

from .test_reproducible import copy_of_the_source

pytestmark = pytest.mark.slow("the app being built")

STRANGE = """
[global]
index-url = https://mirror.example/simple
retries = 3
timeout = 7
constraint = {folder}/constraints.txt
user = true
pre = true
no-binary = :all:

[install]
target = {folder}/elsewhere
retries = 0

[download]
proxy = http://not.for.installing:1
"""


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    (tmp_path / "pip.conf").write_text(STRANGE.format(folder=tmp_path), "utf-8")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    monkeypatch.setenv("PIP_TIMEOUT", "5")
    monkeypatch.setenv("PIP_PREFIX", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")


def test_only_the_way_to_packages_is_taken_over(strange: None) -> None:
    found = for_tools(Path(sys.executable))
    assert found["PIP_INDEX_URL"] == "https://mirror.example/simple"
    assert (found["PIP_RETRIES"], found["PIP_TIMEOUT"]) == ("0", "5"), "of a command, of the environment"
    assert (found["HTTPS_PROXY"], found["PATH"]) == ("http://127.0.0.1:1", os.environ["PATH"])
    for name in ("USER", "TARGET", "PREFIX", "CONSTRAINT", "PRE", "NO_BINARY", "PROXY"):
        assert f"PIP_{name}" not in found
    assert "PYTHONPATH" not in found
    # pip itself sees nothing else.
    listed = subprocess.run([sys.executable, "-m", "pip", "config", "list"], env=found, capture_output=True, text=True)
    assert ":env:.index-url='https://mirror.example/simple'" in listed.stdout.splitlines()
    assert {line.partition(".")[0] for line in listed.stdout.splitlines()} == {":env:"}


def test_without_a_way_to_packages_it_says_where_to_read_on(
    strange: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ROOT", tmp_path)
    lock = tmp_path / "tools.lock"
    lock.write_text("nothing==1.0 --hash=sha256:" + "0" * 64 + "\n", "utf-8")
    monkeypatch.setattr(module, "of_files", lambda paths: "x")
    with pytest.raises(BuildError, match="docs/troubleshooting.md, Building and testing"):
        environment("tools", lock)
    assert (tmp_path / ".venv-tools").exists()
    assert not (tmp_path / ".venv-tools" / ".complete").exists(), "half an environment looks done"


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    root = copy_of_the_source(tmp_path / "copy")
    (root / "dist").write_text("a file where a folder should be\n", "utf-8")
    for script in ("build", "check"):
        command = [sys.executable, "-m", f"splunk_app.builder.{script}"]
        ended = subprocess.run(command, cwd=root, capture_output=True, text=True)
        assert ended.returncode == 1
        assert ended.stderr.startswith(f"script/{script}-app: ")
        assert ended.stderr.count("\n") == 1
