"""``configs/conf-<name>[/<stanza>]`` and ``properties/<name>[/<stanza>[/<key>]]``: conf files, read and written."""

from __future__ import annotations

from typing import Any, Dict, Optional

from ..conf import Stanzas
from ..state import State
from .messages import Answer, Entry, Feed, Raw, Request, RestError
from .searching import fits

_PREFIX = "conf-"
SYSTEM_APP = "system"
_SAVED = "savedsearches"


def configs(state: State, request: Request) -> Answer:
    """Answer ``configs/...``."""
    if len(request.path) < 2 or not request.path[1].startswith(_PREFIX):
        raise RestError(404, "Not Found")
    conf = request.path[1][len(_PREFIX) :]
    name = "/".join(request.path[2:])  # the SDK does not encode a slash in a stanza's name
    if name == "_reload":
        _readable(state, request, conf)
        return Feed([], collection=_collection(conf))
    stanza, _, action = name.rpartition("/")
    if action in ("enable", "disable") and request.method == "POST":
        return _edit(state, request, conf, stanza, {"disabled": "1" if action == "disable" else "0"})
    if request.method == "GET":
        return _get(state, request, conf, name)
    if request.method == "POST" and not name:
        return _create(state, request, conf)
    if request.method == "POST":
        return _edit(state, request, conf, name, request.arguments)
    if request.method == "DELETE" and name:
        return _delete(state, request, conf, name)
    raise RestError(405, "Method Not Allowed")


def saved_searches(state: State, request: Request) -> Answer:
    """Answer ``saved/searches[/<name>[/acl]]``: the stanzas of ``savedsearches.conf``, and whose they are."""
    name = "/".join(request.path[2:])
    if name.endswith("/acl") and request.method == "POST":
        name = name[: -len("/acl")]
        _stanza(_readable(state, request, _SAVED), _SAVED, name)
        _check_write(state, request, _SAVED)
        state.owners[name] = request.argument("owner")
        return Feed([_entry(state, _SAVED, name, {})], collection="saved/searches")
    if request.method == "GET":
        return _get(state, request, _SAVED, name)
    if request.method == "POST" and name:
        return _edit(state, request, _SAVED, name, request.arguments)
    raise RestError(405, "Method Not Allowed")


def apps(state: State, request: Request) -> Feed:
    """Answer ``apps/local[/<app>]``: the one app, from its ``app.conf``."""
    if request.method != "GET":
        raise RestError(405, "Method Not Allowed")
    if request.path[2:] not in ((), (state.app,)):
        raise RestError(404, f"Could not find object id={'/'.join(request.path[2:])}")
    stanzas = state.confs.stanzas("app") or {}
    content = {
        key: stanzas.get(stanza, {}).get(key, "")
        for stanza, keys in (("install", ["build"]), ("launcher", ["version", "author"]), ("ui", ["label"]))
        for key in keys
    }
    return Feed([Entry(state.app, content)], collection="apps/local")


def properties(state: State, request: Request) -> Answer:
    """Answer ``properties/...``: the same files, key by key."""
    if len(request.path) == 1:
        if request.method == "POST":
            _check_write(state, request, request.argument("__conf"))
            raise RestError(501, "the stand-in makes no conf file without a stanza")
        return Feed([_entry(state, name, name, {}) for name in state.confs.names()], collection="properties")
    conf, rest = request.path[1], request.path[2:]
    if request.method == "POST":
        return _write_properties(state, request, conf, rest)
    if request.method != "GET":
        raise RestError(405, "Method Not Allowed")
    stanzas = _readable(state, request, conf)
    if not rest:
        return Feed([_entry(state, conf, name, {}) for name in stanzas])
    values = _stanza(stanzas, conf, rest[0])
    if len(rest) == 1:
        return Feed([_entry(state, conf, key, {"$text": value}) for key, value in values.items()])
    if rest[1] not in values:
        raise RestError(404, f'The following keys are not supported by this handler: "{rest[1]}"')
    return Raw(200, values[rest[1]].encode(), "text/plain; charset=UTF-8")


