"""A plan: the items that are collected on a host, read from YAML and checked.

Each item has

- ``name``, ``description``, ``output`` (name of the object), ``timeout_s``;
- ``command``: POSIX sh; ``needs``: programmes without which it is not tried; ``condition``: sh that must succeed;
- ``otherwise``: other ways to get the same, each with ``command``, ``needs``, ``condition``, in this order;
- ``tool``: it is made by the capture tool; ``writes``: the command writes ``$OUTPUT`` instead of its standard output.

An item that no way leads to is ``missing``; one whose command says nothing is ``empty``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, List, Mapping, Tuple

from response.errors import BadSettings

FOLDER = Path(__file__).parent
_NAME = re.compile(r"[a-z][a-z0-9_]{1,40}", re.ASCII)
_OUTPUT = re.compile(r"[a-z][a-z0-9_]{1,40}\.[a-z]{1,5}", re.ASCII)
_PROGRAMME = re.compile(r"[a-z][a-z0-9_.-]*", re.ASCII)
_MEMBERS = {
    "name", "description", "output", "timeout_s", "command", "needs", "condition", "otherwise", "tool", "writes",
}  # fmt: skip
_WAY_MEMBERS = {"command", "needs", "condition"}


@dataclass(frozen=True)
class Way:
    """One way to get an item."""

    command: str
    needs: Tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True)
class PlanItem:
    """One thing to collect. ``timeout_s`` 0: as long as there is time."""

    name: str
    description: str
    output: str
    timeout_s: int
    ways: Tuple[Way, ...]
    #: Made by the capture tool, sent in parts.
    tool: bool = False


@dataclass(frozen=True)
class Plan:
    """The items, in their order."""

    description: str
    items: Tuple[PlanItem, ...]


def read(path: Path) -> Plan:
    """Return the plan of a file. Raises `BadSettings`."""
    import yaml

    return plan_of(yaml.safe_load(path.read_text("utf-8")))


def plan_of(known: Any) -> Plan:
    """Return a plan. Raises `BadSettings` for what the engine could not run."""
    if not isinstance(known, dict) or set(known) != {"description", "items"}:
        raise BadSettings("a plan has a description and items, and nothing else")
    items = [_item(each) for each in known["items"]]
    for name in ("name", "output"):
        values = [getattr(each, name) for each in items]
        twice = sorted({each for each in values if values.count(each) > 1})
        if twice:
            raise BadSettings(f"two items have the {name} {twice[0]}")
    if [each.tool for each in items[1:]].count(True) or not items:
        raise BadSettings("the item that is made by the capture tool comes first: the rest changes the memory")
    return Plan(str(known["description"]), tuple(items))


def _item(known: Mapping[str, Any]) -> PlanItem:
    name = str(known.get("name", ""))
    unknown = sorted(set(known) - _MEMBERS)
    if unknown:
        raise BadSettings(f"item {name!r} has an unknown member {unknown[0]}")
    if not _NAME.fullmatch(name) or not _OUTPUT.fullmatch(str(known.get("output", ""))):
        raise BadSettings(f"item {name!r}: name and output are lower-case words, the output with an ending")
    tool = bool(known.get("tool"))
    if tool != bool(known.get("writes")):
        raise BadSettings(f"item {name!r}: what the capture tool makes it writes itself, and nothing else does")
    timeout_s = known.get("timeout_s")
    if isinstance(timeout_s, bool) or not isinstance(timeout_s, int) or (timeout_s <= 0) != tool:
        raise BadSettings(f"item {name!r}: timeout_s is {timeout_s!r}, seconds are needed, and 0 for the capture tool")
    ways: List[Way] = [_way(name, {key: known[key] for key in _WAY_MEMBERS if key in known})]
    ways += [_way(name, each) for each in known.get("otherwise") or ()]
    return PlanItem(name, str(known["description"]), str(known["output"]), timeout_s, tuple(ways), tool)


def _way(name: str, known: Mapping[str, Any]) -> Way:
    unknown = sorted(set(known) - _WAY_MEMBERS)
    if unknown or not known.get("command"):
        raise BadSettings(f"item {name!r}: a way has a command, needs and a condition, and nothing else")
    needs = tuple(known.get("needs") or ())
    for each in needs:
        if not _PROGRAMME.fullmatch(each):
            raise BadSettings(f"item {name!r}: {each!r} is no name of a programme")
    texts = (str(known["command"]), str(known.get("condition") or ""))
    for text in texts:
        # SSM puts parameters in their place, and does not ask where.
        if "{{" in text:
            raise BadSettings(f"item {name!r}: two braces mean a parameter to SSM")
    return Way(texts[0].rstrip("\n"), needs, texts[1])
