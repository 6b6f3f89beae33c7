"""Who may read and write an app's objects, as ``metadata/default.meta`` says.

https://docs.splunk.com/Documentation/Splunk/latest/Admin/Defaultmetaconf: ``access = read : [ * ], write : [ admin ]``
in ``[]`` for the whole app, in ``[<conf>]`` for one conf file, and in ``[<conf>/<name>]`` for one object.
"""

from __future__ import annotations

import re
from typing import Dict, Mapping, Tuple

from .users import User, Users

_ACCESS = re.compile(r"(read|write)\s*:\s*\[([^\]]*)\]")
#: splunkd's own when an app says nothing.
_DEFAULT = {"read": ("*",), "write": ("admin", "sc_admin")}


class Permissions:
    """The access list of an app."""

    def __init__(self, meta: Mapping[str, Mapping[str, str]], users: Users) -> None:
        """``meta``: the stanzas of ``default.meta``."""
        self._meta = meta
        self._users = users

    def roles(self, conf: str, name: str = "") -> Dict[str, Tuple[str, ...]]:
        """Return who may ``read`` and ``write`` a conf's stanzas, or one of them."""
        roles = dict(_DEFAULT)
        for stanza in ("", conf, f"{conf}/{name}"):
            for kind, names in _ACCESS.findall(self._meta.get(stanza, {}).get("access", "")):
                roles[kind] = tuple(name.strip() for name in names.split(",") if name.strip())
        return roles

    def allow(self, kind: str, user: User, conf: str, name: str = "") -> bool:
        """Return whether a user may ``read`` or ``write`` a conf's stanzas, or one of them."""
        if self._users.may(user, "admin_all_objects"):
            return True
        allowed = self.roles(conf, name)[kind]
        return "*" in allowed or bool(self._users.roles_of(user) & set(allowed))
