"""Stored passwords, as storage/passwords knows them. In clear text: this is a stand-in."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

SEPARATOR = "``splunk_cred_sep``"
END_MARK = SEPARATOR + SEPARATOR.join("SPLUNK") + SEPARATOR
PIECE_CHARACTERS = 255


class Passwords:
    """Realm and user name -> password, in memory or in a file that only this user can read."""

    def __init__(self, file: Optional[Path] = None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._stored: Dict[Tuple[str, str], str] = {}
        if file and file.is_file():
            for entry in json.loads(file.read_text(encoding="utf-8")):
                self._stored[entry["realm"], entry["username"]] = entry["clear_password"]

    def all(self) -> List[Dict[str, str]]:
        """Return realm, user name and password of each."""
        with self._lock:
            return self._listed()

    def set(self, realm: str, username: str, password: str) -> None:
        """Store a password, in the place of an older one."""
        with self._lock:
            self._stored[realm, username] = password
            self._keep()

    def remove(self, realm: str, username: str) -> None:
        """Remove a password. Raises `KeyError`."""
        with self._lock:
            del self._stored[realm, username]
            self._keep()

    def set_ucc(self, realm: str, stanza: str, values: Mapping[str, str]) -> None:
        """Store a stanza's secrets as Splunk's UCC framework does: one JSON text in pieces, and an end mark."""
        text = json.dumps(dict(values))
        pieces = [text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS)]
        with self._lock:
            for key in list(self._stored):
                if (key[0], key[1].rpartition(SEPARATOR)[0]) == (realm, stanza):
                    del self._stored[key]
            for number, piece in enumerate([*pieces, END_MARK], start=1):
                self._stored[realm, f"{stanza}{SEPARATOR}{number}"] = piece
            self._keep()

    def _listed(self) -> List[Dict[str, str]]:
        return [
            {"realm": realm, "username": username, "clear_password": password}
            for (realm, username), password in self._stored.items()
        ]

    def _keep(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._file.with_name(f".{self._file.name}.new")
        temporary.touch(mode=0o600)
        temporary.write_text(json.dumps(self._listed(), indent=1), encoding="utf-8")
        temporary.replace(self._file)
