"""Where positions are kept: the contract, and files. Inside Splunk the KV store is the other place.

A checkpoint is one JSON object under a name. Saving replaces the whole of it or nothing. "There is none" is an answer;
"it cannot be read" is an error, because a poll that took the one for the other would begin anew.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Protocol, Tuple

from collectors.errors import CheckpointUnusable

#: Member of a checkpoint that an administrator reset: its poll begins at the start date, and says why.
RESET = "reset_ms"
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")


class Checkpoints(Protocol):
    """A place for checkpoints. Safe to use from several threads."""

    def load(self, name: str) -> Optional[Dict[str, Any]]:
        """Return what was saved last; ``None`` if nothing was. Raises `CheckpointUnusable`."""

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """Save in the place of what was there. Raises `CheckpointUnusable`."""

    def names(self, prefix: str = "") -> List[str]:
        """Return the names that begin so, sorted. Raises `CheckpointUnusable`."""

    def remove(self, name: str) -> None:
        """Remove one, if it is there. Raises `CheckpointUnusable`."""


class FileCheckpoints:
    """One file a checkpoint, in a folder of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> Optional[Dict[str, Any]]:
        """See `Checkpoints.load`."""
        found = self._read(self._path(name))
        return None if found is None else found[1]

    def save(self, name: str, value: Mapping[str, Any]) -> None:
        """See `Checkpoints.save`."""
        path = self._path(name)
        new = path.with_name(path.name + ".new")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as file:
                json.dump({"name": name, "content": value}, file)
                file.flush()
                os.fsync(file.fileno())  # a rename may reach the disk before what was written
            new.replace(path)
        except OSError as exc:
            raise CheckpointUnusable(f"the checkpoint {path} cannot be written: {exc}") from exc

    def names(self, prefix: str = "") -> List[str]:
        """See `Checkpoints.names`."""
        found = [self._read(path) for path in self._folder.glob("*.json")]
        return sorted(each[0] for each in found if each is not None and each[0].startswith(prefix))

    def remove(self, name: str) -> None:
        """See `Checkpoints.remove`."""
        path = self._path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            pass
        except OSError as exc:
            raise CheckpointUnusable(f"the checkpoint {path} cannot be removed: {exc}") from exc

    def _read(self, path: Path) -> Optional[Tuple[str, Dict[str, Any]]]:
        """Return name and content of a file; None when there is none."""
        try:
            found = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as exc:
            raise CheckpointUnusable(f"the checkpoint {path} cannot be read: {exc}") from exc
        content = found.get("content") if isinstance(found, dict) else None
        if not isinstance(content, dict) or not isinstance(found.get("name"), str):
            raise CheckpointUnusable(f"the checkpoint {path} holds something else than a checkpoint")
        return found["name"], content

    def _path(self, name: str) -> Path:
        return self._folder / (_NOT_IN_A_NAME.sub("_", name) + ".json")
