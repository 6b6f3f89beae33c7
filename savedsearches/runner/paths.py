"""Members of JSON text by the paths of ``spath``: ``a.b``, ``a{}.b``, ``a{0}.b``."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Optional

from savedsearches.runner import values
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.values import Value

_STEP = re.compile(r"([^.{}]+)((?:\{[0-9]*\})*)(?:\.|\Z)")
_INDEX = re.compile(r"\{([0-9]*)\}")


def value_at(text: str, path: str) -> Optional[Value]:
    """Return what stands at a path, several values where ``{}`` finds several; ``None`` where nothing does."""
    try:
        document = json.loads(text)
    except ValueError:
        return None
    found: List[Any] = [document]
    for name, indices in _steps(path):
        found = [node[name] for node in found if isinstance(node, dict) and name in node]
        for index in indices:
            lists = [node for node in found if isinstance(node, list)]
            if index == "":
                found = [item for items in lists for item in items]
            else:
                # Splunk's manual counts from 0 in JSON
                found = [items[int(index)] for items in lists if int(index) < len(items)]
    return values.single([as_text(node) for node in found if node is not None])


def _steps(path: str) -> List[Any]:
    steps = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None or match.end() == position:
            raise SplSyntaxError(f"spath: the path {path!r} cannot be read")
        steps.append((match.group(1), _INDEX.findall(match.group(2))))
        position = match.end()
    return steps


def as_text(node: Any) -> str:
    """Return a JSON value as a field shows it: objects and lists as JSON, true and false in lower case."""
    if isinstance(node, str):
        return node
    if isinstance(node, bool) or node is None or isinstance(node, (dict, list)):
        return json.dumps(node, ensure_ascii=False, separators=(",", ":"))
    return values.text(node)


def all_members(text: str) -> Dict[str, Value]:
    """Return every member of a JSON object under its path, as ``spath`` without one does. Raises `ValueError`."""
    found: Dict[str, List[str]] = {}
    _walk(json.loads(text), "", found)
    return {name: texts[0] if len(texts) == 1 else texts for name, texts in found.items()}


def _walk(node: Any, path: str, found: Dict[str, List[str]]) -> None:
    if isinstance(node, dict):
        for name, value in node.items():
            _walk(value, f"{path}.{name}" if path else name, found)
    elif isinstance(node, list):
        for value in node:
            _walk(value, path + "{}", found)
    else:
        found.setdefault(path, []).append("null" if node is None else as_text(node))
