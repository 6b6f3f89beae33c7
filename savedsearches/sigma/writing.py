"""Writes what was imported: a YAML file a detection, and one ``savedsearches.conf``."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, List

import yaml

from savedsearches.content.render import stanzas
from savedsearches.sigma.importing import Imported

CONF = "savedsearches.conf"
_HEAD = "# Imported from the Sigma rule {rule}. The rule is under its author's licence: see description.\n"


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, so that a search can be read."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def write(imported: Iterable[Imported], folder: Path) -> List[Path]:
    """Write the files of rules that were taken; return them. What is there of the same name is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    written, detections = [], []
    for each in imported:
        if each.members is None or each.detection is None:
            continue
        path = folder / f"{each.detection.name}.yml"
        body = yaml.dump(each.members, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
        path.write_text(_HEAD.format(rule=each.path.name) + body, "utf-8")
        written.append(path)
        detections.append(each.detection)
    conf = folder / CONF
    conf.write_text(stanzas(detections), "utf-8")
    return [*written, conf]
