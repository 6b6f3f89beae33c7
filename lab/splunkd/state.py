"""What the stand-in knows: conf files, stored passwords, users and their sessions."""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

from .conf import Stanzas, merged, read_conf

SEPARATOR = "``splunk_cred_sep``"
END_MARK = SEPARATOR + SEPARATOR.join("SPLUNK") + SEPARATOR
PIECE_CHARACTERS = 255


@dataclass(frozen=True)
class User:
    """A Splunk user, as far as a search command sees one."""

    name: str
    roles: Tuple[str, ...] = ("user",)
    capabilities: Tuple[str, ...] = ("search", "list_storage_passwords")
    #: Time zone in the user's preferences; ``""``: none set.
    tz: str = ""


class State:
    """Everything the stand-in can be asked for. Safe to use from several threads."""

    def __init__(self, app: str, default_dir: Path, local_dir: Optional[Path] = None) -> None:
        self.app = app
        self._default_dir = default_dir
        self._local_dir = local_dir
        self._set: Dict[str, Stanzas] = {}
        self._passwords: List[Dict[str, str]] = []
        self._sessions: Dict[str, User] = {}
        self._lock = threading.Lock()
        passwords = local_dir / "passwords.json" if local_dir else None
        if passwords and passwords.is_file():
            self._passwords = json.loads(passwords.read_text(encoding="utf-8"))

    def session(self, user: User) -> str:
        """Return a new session key of a user."""
        key = secrets.token_urlsafe(48)
        with self._lock:
            self._sessions[key] = user
        return key

    def user_of(self, session_key: str) -> Optional[User]:
        """Return whose session this is."""
        with self._lock:
            return self._sessions.get(session_key)

    def set_stanza(self, conf: str, stanza: str, values: Mapping[str, str]) -> None:
        """Set keys of a stanza, on top of the files."""
        with self._lock:
            self._set.setdefault(conf, {}).setdefault(stanza, {}).update(values)

    def stanzas(self, conf: str) -> Optional[Stanzas]:
        """Return a conf file's stanzas: default, then local, then what was set; None where there is none of them."""
        layers = [read_conf(self._default_dir / f"{conf}.conf")]
        if self._local_dir:
            layers.append(read_conf(self._local_dir / f"{conf}.conf"))
        with self._lock:
            if conf in self._set:
                layers.append({name: dict(values) for name, values in self._set[conf].items()})
        exists = any(layers) or (self._default_dir / f"{conf}.conf").is_file()
        return merged(*layers) if exists else None

    def set_secrets(self, conf: str, stanza: str, values: Mapping[str, str]) -> None:
        """Store a stanza's secrets as Splunk's UCC framework does: one JSON text in pieces, and an end mark."""
        realm = f"__REST_CREDENTIAL__#{self.app}#configs/conf-{conf}"
        text = json.dumps(dict(values))
        pieces = [text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS)]
        with self._lock:
            self._passwords = [
                entry
                for entry in self._passwords
                if (entry["realm"], entry["username"].rpartition(SEPARATOR)[0]) != (realm, stanza)
            ]
            for number, piece in enumerate([*pieces, END_MARK], start=1):
                self._passwords.append(
                    {"realm": realm, "username": f"{stanza}{SEPARATOR}{number}", "clear_password": piece}
                )

    def passwords(self) -> List[Dict[str, str]]:
        """Return the entries of storage/passwords."""
        with self._lock:
            return [dict(entry) for entry in self._passwords]
