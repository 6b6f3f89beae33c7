"""The version lock: what a detection does cannot change without a higher version.

``versions.lock`` has a line a detection: name, version, digest of what it does. The labelled events are no part of it:
they try it out, and change nothing in Splunk.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple

from savedsearches.content.detection import Detection

LOCK = Path(__file__).resolve().parents[1] / "versions.lock"


class Locked(NamedTuple):
    """What was shipped last."""

    version: int
    digest: str


def digest_of(detection: Detection) -> str:
    """Return what is equal for detections that do the same."""
    content = detection.model_dump(exclude={"version", "labelled", "untested"}, by_alias=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def read_lock(path: Path = LOCK) -> Dict[str, Locked]:
    """Return detection -> what was locked."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    parts = [line.split() for line in lines if line and not line.startswith("#")]
    return {name: Locked(int(version), digest) for name, version, digest in parts}


def lock_text(detections: Iterable[Detection]) -> str:
    """Return the lock of these detections."""
    lines = [f"{each.name} {each.version} {digest_of(each)}" for each in sorted(detections, key=lambda each: each.name)]
    head = "# Written by python -m savedsearches.content, which refuses a change without a higher version."
    return "\n".join([head, *lines]) + "\n"


def problems_with(detections: Iterable[Detection], locked: Dict[str, Locked]) -> List[str]:
    """Return, file by file, what changed without a higher version, and versions that went back."""
    problems = []
    for each in detections:
        old = locked.get(each.name)
        if old is None:
            continue
        file = f"{each.name}.yml"
        if each.version < old.version:
            problems.append(f"{file}: version is {each.version}, and was {old.version} already")
        elif each.version == old.version and digest_of(each) != old.digest:
            problems.append(
                f"{file}: its content has changed since version {old.version}: raise version to {old.version + 1}"
            )
    return problems
