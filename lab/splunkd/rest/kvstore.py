"""``storage/collections/config`` and ``storage/collections/data/<collection>[/<key>]``: the KV store."""

from __future__ import annotations

import json
from typing import Any, Dict, List

from ..kvstore import Document
from ..state import State
from .messages import Answer, Entry, Feed, Raw, Request, RestError, json_answer


def config(state: State, request: Request) -> Answer:
    """Answer ``storage/collections/config[/<collection>]``."""
    name = "/".join(request.path[3:])
    collection = "storage/collections/config"
    if request.method == "POST":
        _check(state, request, "write", name)
        settings = request.arguments
        new = settings.pop("name", "")
        if not name and new in state.collections.settings():
            raise RestError(409, f"An object with name={new} already exists")
        state.collections.define(name or new, settings)
        return Feed([Entry(name or new, state.collections.settings()[name or new])], 200 if name else 201, collection)
    if request.method == "DELETE" and name:
        _check(state, request, "write", name)
        try:
            state.collections.drop(name)
        except KeyError:
            raise _missing(name) from None
        return Feed([], collection=collection)
    if request.method != "GET":
        raise RestError(405, "Method Not Allowed")
    settings_of = state.collections.settings()
    if name and name not in settings_of:
        raise _missing(name)
    wanted = [name] if name else list(settings_of)
    return Feed([Entry(each, settings_of[each]) for each in wanted], collection=collection)


def data(state: State, request: Request) -> Answer:
    """Answer ``storage/collections/data/...``, always as JSON."""
    if len(request.path) < 4:
        raise RestError(404, "Not Found")
    name, key = request.path[3], "/".join(request.path[4:])
    try:
        if request.method == "GET":
            _check(state, request, "read", name)
            return _get(state, request, name, key)
        _check(state, request, "write", name)
        if request.method == "POST":
            return _post(state, request, name, key)
        if request.method == "DELETE":
            removed = state.collections.remove(name, {"_key": key} if key else _query(request))
            if key and not removed:
                raise RestError(404, "Could not find object.")
            return Raw(200, b"")
    except KeyError:
        raise _missing(name) from None
    raise RestError(405, "Method Not Allowed")


def _get(state: State, request: Request, name: str, key: str) -> Raw:
    if key:
        document = state.collections.get(name, key)
        if document is None:
            raise RestError(404, "Could not find object.")
        return json_answer(document)
    found = state.collections.find(name, _query(request))
    skip, limit = int(request.argument("skip", "0")), int(request.argument("limit", "0"))
    return json_answer(found[skip : skip + limit if limit else None])


def _post(state: State, request: Request, name: str, key: str) -> Raw:
    user = request.known_user.name if request.owner != "nobody" else "nobody"
    body = _body(request)
    if key == "batch_save":
        if not isinstance(body, list):
            raise RestError(400, "JSON in the request is invalid: batch_save takes an array")
        return json_answer([state.collections.save(name, document, user) for document in _documents(body)])
    if key and state.collections.get(name, key) is None:
        raise RestError(404, "Could not find object.")
    (document,) = _documents([body])
    if not key and "_key" in document and state.collections.get(name, str(document["_key"])) is not None:
        raise RestError(409, "A document with the same key already exists.")
    if key:
        document = {**document, "_key": key}
    return json_answer({"_key": state.collections.save(name, document, user)}, 200 if key else 201)


def _body(request: Request) -> Any:
    try:
        return json.loads(request.body)
    except ValueError:
        raise RestError(400, "JSON in the request is invalid.") from None


def _documents(values: List[Any]) -> List[Document]:
    if not all(isinstance(value, dict) for value in values):
        raise RestError(400, "JSON in the request is invalid: a document is an object")
    return values


def _query(request: Request) -> Dict[str, Any]:
    """Return the query; of MongoDB's operators only ``$lt`` of a field: any other is refused, not ignored."""
    try:
        query = json.loads(request.argument("query") or "{}")
    except ValueError:
        raise RestError(400, "JSON in the query is invalid.") from None
    if not isinstance(query, dict) or any(
        name.startswith("$") or (isinstance(value, dict) and list(value) != ["$lt"]) for name, value in query.items()
    ):
        raise RestError(501, "the stand-in's KV store compares fields for equality and by $lt only")
    return query


def _check(state: State, request: Request, kind: str, name: str) -> None:
    user = request.known_user
    if not state.permissions.allow(kind, user, "collections", name):
        raise RestError(403, f"You (user={user.name}) do not have permission to perform this operation")


def _missing(name: str) -> RestError:
    return RestError(404, f"Could not find object id={name}")
