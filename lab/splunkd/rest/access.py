"""Who asks, what roles there are, what splunkd this is."""

from __future__ import annotations

from functools import partial
from typing import Callable, List

from ..state import State
from ..users import Role, User
from .messages import Answer, Entry, Feed, Request, RestError, json_answer

VERSION = "10.0.0"
#: Makes what has a name, and returns it as an entry.
Add = Callable[[str], Entry]


def current_context(state: State, request: Request) -> Answer:
    """Answer ``authentication/current-context``."""
    _only_get(request)
    user = request.known_user
    return Feed([Entry("context", _shown(state, user))], collection="authentication/current-context")


def users(state: State, request: Request) -> Answer:
    """Answer ``authentication/users``: all of them to an administrator, otherwise only who asks."""
    asking = request.known_user
    if request.method != "GET":
        names = [user.name for user in state.users.known()]
        return _change(state, request, names, state.users.remove, partial(_new_user, state, request))
    known = [asking, *state.users.known()] if _is_admin(state, asking) else [asking]
    entries = {user.name: Entry(user.name, _shown(state, user)) for user in known}
    return _listed(list(entries.values()), request, "authentication/users")


def roles(state: State, request: Request) -> Answer:
    """Answer ``authorization/roles``: all of them to an administrator, otherwise the roles of who asks."""
    asking = request.known_user
    if request.method != "GET":
        names = [role.name for role in state.users.roles()]
        return _change(state, request, names, state.users.remove_role, partial(_new_role, state, request))
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


def _change(state: State, request: Request, known: List[str], remove: Callable[[str], bool], add: Add) -> Feed:
    """Add, with what ``add`` makes of a new name, or delete one of the ``known``; only administrators may."""
    if not _is_admin(state, request.known_user):
        raise RestError(403, f"You (user={request.known_user.name}) do not have permission")
    collection = "/".join(request.path[:2])
    if request.method == "DELETE":
        name = "/".join(request.path[2:])
        if not remove(name):
            raise RestError(404, f"Could not find object id={name}")
        return Feed([], collection=collection)
    name = request.argument("name")
    if name in known:
        raise RestError(409, f"An object with name={name} already exists")
    return Feed([add(name)], 201, collection)


def _new_user(state: State, request: Request, name: str) -> Entry:
    roles = tuple(value for key, value in request.form if key == "roles")
    unknown = set(roles) - {role.name for role in state.users.roles()}
    if unknown or not roles:
        raise RestError(400, f"Role={', '.join(sorted(unknown))} is not grantable")
    user = User(name, roles, (), request.argument("tz"))
    state.users.set_password(user, request.argument("password"))
    return Entry(name, _shown(state, user))


def _new_role(state: State, request: Request, name: str) -> Entry:
    role = Role(name, (), tuple(value for key, value in request.form if key == "imported_roles"))
    state.users.add_role(role)
    return _role(state, role, state.users.roles())


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


def time_ranges(state: State, request: Request) -> Feed:
    """Answer ``data/ui/times``: what the time picker offers beside its own; nothing."""
    _only_get(request)
    return Feed([], collection="data/ui/times")


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
