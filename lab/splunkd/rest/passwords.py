"""``storage/passwords[/<realm>:<name>:]``: reading needs `list_storage_passwords`, writing `edit_storage_passwords`."""

from __future__ import annotations

from typing import Dict, Tuple

from ..state import State
from .messages import Answer, Entry, Feed, Request, RestError
from .searching import fits

COLLECTION = "storage/passwords"


def passwords(state: State, request: Request) -> Answer:
    """Answer ``storage/passwords``."""
    name = "/".join(request.path[2:])  # a realm may hold a slash, and the SDK leaves it as it is
    if request.method == "GET":
        _check(state, request, "list_storage_passwords")
        if name:
            return Feed([_entry(_found(state, name))], collection=COLLECTION)
        search = request.argument("search")
        wanted = [entry for entry in state.secrets.all() if fits(search, entry)]
        return Feed([_entry(entry) for entry in wanted], collection=COLLECTION)
    if request.method == "POST" and not name:
        return _create(state, request)
    if request.method == "POST":
        _check(state, request, "edit_storage_passwords")
        entry = _found(state, name)
        entry["clear_password"] = request.argument("password")
        state.secrets.set(entry["realm"], entry["username"], entry["clear_password"])
        return Feed([_entry(entry)], collection=COLLECTION)
    if request.method == "DELETE" and name:
        _check(state, request, "edit_storage_passwords")
        entry = _found(state, name)
        state.secrets.remove(entry["realm"], entry["username"])
        return Feed([_entry(left) for left in state.secrets.all()], collection=COLLECTION)
    raise RestError(405, "Method Not Allowed")


def _create(state: State, request: Request) -> Feed:
    _check(state, request, "edit_storage_passwords")
    realm, username, password = (request.argument(key) for key in ("realm", "name", "password"))
    if not username or not password:
        missing = "name" if not username else "password"
        raise RestError(400, f"The following required arguments are missing: {missing}.")
    stored = {_key(entry) for entry in state.secrets.all()}
    entry = {"realm": realm, "username": username, "clear_password": password}
    if _key(entry) in stored:
        raise RestError(409, f"An object with name={_name(entry)} already exists")
    state.secrets.set(realm, username, password)
    return Feed([_entry(entry)], 201, COLLECTION)


def _check(state: State, request: Request, capability: str) -> None:
    user = request.known_user
    if not state.users.may(user, capability):
        raise RestError(403, f"You (user={user.name}) do not have permission to perform this operation")


def _found(state: State, name: str) -> Dict[str, str]:
    for entry in state.secrets.all():
        if name in (_name(entry), f"{entry['realm']}:{entry['username']}:"):
            return entry
    raise RestError(404, f"Could not find object id={name}")


def _key(entry: Dict[str, str]) -> Tuple[str, str]:
    return entry["realm"], entry["username"]


def _name(entry: Dict[str, str]) -> str:
    return "".join(part.replace(":", "\\:") + ":" for part in _key(entry))


def _entry(entry: Dict[str, str]) -> Entry:
    return Entry(_name(entry), {**entry, "encr_password": "$7$stand-in", "password": "********"})
