"""The lock files: which file, with which sha256, goes where in an engine's home.

``python -m lab.engine.lock <id>...`` writes them anew after a change of the catalogue (for maintainers; it asks the
registry which jars the pinned coordinates need). Starting an engine only reads them.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import List, Set, Tuple

from es_bridge.terminal import put

from .catalog import COMPILER, ENGINES, EngineSpec
from .errors import ArtifactError

LOCKS = Path(__file__).parent / "locks"
#: Place of the one file that is not part of the engine's home.
COMPILER_PLACE = "compiler"


@dataclass(frozen=True)
class LockedFile:
    """One file of an engine: where it goes in the home, what it is, and what its bytes must be."""

    place: str
    group: str
    artifact: str
    version: str
    packaging: str
    sha256: str
    size_bytes: int

    @property
    def filename(self) -> str:
        """The name in the home and in the cache."""
        return f"{self.artifact}-{self.version}.{self.packaging}"


def read_lock(engine_id: str) -> Tuple[LockedFile, ...]:
    """Return the files of an engine. Raise ArtifactError when its lock file is missing."""
    path = LOCKS / f"{engine_id}.json"
    if not path.is_file():
        raise ArtifactError(
            f"{engine_id} has no lock file {path.name}. Write it: python -m lab.engine.lock {engine_id}"
        )
    return tuple(LockedFile(**entry) for entry in json.loads(path.read_text("utf-8"))["files"])


def lock_digest(engine_id: str) -> str:
    """Return a short digest of the lock file, which names the home prepared from it."""
    return hashlib.sha256((LOCKS / f"{engine_id}.json").read_bytes()).hexdigest()[:12]


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file in hex, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            digest.update(piece)
    return digest.hexdigest()


def write_lock(spec: EngineSpec) -> Path:
    """Resolve the coordinates of ``spec`` at the registry and write its lock file; return the file's path."""
    with tempfile.TemporaryDirectory() as repository:
        files = _resolve(spec, Path(repository))
    path = LOCKS / f"{spec.id}.json"
    lines = ",\n".join("  " + json.dumps(asdict(file)) for file in files)
    path.write_text(f'{{"engine": "{spec.id}", "files": [\n{lines}\n]}}\n', "utf-8")
    return path


def _resolve(spec: EngineSpec, repository: Path) -> List[LockedFile]:
    from jgo.maven import MavenContext  # imported here: starting an engine from a filled cache does not need it

    context = MavenContext(repo_cache=repository, timeout=60)
    in_lib: Set[Tuple[str, str]] = set()

    def closure(coordinate: str) -> List:
        # One at a time: resolving several together would let one's parent POM manage the versions of another.
        inputs, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
        wanted = [d for d in transitive if d.scope in (None, "compile", "runtime") and not d.optional]
        return [d.artifact for d in list(inputs) + sorted(wanted, key=str)]

    def entry(place: str, artifact) -> LockedFile:
        path = artifact.resolve()
        packaging = path.suffix[1:]
        return LockedFile(
            place,
            artifact.groupId,
            artifact.artifactId,
            artifact.version,
            packaging,
            sha256_of(path),
            path.stat().st_size,
        )

    files = []
    for coordinate in spec.lib:
        for artifact in closure(coordinate):
            if (artifact.groupId, artifact.artifactId) not in in_lib:
                in_lib.add((artifact.groupId, artifact.artifactId))
                files.append(entry("lib", artifact))
    for module in spec.modules:
        place = f"modules/{module.name}"
        seen = set(in_lib)  # what lib/ has must not be there twice: the engine calls that jar hell and stops
        for coordinate in module.artifacts:
            for artifact in closure(coordinate):
                key = (artifact.groupId, artifact.artifactId)
                if key not in seen:
                    seen.add(key)
                    files.append(entry(place, artifact))
    if spec.security:
        group, name, version = spec.security.split(":")
        zipped = context.project(group, name).at_version(version).artifact(packaging="zip")
        files.append(entry(f"plugins/{name}", zipped))
    group, name, version = COMPILER.split(":")
    files.append(entry(COMPILER_PLACE, context.project(group, name).at_version(version).artifact()))
    return files


if __name__ == "__main__":
    for engine_id in sys.argv[1:]:
        put(str(write_lock(ENGINES[engine_id])))
