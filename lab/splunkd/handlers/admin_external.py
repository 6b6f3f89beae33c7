"""``[admin_external:<name>]`` stanzas: scripts on ``splunk.admin``, one process a request. UCC generates such.

What a script raises becomes what splunkd says of it: ``splunk.admin``'s own exceptions with their status and text, any
other one 500 with a text that UCC's pages take apart.
"""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional, Tuple

from ..rest.messages import ANSWER_ARGUMENTS, Answer, Entry, Feed, Request, RestError
from ..users import Users
from .children import ChildError, Nursery
from .restmap import check_access, is_on

_METHODS = {("GET", False): "list", ("GET", True): "list", ("POST", False): "create", ("POST", True): "edit"}
_METHODS["DELETE", True] = "remove"


class ExternalHandlers:
    """Answers requests for the endpoints that the app's external handlers are configured for."""

    def __init__(self, restmap: Mapping[str, Mapping[str, str]], app: str, users: Users, nursery: Nursery) -> None:
        """``restmap``: the stanzas of ``restmap.conf``; ``[admin:<name>]`` says where its members are."""
        self._app = app
        self._users = users
        self._nursery = nursery
        self._settings: Dict[Tuple[str, ...], Mapping[str, str]] = {}
        for stanza, settings in restmap.items():
            if not stanza.startswith("admin:"):
                continue
            match = tuple(part for part in settings.get("match", "/").split("/") if part)
            for member in (name.strip() for name in settings.get("members", "").split(",")):
                external = restmap.get(f"admin_external:{member}")
                if external is not None:
                    # What the group says counts for its members, UCC writes capabilities there.
                    self._settings[(*match, member)] = {**settings, **external}

    def serves(self, path: Tuple[str, ...]) -> bool:
        """Return whether a path is that of a handler."""
        return any(path[: len(own)] == own for own in self._settings)

    def answer(self, request: Request) -> Optional[Answer]:
        """Return a handler's answer; None for a path of none of them."""
        for path, settings in self._settings.items():
            if request.path[: len(path)] == path:
                check_access(settings, request, self._users)
                return self._run(path, settings, request)
        return None

    def _run(self, path: Tuple[str, ...], settings: Mapping[str, str], request: Request) -> Feed:
        user = request.known_user
        if request.app not in (self._app, "-"):
            raise RestError(404, "Not Found")
        arguments = {key: value for key, value in request.arguments.items() if key not in ANSWER_ARGUMENTS}
        name = "/".join(request.path[len(path) :])
        action = "reload" if name == "_reload" else _METHODS.get((request.method, bool(name)))
        if action is None or (action != "reload" and action not in settings.get("handleractions", "list")):
            raise RestError(405, f'Cannot perform action "{request.method}" on "{path[-1]}" here')
        if action == "create":
            name = arguments.pop("name", "")
            if not name:
                raise RestError(400, "The following required arguments are missing: name.")
        question = {
            "action": action,
            "id": None if action == "reload" else name or None,
            "data": {key: [value] for key, value in arguments.items()},
            "session_key": request.session_key,
            "user": user.name,
            "app": self._app,
        }
        try:
            child = self._nursery.start(str(self._nursery.surroundings.bin_dir / settings["handlerfile"]))
            try:
                said = child.ask(question)
            finally:
                child.end()
        except ChildError as exc:
            raise RestError(500, f"{settings['handlerfile']} did not answer: {exc}. See splunkd.log") from exc
        if "error" in said:
            raise RestError(said["error"]["status"], said["error"]["text"])
        entries = [_entry(each) for each in said["entries"]]
        return Feed(entries, 201 if action == "create" else 200, "/".join(path))


def _entry(said: Mapping[str, Any]) -> Entry:
    metadata = dict(said["metadata"])
    attributes = metadata.pop("eai:attributes", None)
    fields = None
    if isinstance(attributes, dict):
        fields = {kind: attributes.get(f"{kind}Fields", []) for kind in ("required", "optional", "wildcard")}
    acl = metadata.pop("eai:acl", None)
    content = {**metadata, **said["content"]}
    if "disabled" in content:
        # A switch in splunkd's JSON, whatever text the handler made of it.
        content["disabled"] = is_on(str(content["disabled"]))
    return Entry(said["name"], content, acl if isinstance(acl, dict) else {}, fields)
