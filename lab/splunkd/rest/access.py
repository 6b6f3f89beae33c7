"""Who asks, what roles there are, what splunkd this is."""

from __future__ import annotations

from typing import List

from ..state import State
from ..users import Role, User
from .messages import Answer, Entry, Feed, Request, RestError, json_answer

VERSION = "10.0.0"


def current_context(state: State, request: Request) -> Answer:
    """Answer ``authentication/current-context``."""
    _only_get(request)
    user = request.known_user
    return Feed([Entry("context", _shown(state, user))], collection="authentication/current-context")


def users(state: State, request: Request) -> Answer:
    """Answer ``authentication/users``: all of them to an administrator, otherwise only who asks."""
    asking = request.known_user
    if request.method != "GET":
        return _change_users(state, request)
    known = [asking, *state.users.known()] if _is_admin(state, asking) else [asking]
    entries = {user.name: Entry(user.name, _shown(state, user)) for user in known}
    return _listed(list(entries.values()), request, "authentication/users")


def roles(state: State, request: Request) -> Answer:
    """Answer ``authorization/roles``: all of them to an administrator, otherwise the roles of who asks."""
    asking = request.known_user
    if request.method != "GET":
        return _change_roles(state, request)
    own = state.users.roles_of(asking)
    all_roles = state.users.roles()
    visible = [role for role in all_roles if role.name in own or _is_admin(state, asking)]
    return _listed([_role(state, role, all_roles) for role in visible], request, "authorization/roles")


def login(state: State, request: Request) -> Answer:
    """Answer ``auth/login``: a session key for a name and its password."""
    key = state.users.sign_in(request.argument("username"), request.argument("password"))
    if key is None:
        raise RestError(401, "Login failed", "WARN")
    return json_answer({"sessionKey": key, "message": "", "code": ""})


def _change_users(state: State, request: Request) -> Answer:
    _only_administrators(state, request)
    name = "/".join(request.path[2:])
    if request.method == "DELETE":
        if not state.users.remove(name):
            raise RestError(404, f"Could not find object id={name}")
        return Feed([], collection="authentication/users")
    name = request.argument("name")
    if any(user.name == name for user in state.users.known()):
        raise RestError(409, f"User '{name}' already exists.")
    roles = tuple(value for key, value in request.form if key == "roles")
    unknown = set(roles) - {role.name for role in state.users.roles()}
    if unknown or not roles:
        raise RestError(400, f"Role={', '.join(sorted(unknown))} is not grantable")
    user = User(name, roles, (), request.argument("tz"))
    state.users.set_password(user, request.argument("password"))
    return Feed([Entry(name, _shown(state, user))], 201, "authentication/users")


def _change_roles(state: State, request: Request) -> Answer:
    _only_administrators(state, request)
    name = "/".join(request.path[2:])
    if request.method == "DELETE":
        if not state.users.remove_role(name):
            raise RestError(404, f"Could not find object id={name}")
        return Feed([], collection="authorization/roles")
    name = request.argument("name")
    if any(role.name == name for role in state.users.roles()):
        raise RestError(409, f"An object with name={name} already exists")
    imported = tuple(value for key, value in request.form if key == "imported_roles")
    role = Role(name, (), imported)
    state.users.add_role(role)
    return Feed([_role(state, role, state.users.roles())], 201, "authorization/roles")


def _only_administrators(state: State, request: Request) -> None:
    if not _is_admin(state, request.known_user):
        raise RestError(403, f"You (user={request.known_user.name}) do not have permission")


def server_info(state: State, request: Request) -> Feed:
    """Answer ``server/info``."""
    _only_get(request)
    content = {
        "version": VERSION,
        "build": "stand-in",
        "serverName": "stand-in",
        "product_type": "enterprise",
        "isFree": False,
        "server_roles": list(state.server_roles),
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
