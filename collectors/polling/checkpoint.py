"""Where positions are kept: the contract, and files. Inside Splunk the KV store is the other place.

A checkpoint is one JSON object under a name. Saving replaces the whole of it or nothing. "There is none" is an answer;
"it cannot be read" is an error, because a poll that took the one for the other would begin anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Protocol

from collectors.errors import CheckpointUnusable

_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class Checkpoints(Protocol):
    """A place for checkpoints. Safe to use from several threads."""

    def load(self, name: str) -> Optional[Dict[str, Any]]:
        """Return what was saved last; ``None`` if nothing was. Raises `CheckpointUnusable`."""

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """Save in the place of what was there. Raises `CheckpointUnusable`."""


class FileCheckpoints:
    """One file a checkpoint, in a folder of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> Optional[Dict[str, Any]]:
        """See `Checkpoints.load`."""
        path = self._path(name)
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise CheckpointUnusable(f"the checkpoint {path} cannot be read: {exc}") from exc
        if not isinstance(found, dict):
            raise CheckpointUnusable(f"the checkpoint {path} holds something else than a checkpoint")
        return found

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """See `Checkpoints.save`."""
        path = self._path(name)
        new = path.with_name(path.name + ".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as file:
                json.dump(value, file)
                file.flush()
                os.fsync(file.fileno())  # a rename may reach the disk before what was written
            new.replace(path)
        except OSError as exc:
            raise CheckpointUnusable(f"the checkpoint {path} cannot be written: {exc}") from exc

    def _path(self, name: str) -> Path:
        return self._folder / (_NOT_IN_A_NAME.sub("_", name) + ".json")
