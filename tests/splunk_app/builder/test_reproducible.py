"""A build is the same on every Python, whole or not there, and alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Dict

import pytest

from splunk_app.builder import docs, fingerprint
from splunk_app.builder.rooms import CARRIED

from .conftest import ROOT, SPLUNKS_PYTHONS, find_python

pytestmark = pytest.mark.slow("the app being built")


def copy_of_the_source(target: Path) -> Path:
    """Copy what a build reads to ``target``: a build there touches nothing here."""
    for folder in ("splunk_app", "script", "docs", *(room.folder for room in CARRIED)):
        shutil.copytree(ROOT / folder, target / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("LICENSE", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, target / name)
    return target


def contents(folder: Path) -> Dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def build(root: Path, python: str, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHON": python}
    return subprocess.Popen(
        [root / "script" / "build-app", *arguments],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip


def ended_well(process: subprocess.Popen) -> str:
    said, _ = process.communicate(timeout=250)
    assert process.returncode == 0, said
    return said


def test_builds_on_every_python_are_the_same_and_whole_or_not_there(tmp_path: Path) -> None:
    """One test: each step needs what the one before has set up, which takes long."""
    built = {}
    for version in SPLUNKS_PYTHONS:
        root = copy_of_the_source(tmp_path / version)
        python = find_python(version)
        said = ended_well(build(root, python))
        assert f"on Python {version}." in said
        built[version] = contents(root / "dist" / "aws_siem_bridge")
        assert ended_well(build(root, python)) == "", "nothing to do, nothing to say"
    first, second = (built[version] for version in SPLUNKS_PYTHONS)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []

    # Killed in the middle: what was there stays, the rest of it is cleared away by the next build.
    dist = root / "dist"
    (root / "LICENSE").write_text("another licence\n", "utf-8")
    killed = build(root, python)
    while not (working := list(dist.glob(".aws_siem_bridge.building-*/out"))):
        assert killed.poll() is None, killed.communicate()
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    assert working[0].exists()
    assert contents(dist / "aws_siem_bridge") == second
    # Two at the same time: one builds, the other waits and finds it done.
    said = sorted(ended_well(process) for process in [build(root, python), build(root, python)])
    assert said[0] == "" and "building" in said[1]
    assert list(dist.glob(".aws_siem_bridge.building-*")) == []
    changed = contents(dist / "aws_siem_bridge")
    assert {name for name in second if changed[name] != second[name]} == {"LICENSES/Apache-2.0.txt"}


def test_whatever_a_build_reads_changes_the_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = copy_of_the_source(tmp_path)
    monkeypatch.setattr(docs, "ROOT", root)
    for name, path in (("ROOT", root), ("SOURCE", root / "splunk_app"), ("BUILDER", root / "splunk_app" / "builder")):
        monkeypatch.setattr(fingerprint, name, path)
    before = fingerprint.of_inputs()
    assert fingerprint.of_inputs() == before
    app = ("package/default/app.conf", "globalConfig.json", "builder/lib.lock", "builder/tree.py")
    for changed in (
        *(f"splunk_app/{name}" for name in app),
        "es_bridge/search.py",
        "aws_bridge/trimming.py",
        "LICENSE",
        "docs/install.md",
    ):
        with (root / changed).open("a") as file:
            file.write("\n")
        after = fingerprint.of_inputs()
        assert after != before, changed
        before = after
    (root / "es_bridge" / "__pycache__").mkdir()
    (root / "es_bridge" / "__pycache__" / "x.pyc").write_bytes(b"x")
    assert fingerprint.of_inputs() == before
