"""Which fields the templates of ``deploy`` index, by index pattern: what a query of a detection may name."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, NamedTuple, Tuple

_DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
_FOLDERS = (_DEPLOY / "opensearch", _DEPLOY / "beats")
#: Fields that every document has.
_OF_ENGINES = frozenset({"_id", "_index"})


class Fields(NamedTuple):
    """What an index has. Under ``objects`` any member is found, and none can be counted."""

    indexed: FrozenSet[str]
    objects: FrozenSet[str]

    def has(self, name: str, counted: bool = False) -> bool:
        """Return whether a query may name a field; ``counted``: an aggregation."""
        if name in self.indexed or name in _OF_ENGINES:
            return True
        if name.endswith("*"):
            return any(each.startswith(name[:-1]) for each in self.indexed)
        return not counted and any(name.startswith(f"{each}.") for each in self.objects)


@lru_cache(maxsize=1)
def templates() -> Dict[str, Fields]:
    """Return index pattern (``aws-cloudtrail-*``) -> its fields."""
    found = {}
    for folder in _FOLDERS:
        for path in sorted((folder / "index_templates").glob("*.json")):
            template = json.loads(path.read_text("utf-8"))
            bodies = [template, *(_component(name) for name in template["composed_of"])]
            pairs = [pair for body in bodies for pair in _fields(_properties(body), "")]
            fields = Fields(
                frozenset(name for name, kind in pairs if kind != "flat_object"),
                frozenset(name for name, kind in pairs if kind == "flat_object"),
            )
            found.update(dict.fromkeys(template["index_patterns"], fields))
    return found


def fields_of(pattern: str) -> Tuple[Fields, ...]:
    """Return the fields of each index pattern in a list; empty for a pattern that no template is for."""
    known = templates()
    wanted = [each.strip() for each in pattern.split(",") if each.strip()]
    found = [known.get(name) for each in wanted for name in known if each.startswith(name.rstrip("*"))]
    return tuple(each for each in found if each is not None) if len(found) >= len(wanted) else ()


def _component(name: str) -> Dict[str, Any]:
    for folder in _FOLDERS:
        path = folder / "component_templates" / f"{name}.json"
        if path.is_file():
            return dict(json.loads(path.read_text("utf-8")))
    return {}  # <name>-lifecycle, which has no fields


def _properties(body: Dict[str, Any]) -> Dict[str, Any]:
    found = body.get("template", {}).get("mappings", {}).get("properties", {})
    return dict(found)


def _fields(properties: Dict[str, Any], before: str) -> Iterator[Tuple[str, str]]:
    for name, field in properties.items():
        path = before + name
        if field.get("enabled", True) is False or field.get("index", True) is False:
            continue
        if "properties" in field:
            yield from _fields(field["properties"], f"{path}.")
            continue
        yield path, field.get("type", "object")
        for more in field.get("fields", {}):
            yield f"{path}.{more}", field["fields"][more]["type"]
