"""Reads detections from their files; every error of every file comes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Iterable, List, Tuple

import yaml
from pydantic import ValidationError

from savedsearches.content.detection import Detection

FOLDER = Path(__file__).resolve().parents[1] / "detections"


class ContentError(Exception):
    """Files cannot be used. ``problems`` name the file, the place in it, and what is wrong."""

    def __init__(self, problems: List[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# The one in C, where PyYAML has it, takes an eighth of the time: a tenth of a second for all detections.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):
    """YAML in which a member written twice is an error, and a date stays a text."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> Dict[Any, Any]:
    names = [loader.construct_object(key, deep=True) for key, _ in node.value]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        raise yaml.constructor.ConstructorError(None, None, f"written twice: {', '.join(twice)}", node.start_mark)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Safe.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> Any:
    """Return what a file says. Raises `yaml.YAMLError`, also for a member that is written twice."""
    return yaml.load(path.read_text("utf-8"), _Loader)  # noqa: S506 - a SafeLoader


def read_detections(folder: Path = FOLDER) -> List[Detection]:
    """Return the detections of a folder by name. Raises `ContentError`."""
    found, problems = read_files(sorted(folder.glob("*.yml")))
    problems += _shared(found)
    if problems:
        raise ContentError(problems)
    return list(found.values())


def read_files(paths: Iterable[Path]) -> Tuple[Dict[Path, Detection], List[str]]:
    """Return (file -> detection, problems)."""
    found: Dict[Path, Detection] = {}
    problems: List[str] = []
    for path in paths:
        try:
            detection = Detection.model_validate(read_yaml(path))
        except (yaml.YAMLError, UnicodeError) as exc:
            problems.append(f"{path.name}: {' '.join(str(exc).split())}")
            continue
        except ValidationError as exc:
            problems += [f"{path.name}: {_place(error['loc'])}{_text(error)}" for error in exc.errors()]
            continue
        if detection.name != path.stem:
            problems.append(f"{path.name}: name is {detection.name}: give the file and the detection one name")
        found[path] = detection
    return found, problems


def _shared(found: Dict[Path, Detection]) -> List[str]:
    problems = []
    for member in ("id", "name", "title"):
        seen: Dict[str, Path] = {}
        for path, detection in found.items():
            other = seen.setdefault(getattr(detection, member), path)
            if other != path:
                problems.append(f"{path.name}: {member} is that of {other.name}")
    return problems


def _place(location: Tuple[Any, ...]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
    return f"{text}: " if text else ""


def _text(error: Any) -> str:
    text = error["msg"].removeprefix("Value error, ")
    return {"Extra inputs are not permitted": "no such member", "Field required": "is missing"}.get(text, text)
