"""Users, roles and sessions. What a role may do is in the app's ``authorize.conf`` and in the built-in roles below."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional, Tuple

#: What the built-in administrators may do, as far as anything here asks.
ADMIN_CAPABILITIES = (
    "search",
    "list_storage_passwords",
    "edit_storage_passwords",
    "admin_all_objects",
)
SYSTEM_USER = "splunk-system-user"
SYSTEM_ROLE = "splunk-system-role"


@dataclass(frozen=True)
class User:
    """A Splunk user. What he may do: his own ``capabilities`` and those of his roles."""

    name: str
    roles: Tuple[str, ...] = ("user",)
    capabilities: Tuple[str, ...] = ("search",)
    #: Time zone in the user's preferences; ``""``: none set.
    tz: str = ""


@dataclass(frozen=True)
class Role:
    """A role; what the ``imported`` roles may do it may do too."""

    name: str
    capabilities: Tuple[str, ...] = ()
    imported: Tuple[str, ...] = ()


BUILT_IN_ROLES = (
    Role("user", ("search",)),
    Role("power", (), ("user",)),
    Role("admin", ADMIN_CAPABILITIES, ("power", "user")),
    # Splunk Cloud's administrator: without admin_all_objects there.
    Role("sc_admin", ADMIN_CAPABILITIES[:-1], ("power", "user")),
)


class Users:
    """Who there is. Safe to use from several threads."""

    def __init__(self, authorize: Mapping[str, Mapping[str, str]]) -> None:
        """``authorize``: the stanzas of ``authorize.conf``."""
        self._lock = threading.Lock()
        self._sessions: Dict[str, User] = {}
        self._passwords: Dict[str, Tuple[str, User]] = {}
        self._roles = {role.name: role for role in BUILT_IN_ROLES}
        for stanza, values in authorize.items():
            if stanza.startswith("role_"):
                self._extend(stanza[len("role_") :], values)
        #: Session of splunkd itself, as handlers with ``passSystemAuth = true`` get it.
        self.system_key = self.session(User(SYSTEM_USER, (SYSTEM_ROLE,)))

    def _extend(self, name: str, values: Mapping[str, str]) -> None:
        known = self._roles.get(name, Role(name))
        enabled = [key for key, value in values.items() if value == "enabled"]
        imported = [role for role in values.get("importRoles", "").split(";") if role]
        self.add_role(
            Role(name, _united(known.capabilities, enabled), _united(known.imported, imported)),
        )

    def session(self, user: User) -> str:
        """Return a new session key of a user."""
        key = secrets.token_urlsafe(48)
        with self._lock:
            self._sessions[key] = user
        return key

    def set_password(self, user: User, password: str) -> None:
        """Let a user sign in with a password."""
        with self._lock:
            self._passwords[user.name] = (password, user)

    def sign_in(self, name: str, password: str) -> Optional[str]:
        """Return a session key for a name and its password."""
        with self._lock:
            known, user = self._passwords.get(name, ("", None))
        return self.session(user) if user is not None and secrets.compare_digest(known, password) else None

    def remove(self, name: str) -> bool:
        """Remove a user with a password, and his sessions; return whether there was one."""
        with self._lock:
            found = self._passwords.pop(name, None) is not None
            if found:
                self._sessions = {key: user for key, user in self._sessions.items() if user.name != name}
        return found

    def remove_role(self, name: str) -> bool:
        """Remove a role; return whether there was one."""
        with self._lock:
            return self._roles.pop(name, None) is not None

    def of_session(self, key: str) -> Optional[User]:
        """Return whose session this is."""
        with self._lock:
            return self._sessions.get(key)

    def known(self) -> List[User]:
        """Return the users that have or had a session, each once."""
        with self._lock:
            known = [*(user for _, user in self._passwords.values()), *self._sessions.values()]
        return list({user.name: user for user in known if user.name != SYSTEM_USER}.values())

    def add_role(self, role: Role) -> None:
        """Add a role, or replace the one of that name."""
        with self._lock:
            self._roles[role.name] = role

    def roles(self) -> List[Role]:
        """Return all roles."""
        with self._lock:
            return list(self._roles.values())

    def roles_of(self, user: User) -> FrozenSet[str]:
        """Return the names of a user's roles with those they import."""
        return frozenset(self.imported_by(user.roles) | set(user.roles))

    def imported_by(self, names: Iterable[str]) -> FrozenSet[str]:
        """Return the names of all roles that these import, directly or not."""
        roles = {role.name: role for role in self.roles()}
        found: Dict[str, None] = {}
        waiting = list(names)
        while waiting:
            for name in roles.get(waiting.pop(), Role("")).imported:
                if name not in found:
                    found[name] = None
                    waiting.append(name)
        return frozenset(found)

    def capabilities_of(self, user: User) -> Tuple[str, ...]:
        """Return what a user may do; splunkd's own user may do everything anybody may."""
        names = {role.name for role in self.roles()} if user.name == SYSTEM_USER else self.roles_of(user)
        of_roles = [capability for role in self.roles() if role.name in names for capability in role.capabilities]
        return _united(user.capabilities, of_roles)

    def may(self, user: User, capability: str) -> bool:
        """Return whether a user has a capability."""
        return user.name == SYSTEM_USER or capability in self.capabilities_of(user)


def _united(first: Iterable[str], second: Iterable[str]) -> Tuple[str, ...]:
    return tuple(dict.fromkeys([*first, *second]))
