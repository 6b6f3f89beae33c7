"""What the stand-in knows: conf files, stored passwords, users and their sessions, KV store collections."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

from .conf import ConfFiles, Stanzas, read_conf
from .inputs import Kinds
from .jobs import Jobs
from .kvstore import Collections
from .passwords import Passwords
from .permissions import Permissions
from .users import User, Users


class State:
    """Everything the stand-in can be asked for. Safe to use from several threads."""

    def __init__(self, app: str, app_dir: Path, local_dir: Optional[Path] = None) -> None:
        self.app = app
        self.confs = ConfFiles(app_dir, local_dir)
        #: Saved search -> the user whom it was given to.
        self.owners: Dict[str, str] = {}
        #: conf -> stanzas of splunkd's own ``system`` app.
        self.system_confs: Dict[str, Stanzas] = {}
        self.secrets = Passwords(local_dir / "passwords.json" if local_dir else None)
        self.users = Users(self.confs.stanzas("authorize") or {})
        self.permissions = Permissions(read_conf(app_dir / "metadata" / "default.meta"), self.users)
        #: Where this is served, its searches and kinds of inputs; the server sets them.
        self.uri = ""
        self.jobs: Jobs
        self.inputs: Kinds
        #: What ``server/info`` says of this instance.
        self.server_roles: Tuple[str, ...] = ("search_head",)
        self.collections = Collections(self.confs.stanzas("collections") or {})

    def session(self, user: User) -> str:
        """Return a new session key of a user."""
        return self.users.session(user)

    def set_stanza(self, conf: str, stanza: str, values: Mapping[str, str]) -> None:
        """Set keys of a stanza, on top of the app's default."""
        self.confs.set(conf, stanza, values)

    def stanzas(self, conf: str) -> Optional[Stanzas]:
        """Return a conf file's stanzas; None for a conf nobody knows."""
        return self.confs.stanzas(conf)

    def set_secrets(self, conf: str, stanza: str, values: Mapping[str, str]) -> None:
        """Store a stanza's secrets as its configuration page would."""
        self.secrets.set_ucc(f"__REST_CREDENTIAL__#{self.app}#configs/conf-{conf}", stanza, values)

    def passwords(self) -> List[Dict[str, str]]:
        """Return the entries of storage/passwords."""
        return self.secrets.all()
