"""Lays out an engine's home in the cache: lib/, modules/, plugins/ and our compiled main class.

A home is prepared once and shared by every node: it is read-only, a node's own files are in its node folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import List

from .artifacts import fetch
from .cache import building, cache_dir
from .catalog import EngineSpec, Module
from .errors import EngineUnavailable
from .java import Java
from .lock import COMPILER_PLACE, lock_digest, read_lock
from .progress import Progress

_JAVA_SOURCES = Path(__file__).parent / "java"
#: Every runtime in use can load it.
_CLASS_FILE_RELEASE = "17"


def prepare_home(spec: EngineSpec, java: Java, progress: Progress) -> Path:
    """Return the engine's home, preparing it (and downloading) when the cache does not have it yet."""
    parts = [spec.id, lock_digest(spec.id), _digest(spec)]
    home = cache_dir() / "homes" / "-".join(parts + ["bundled"] * java.bundled)
    if home.is_dir():
        return home
    modules = [module for module in spec.modules if module.on_bundled_java or not java.bundled]
    left_out = {f"modules/{module.name}" for module in spec.modules} - {f"modules/{module.name}" for module in modules}
    files = [file for file in read_lock(spec.id) if file.place not in left_out]
    paths = fetch(files, spec.id, progress)
    progress(f"{spec.id}: preparing", 0, 0)
    with building(home) as draft:
        for file, path in paths.items():
            folder = draft / file.place
            folder.mkdir(parents=True, exist_ok=True)
            if file.place.startswith("plugins/"):
                _unpack_plugin(path, folder)
            else:
                _link(path, folder / file.filename)
        (draft / "plugins").mkdir(exist_ok=True)
        _compile(spec, java, draft, _server_sources(spec), draft / "classes")
        for module in modules:
            _write_descriptor(spec, module, draft)
            if not module.artifacts:
                _build_module(spec, java, draft, module)
        shutil.rmtree(draft / COMPILER_PLACE)
    return home


def _server_sources(spec: EngineSpec) -> List[Path]:
    return [*sorted(_JAVA_SOURCES.glob("*.java")), _JAVA_SOURCES / spec.server / "EngineServer.java"]


def _module_sources(module: Module) -> List[Path]:
    return sorted((_JAVA_SOURCES / module.name).glob("**/*.java"))


def _digest(spec: EngineSpec) -> str:
    """Return a short digest of what the lock file does not cover: the catalogue's entry and our sources."""
    digest = hashlib.sha256(repr(spec).encode())
    for source in _server_sources(spec) + [file for module in spec.modules for file in _module_sources(module)]:
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, target)


def _write_descriptor(spec: EngineSpec, module: Module, home: Path) -> None:
    folder = home / "modules" / module.name
    folder.mkdir(parents=True, exist_ok=True)
    lines = {
        "name": module.name,
        "description": module.name,
        "version": spec.version,
        "classname": module.classname,
        "java.version": str(spec.java_min),
        f"{spec.product}.version": spec.version,
        "extended.plugins": module.extends,
        "has.native.controller": "false",
    }
    text = "".join(f"{name}={value}\n" for name, value in lines.items())
    (folder / "plugin-descriptor.properties").write_text(text, "utf-8")


def _unpack_plugin(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    descriptor = folder / "plugin-descriptor.properties"
    # On 3.x the security plugin extends an optional plugin that no registry has; optional is not honoured at start.
    lines = [line for line in descriptor.read_text("utf-8").splitlines() if not line.startswith("extended.plugins")]
    descriptor.write_text("\n".join([*lines, "extended.plugins=", ""]), "utf-8")


def _build_module(spec: EngineSpec, java: Java, home: Path, module: Module) -> None:
    """Compile one of our own modules into the jar that the engine expects."""
    classes = home / COMPILER_PLACE / module.name
    _compile(spec, java, home, _module_sources(module), classes)
    with zipfile.ZipFile(home / "modules" / module.name / f"{module.name}.jar", "w") as jar:
        for compiled in sorted(classes.glob("**/*.class")):
            jar.write(compiled, compiled.relative_to(classes).as_posix())


def _compile(spec: EngineSpec, java: Java, home: Path, sources: List[Path], target: Path) -> None:
    """Compile our sources with the Eclipse compiler, which runs on a runtime without ``javac``."""
    compiler = next((home / COMPILER_PLACE).glob("*.jar"))
    command = [str(java.program), "-jar", str(compiler), "-nowarn", "-proc:none"]
    command += ["-source", _CLASS_FILE_RELEASE, "-target", _CLASS_FILE_RELEASE]
    command += ["-classpath", os.pathsep.join(str(jar) for jar in sorted((home / "lib").glob("*.jar")))]
    command += ["-d", str(target), *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineUnavailable(f"{spec.id}: our Java sources do not compile on {java.program}:\n{done.stderr}")