def _write_properties(state: State, request: Request, conf: str, rest: Any) -> Answer:
    _check_write(state, request, conf)
    if not rest:
        state.confs.set(conf, request.argument("__stanza"), {})
        return Feed([], 201)
    values = {rest[1]: request.argument("value")} if len(rest) == 2 else request.arguments
    state.confs.set(conf, rest[0], values)
    return Feed([])


def _get(state: State, request: Request, conf: str, name: str) -> Feed:
    stanzas = _readable(state, request, conf)
    if name:
        return Feed([_entry(state, conf, name, _stanza(stanzas, conf, name))], collection=_collection(conf))
    entries = [_entry(state, conf, stanza, values) for stanza, values in stanzas.items()]
    search, app = request.argument("search"), {"eai:acl.app": state.app}
    wanted = [entry for entry in entries if fits(search, {"name": entry.name, **app, **entry.content})]
    return Feed(wanted, collection=_collection(conf))


def _create(state: State, request: Request, conf: str) -> Feed:
    _check_write(state, request, conf)
    values = request.arguments
    name = values.pop("name", "")
    if not name:
        raise RestError(400, "The following required arguments are missing: name.")
    stanzas = _readable(state, request, conf)
    if name in stanzas:
        raise RestError(409, f"An object with name={name} already exists")
    state.confs.set(conf, name, values)
    return Feed([_now(state, conf, name)], 201, _collection(conf))


def _edit(state: State, request: Request, conf: str, name: str, values: Dict[str, str]) -> Feed:
    _check_write(state, request, conf)
    _stanza(_readable(state, request, conf), conf, name)
    state.confs.set(conf, name, values)
    return Feed([_now(state, conf, name)], collection=_collection(conf))


def _delete(state: State, request: Request, conf: str, name: str) -> Feed:
    _check_write(state, request, conf)
    _stanza(_readable(state, request, conf), conf, name)
    if not state.confs.remove(conf, name):
        raise RestError(403, f"Cannot remove '{name}' from {conf}.conf: it is in the app's default folder")
    left = _readable(state, request, conf)
    return Feed([_entry(state, conf, stanza, values) for stanza, values in left.items()], collection=_collection(conf))


def _now(state: State, conf: str, name: str) -> Entry:
    return _entry(state, conf, name, (state.confs.stanzas(conf) or {})[name])


def _readable(state: State, request: Request, conf: str) -> Stanzas:
    user = request.known_user
    found: Optional[Stanzas] = None
    if request.app == SYSTEM_APP:
        found = state.system_confs.get(conf)
    elif state.permissions.allow("read", user, conf):
        found = state.confs.stanzas(conf)
    if found is None:
        raise RestError(404, f"{conf} does not exist")
    return found


def _stanza(stanzas: Stanzas, conf: str, name: str) -> Dict[str, str]:
    if name not in stanzas:
        raise RestError(404, f"{name} does not exist")
    return stanzas[name]


def _check_write(state: State, request: Request, conf: str) -> None:
    user = request.known_user
    if request.app == SYSTEM_APP or not state.permissions.allow("write", user, conf):
        raise RestError(403, f"You (user={user.name}) do not have permission to perform this operation")


def _entry(state: State, conf: str, name: str, values: Dict[str, str]) -> Entry:
    shown: Dict[str, Any] = {"eai:appName": state.app, "eai:userName": "nobody", "disabled": False, **values}
    if "disabled" in values:
        shown["disabled"] = values["disabled"].strip().lower() in ("1", "true", "t", "yes", "y", "on")
    perms = {kind: list(roles) for kind, roles in state.permissions.roles(conf).items()}
    return Entry(name, shown, {"perms": perms})


def _collection(conf: str) -> str:
    return f"configs/{_PREFIX}{conf}"
