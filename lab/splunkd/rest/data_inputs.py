"""``data/inputs/<kind>[/<name>[/enable|/disable]]`` of modular inputs, and ``data/indexes``.

A kind is what a script of the app answers ``--scheme`` with; its arguments and those of every input are taken, others
are refused. Before an input is stored its script checks it (``--validate-arguments``), with what it would have then.
Nothing is started: a test runs an input itself, with `inputs.ModularInput`.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Set

from ..state import State
from .messages import Answer, Entry, Feed, Request, RestError
from .searching import fits

#: Arguments of every modular input.
OF_ALL = ("disabled", "host", "index", "interval", "source", "sourcetype")
#: What splunkd shows of a stanza that does not say it.
_SHOWN = {"host": "$decideOnStartup", "index": "default"}
_INDEXES = ("_audit", "_internal", "aws_assets", "aws_findings", "history", "main", "summary")


def indexes(state: State, request: Request) -> Feed:
    """Answer ``data/indexes``; ``search=isInternal=0`` leaves out those of Splunk itself."""
    entries = [Entry(name, {"isInternal": name.startswith("_"), "disabled": False}) for name in _INDEXES]
    terms = request.argument("search").split()
    shown = [
        entry
        for entry in entries
        if all(fits(term, {key: str(int(value)) for key, value in entry.content.items()}) for term in terms)
    ]
    return Feed(shown, collection="data/indexes")


def inputs(state: State, request: Request) -> Answer:
    """Answer ``data/inputs/<kind>``."""
    if len(request.path) < 3:
        raise RestError(404, "Not Found")
    kind, rest = request.path[2], request.path[3:]
    if kind not in state.inputs.kinds():
        raise RestError(404, f"Could not find an input of kind {kind}")
    if request.method != "GET" and not state.users.may(request.known_user, "admin_all_objects"):
        raise RestError(403, f"You (user={request.known_user.name}) do not have permission to perform this operation")
    if rest == ("_reload",):
        return Feed([], collection=f"data/inputs/{kind}")
    if request.method == "GET":
        return _list(state, kind, "/".join(rest))
    if request.method == "DELETE" and rest:
        _stored(state, kind, rest[0])
        state.confs.remove("inputs", f"{kind}://{rest[0]}")
        return _list(state, kind)
    if request.method != "POST":
        raise RestError(405, "Method Not Allowed")
    if not rest:
        return _create(state, request, kind)
    if len(rest) == 2 and rest[1] in ("enable", "disable"):
        return _store(state, kind, rest[0], {"disabled": str(int(rest[1] == "disable"))})
    given = _checked(state, kind, request.arguments)
    _validate(state, kind, rest[0], {**_stored(state, kind, rest[0]), **given})
    return _store(state, kind, rest[0], given)


def _create(state: State, request: Request, kind: str) -> Feed:
    given = dict(request.arguments)
    name = given.pop("name", "")
    missing = [each for each in ("name", *state.inputs.required(kind)) if not ({**given, "name": name}).get(each)]
    if missing:
        raise RestError(400, f"The following required arguments are missing: {', '.join(missing)}.")
    if name in _names(state, kind):
        raise RestError(409, f"An object with name={name} already exists")
    given = _checked(state, kind, given)
    _validate(state, kind, name, given)
    return _store(state, kind, name, given, 201)


def _checked(state: State, kind: str, given: Mapping[str, str]) -> Dict[str, str]:
    known: Set[str] = {*state.inputs.arguments(kind), *OF_ALL}
    for argument in given:
        if argument not in known:
            raise RestError(400, f'Argument "{argument}" is not supported by this endpoint.')
    return dict(given)


def _validate(state: State, kind: str, name: str, values: Mapping[str, str]) -> None:
    problem = state.inputs.validate(kind, name, values)
    if problem:
        raise RestError(400, f"Argument validation for scheme={kind}: {problem}")


def _store(state: State, kind: str, name: str, values: Mapping[str, str], status: int = 200) -> Feed:
    if status == 200:
        _stored(state, kind, name)
    state.confs.set("inputs", f"{kind}://{name}", values)
    return Feed([_entry(state, kind, name)], status, f"data/inputs/{kind}")


def _list(state: State, kind: str, name: str = "") -> Feed:
    if name:
        _stored(state, kind, name)
    names: Sequence[str] = [name] if name else _names(state, kind)
    return Feed([_entry(state, kind, each) for each in names], collection=f"data/inputs/{kind}")


def _names(state: State, kind: str) -> Sequence[str]:
    before = f"{kind}://"
    return [stanza[len(before) :] for stanza in state.stanzas("inputs") or {} if stanza.startswith(before)]


def _stored(state: State, kind: str, name: str) -> Dict[str, str]:
    found = (state.stanzas("inputs") or {}).get(f"{kind}://{name}")
    if found is None:
        raise RestError(404, f"Could not find object id={name}")
    return found


def _entry(state: State, kind: str, name: str) -> Entry:
    stanzas = state.stanzas("inputs") or {}
    shown: Dict[str, Any] = {"eai:appName": state.app, **_SHOWN, **stanzas.get(kind, {}), **_stored(state, kind, name)}
    shown["disabled"] = str(shown.get("disabled", "0")).strip().lower() in ("1", "true", "t", "yes", "on")
    return Entry(name, shown)
