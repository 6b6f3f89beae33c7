"""From a path to the resource that answers it."""

from __future__ import annotations

from typing import Callable, List, Optional, Protocol, Tuple
from urllib.parse import parse_qsl, unquote, urlsplit

from ..state import State
from . import access, conf, kvstore, passwords
from .messages import UNKNOWN_USER, Answer, Pairs, Raw, Request, RestError, rendered, rendered_error

#: First parts of a path -> who answers. A further resource is one more line.
RESOURCES: Tuple[Tuple[Tuple[str, ...], Callable[[State, Request], Answer]], ...] = (
    (("configs",), conf.configs),
    (("properties",), conf.properties),
    (("storage", "passwords"), passwords.passwords),
    (("storage", "collections", "config"), kvstore.config),
    (("storage", "collections", "data"), kvstore.data),
    (("authentication", "current-context"), access.current_context),
    (("authentication", "users"), access.users),
    (("authorization", "roles"), access.roles),
    (("server", "info"), access.server_info),
)


class Endpoints(Protocol):
    """The app's own endpoints: handlers in child processes."""

    def answer(self, request: Request) -> Optional[Answer]:
        """Return the answer of the handler whose path this is; None when there is none."""


class Router:
    """Answers requests with a session key."""

    def __init__(self, state: State, endpoints: List[Endpoints]) -> None:
        self._state = state
        self._endpoints = endpoints

    def handle(self, method: str, target: str, headers: Pairs, body: bytes, session_key: str) -> Raw:
        """Return the answer to a request for a path such as ``/servicesNS/nobody/<app>/configs/conf-x?count=0``."""
        request: Optional[Request] = None
        try:
            request = self._request(method, target, headers, body, session_key)
            return rendered(self._answer(request), request, self._state.app)
        except RestError as exc:
            return rendered_error(exc, request)

    def _request(self, method: str, target: str, headers: Pairs, body: bytes, session_key: str) -> Request:
        url = urlsplit(target)
        parts = [unquote(part) for part in url.path.strip("/").split("/")]
        owner, app = "nobody", "-"
        if parts[0] == "servicesNS" and len(parts) > 3:
            owner, app, parts = parts[1], parts[2], parts[3:]
        elif parts[0] == "services":
            parts = parts[1:]
        else:
            parts = []
        kind = {name.lower(): value for name, value in headers}.get("content-type", "application/x-www-form-urlencoded")
        is_form = method == "POST" and kind.partition(";")[0].strip() == "application/x-www-form-urlencoded"
        return Request(
            method,
            tuple(part for part in parts if part),
            owner,
            app,
            tuple(parse_qsl(url.query, keep_blank_values=True)),
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
        if request.user is None:
            raise UNKNOWN_USER
        if request.app not in ("-", self._state.app, conf.SYSTEM_APP):
            raise RestError(404, f"Application does not exist: {request.app}")
        for prefix, resource in RESOURCES:
            if request.path[: len(prefix)] == prefix:
                return resource(self._state, request)
        raise RestError(404, "Not Found")
