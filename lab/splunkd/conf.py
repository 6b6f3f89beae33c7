"""Splunk's conf files: stanzas of ``key = value``, a backslash at the end of a line continues it.

https://help.splunk.com/en/splunk-enterprise/administer/admin-manual/10.0/administer-splunk-enterprise-with-configuration-files/configuration-file-structure
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict

Stanzas = Dict[str, Dict[str, str]]


def read_conf(path: Path) -> Stanzas:
    """Return stanza -> key -> value; empty for a file that does not exist."""
    stanzas: Stanzas = {}
    if not path.is_file():
        return stanzas
    name = "default"
    for line in path.read_text(encoding="utf-8").replace("\\\n", "\0").splitlines():
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        if text.startswith("[") and text.endswith("]"):
            name = text[1:-1]
            stanzas.setdefault(name, {})
            continue
        key, _, value = text.partition("=")
        stanzas.setdefault(name, {})[key.strip()] = value.strip().replace("\0", "\n")
    return stanzas


def merged(*layers: Stanzas) -> Stanzas:
    """Return the layers on top of each other, key by key; the keys of ``[default]`` are in every stanza."""
    together: Stanzas = {}
    for layer in layers:
        for name, values in layer.items():
            together.setdefault(name, {}).update(values)
    shared = together.pop("default", {})
    return {name: {**shared, **values} for name, values in together.items()}
