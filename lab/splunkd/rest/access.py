"""Who asks, what roles there are, what splunkd this is."""

from __future__ import annotations

from typing import List

from ..state import State
from ..users import Role, User
from .messages import Answer, Entry, Feed, Request, RestError

VERSION = "10.0.0"


def current_context(state: State, request: Request) -> Answer:
    """Answer ``authentication/current-context``."""
    _only_get(request)
    user = request.known_user
    return Feed([Entry("context", _shown(state, user))], collection="authentication/current-context")


def users(state: State, request: Request) -> Answer:
    """Answer ``authentication/users``: all of them to an administrator, otherwise only who asks."""
    _only_get(request)
    asking = request.known_user
    known = [asking, *state.users.known()] if _is_admin(state, asking) else [asking]
    entries = {user.name: Entry(user.name, _shown(state, user)) for user in known}
    return _listed(list(entries.values()), request, "authentication/users")


def roles(state: State, request: Request) -> Answer:
    """Answer ``authorization/roles``: all of them to an administrator, otherwise the roles of who asks."""
    _only_get(request)
    asking = request.known_user
    own = state.users.roles_of(asking)
    all_roles = state.users.roles()
    visible = [role for role in all_roles if role.name in own or _is_admin(state, asking)]
    return _listed([_role(state, role, all_roles) for role in visible], request, "authorization/roles")


def server_info(state: State, request: Request) -> Feed:
    """Answer ``server/info``."""
    _only_get(request)
    content = {
        "version": VERSION,
        "build": "stand-in",
        "serverName": "stand-in",
        "product_type": "enterprise",
        "isFree": False,
        "server_roles": ["search_head"],
        "guid": "00000000-0000-0000-0000-000000000000",
    }
    return Feed([Entry("server-info", content)], collection="server/info")


def _is_admin(state: State, user: User) -> bool:
    return state.users.may(user, "admin_all_objects") or "sc_admin" in user.roles


def _shown(state: State, user: User) -> dict:
    return {
        "username": user.name,
        "realname": user.name,
        "roles": list(user.roles),
        "capabilities": list(state.users.capabilities_of(user)),
        "tz": user.tz,
        "defaultApp": state.app,
    }


def _role(state: State, role: Role, all_roles: List[Role]) -> Entry:
    imported = state.users.imported_by([role.name])
    of_imported = [name for other in all_roles if other.name in imported for name in other.capabilities]
    content = {
        "capabilities": list(role.capabilities),
        "imported_capabilities": list(dict.fromkeys(of_imported)),
        "imported_roles": list(role.imported),
        "srchIndexesAllowed": ["*"],
    }
    return Entry(role.name, content)


def _listed(entries: List[Entry], request: Request, collection: str) -> Feed:
    name = "/".join(request.path[2:])
    if name:
        entries = [entry for entry in entries if entry.name == name]
        if not entries:
            raise RestError(404, f"Could not find object id={name}")
    return Feed(entries, collection=collection)


def _only_get(request: Request) -> None:
    if request.method != "GET":
        raise RestError(405, "Method Not Allowed")
