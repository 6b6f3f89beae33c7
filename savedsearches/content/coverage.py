"""Which techniques of MITRE ATT&CK the detections are about: the page ``docs/attack_coverage.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterable, List, NamedTuple, Tuple

from savedsearches.content.detection import Detection
from savedsearches.content.reading import read_yaml

_TABLE = Path(__file__).with_name("attack.yml")


class Technique(NamedTuple):
    """Its name, and the tactics it serves."""

    name: str
    tactics: Tuple[str, ...]


def techniques() -> Dict[str, Technique]:
    """Return id -> technique, of those that detections here may name."""
    table = read_yaml(_TABLE)
    return {id: Technique(name, tuple(tactics)) for id, (name, *tactics) in table["techniques"].items()}


def tactics() -> List[str]:
    """Return the tactics in the order of an attack."""
    return list(read_yaml(_TABLE)["tactics"])


def unknown_techniques(detections: Iterable[Detection]) -> List[str]:
    """Return, file by file, techniques that the table does not have."""
    known = techniques()
    return [
        f"{each.name}.yml: attack: {id} is not in savedsearches/content/attack.yml: add it, with its tactics"
        for each in detections
        for id in each.attack
        if id not in known
    ]


def coverage_page(detections: Iterable[Detection]) -> str:
    """Return the page: tactic by tactic, its techniques with their detections."""
    ordered = sorted(detections, key=lambda each: each.name)
    known = techniques()
    used = sorted({id for each in ordered for id in each.attack if id in known})
    lines = [
        "# ATT&CK coverage",
        "",
        "Rendered by `python -m savedsearches.content`; do not edit. "
        f"{len(ordered)} detections are about {len(used)} techniques of MITRE ATT&CK (Enterprise). That a technique is",
        "here says that one way of it is detected in the data named, not that every way is.",
    ]
    for tactic in tactics():
        own = [id for id in used if tactic in known[id].tactics]
        if not own:
            continue
        lines += ["", f"## {tactic}", "", "| technique | detections |", "| --- | --- |"]
        for id in own:
            named = ", ".join(f"`{each.name}`" for each in ordered if id in each.attack)
            url = f"https://attack.mitre.org/techniques/{id.replace('.', '/')}/"
            lines.append(f"| [{id}]({url}) {known[id].name} | {named} |")
    without = [f"`{each.name}`" for each in ordered if not each.attack]
    if without:
        lines += ["", "## About no technique", "", f"{', '.join(without)}: about the watch itself, or an asset."]
    return "\n".join(lines) + "\n"
