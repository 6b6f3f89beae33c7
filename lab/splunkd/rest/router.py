"""From a path to the resource that answers it."""

from __future__ import annotations

from typing import Callable, List, Optional, Protocol, Tuple
from urllib.parse import parse_qsl, unquote_plus, urlsplit

from ..state import State
from . import access, conf, data_inputs, kvstore, passwords, search
from .messages import UNKNOWN_USER, Answer, Pairs, Raw, Request, RestError, rendered, rendered_error

#: First parts of a path -> who answers. A further resource is one more line.
RESOURCES: Tuple[Tuple[Tuple[str, ...], Callable[[State, Request], Answer]], ...] = (
    (("configs",), conf.configs),
    (("properties",), conf.properties),
    (("storage", "passwords"), passwords.passwords),
    (("storage", "collections", "config"), kvstore.config),
    (("storage", "collections", "data"), kvstore.data),
    (("saved", "searches"), search.saved_searches),
    (("authentication", "current-context"), access.current_context),
    (("authentication", "users"), access.users),
    (("authorization", "roles"), access.roles),
    (("server", "info"), access.server_info),
    (("data", "ui", "times"), access.time_ranges),
    (("apps", "local"), conf.apps),
    (("data", "indexes"), data_inputs.indexes),
    (("data", "inputs"), data_inputs.inputs),
    (("data", "indexes"), data_inputs.indexes),
    (("data", "inputs"), data_inputs.inputs),
    (("search", "jobs"), search.jobs),
    (("search", "v2", "jobs"), search.jobs),
)


class Endpoints(Protocol):
    """The app's own endpoints: handlers in child processes."""

    def serves(self, path: Tuple[str, ...]) -> bool:
        """Return whether a path is one of these endpoints."""

    def answer(self, request: Request) -> Optional[Answer]:
        """Return the answer of the handler whose path this is; None when there is none."""


class Router:
    """Answers requests with a session key."""

    def __init__(self, state: State, endpoints: List[Endpoints], not_served: Callable[[str, str], None]) -> None:
        """``not_served`` is told method and path of a request that nobody here can answer."""
        self._state = state
        self._endpoints = endpoints
        self._not_served = not_served

    def is_of_app(self, path: Tuple[str, ...]) -> bool:
        """Return whether a path is one of the app's own endpoints."""
        return any(endpoints.serves(path) for endpoints in self._endpoints)

    def handle(self, method: str, target: str, headers: Pairs, body: bytes, session_key: str) -> Raw:
        """Return the answer to a request for a path such as ``/servicesNS/nobody/<app>/configs/conf-x?count=0``."""
        request: Optional[Request] = None
        try:
            request = self._request(method, target, headers, body, session_key)
            return rendered(self._answer(request), request, self._state.app)
        except RestError as exc:
            return rendered_error(exc, request)

    def _request(self, method: str, target: str, headers: Pairs, body: bytes, session_key: str) -> Request:
        owner, app, path = rest_path(target)
        kind = {name.lower(): value for name, value in headers}.get("content-type", "application/x-www-form-urlencoded")
        is_form = method == "POST" and kind.partition(";")[0].strip() == "application/x-www-form-urlencoded"
        return Request(
            method,
            path,
            owner,
            app,
            tuple(parse_qsl(urlsplit(target).query, keep_blank_values=True)),
            tuple(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)) if is_form else (),
            headers,
            body,
            self._state.users.of_session(session_key),
            session_key,
        )

    def _answer(self, request: Request) -> Answer:
        for endpoints in self._endpoints:
            answer = endpoints.answer(request)
            if answer is not None:
                return answer
        if request.path == ("auth", "login") and request.method == "POST":
            return access.login(self._state, request)
        if request.user is None:
            raise UNKNOWN_USER
        if request.app not in ("-", self._state.app, conf.SYSTEM_APP):
            raise RestError(404, f"Application does not exist: {request.app}")
        for prefix, resource in RESOURCES:
            if request.path[: len(prefix)] == prefix:
                return resource(self._state, request)
        self._not_served(request.method, "/" + "/".join(request.path))
        raise RestError(404, "Not Found")


def rest_path(target: str) -> Tuple[str, str, Tuple[str, ...]]:
    """Return owner, app and the decoded parts of a path below ``/services`` or ``/servicesNS``; none of another."""
    parts = [unquote_plus(part) for part in urlsplit(target).path.split("/") if part]
    if parts[:1] == ["servicesNS"] and len(parts) > 3:
        return parts[1], parts[2], tuple(parts[3:])
    if parts[:1] == ["services"]:
        return "nobody", "-", tuple(parts[1:])
    return "nobody", "-", ()
