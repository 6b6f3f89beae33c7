"""Splunk's conf files: stanzas of ``key = value``, a backslash at the end of a line continues it.

https://help.splunk.com/en/splunk-enterprise/administer/admin-manual/10.0/administer-splunk-enterprise-with-configuration-files/configuration-file-structure
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Dict, List, Mapping, Optional

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


def write_conf(path: Path, stanzas: Mapping[str, Mapping[str, str]]) -> None:
    """Write a conf file in one step; comments of an earlier one are gone."""
    lines: List[str] = []
    for name, values in stanzas.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {value}".replace("\n", "\\\n") for key, value in values.items()]
        lines.append("")
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text("\n".join(lines), encoding="utf-8")
    temporary.replace(path)


def merged(*layers: Stanzas) -> Stanzas:
    """Return the layers on top of each other, key by key; the keys of ``[default]`` are in every stanza."""
    together: Stanzas = {}
    for layer in layers:
        for name, values in layer.items():
            together.setdefault(name, {}).update(values)
    shared = together.pop("default", {})
    return {name: {**shared, **values} for name, values in together.items()}


class ConfFiles:
    """An app's conf files in two layers: ``default``, which nobody writes, and ``local``, a folder or memory."""

    def __init__(self, app_dir: Path, local_dir: Optional[Path] = None) -> None:
        self.app_dir = app_dir
        self._default_dir = app_dir / "default"
        self._local_dir = local_dir
        self._memory: Dict[str, Stanzas] = {}
        self._lock = threading.RLock()

    def names(self) -> List[str]:
        """Return the names of the conf files there are, without ``.conf``."""
        folders = [self._default_dir] + ([self._local_dir] if self._local_dir else [])
        found = {path.stem for folder in folders for path in folder.glob("*.conf")}
        with self._lock:
            return sorted(found | self._memory.keys())

    def stanzas(self, conf: str) -> Optional[Stanzas]:
        """Return a conf file's stanzas, local on top of default; None for a conf nobody knows.

        A file that has only a spec in ``README`` is known and empty: that is how an app is installed whose first
        stanza a page writes.
        """
        if "/" in conf:
            return None
        default = self._default_dir / f"{conf}.conf"
        local = self._local(conf)
        if not local and not default.is_file() and not (self.app_dir / "README" / f"{conf}.conf.spec").is_file():
            return None
        return merged(read_conf(default), local)

    def set(self, conf: str, stanza: str, values: Mapping[str, str]) -> None:
        """Set keys of a stanza in the local layer, and make the stanza if there is none."""
        with self._lock:
            local = self._local(conf)
            local.setdefault(stanza, {}).update(values)
            self._keep(conf, local)

    def remove(self, conf: str, stanza: str) -> bool:
        """Remove a stanza from the local layer; return whether it was there."""
        with self._lock:
            local = self._local(conf)
            if local.pop(stanza, None) is None:
                return False
            self._keep(conf, local)
            return True

    def _local(self, conf: str) -> Stanzas:
        if self._local_dir:
            return read_conf(self._local_dir / f"{conf}.conf")
        with self._lock:
            return {name: dict(values) for name, values in self._memory.get(conf, {}).items()}

    def _keep(self, conf: str, local: Stanzas) -> None:
        if self._local_dir:
            self._local_dir.mkdir(parents=True, exist_ok=True)
            write_conf(self._local_dir / f"{conf}.conf", local)
        else:
            self._memory[conf] = local
