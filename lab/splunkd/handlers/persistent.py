"""``[script:<name>]`` stanzas with ``scripttype = persist``: one process a script that answers request after request.

The request is the dict that splunkd hands to such a script, see
https://dev.splunk.com/enterprise/docs/devtools/customrestendpoints/customrestscript.
"""

from __future__ import annotations

import json
import threading
from typing import Any, Dict, List, Mapping, Optional, Tuple
from urllib.parse import urlsplit

from ..rest.messages import Answer, Raw, Request, RestError
from ..users import Users
from .children import Child, ChildError, Nursery
from .restmap import check_access, is_on

_KINDS = {"json": "application/json; charset=UTF-8", "xml": "text/xml; charset=UTF-8"}


class PersistentHandlers:
    """Answers requests for the paths that the app's persistent scripts are configured for."""

    def __init__(self, restmap: Mapping[str, Mapping[str, str]], users: Users, nursery: Nursery) -> None:
        """``restmap``: the stanzas of ``restmap.conf``."""
        self._users = users
        self._nursery = nursery
        self._lock = threading.Lock()
        self._children: Dict[str, Child] = {}
        self._scripts: List[Tuple[Tuple[str, ...], str, Mapping[str, str]]] = []
        for stanza, settings in restmap.items():
            if stanza.startswith("script:") and settings.get("scripttype") == "persist":
                match = tuple(part for part in settings.get("match", "").split("/") if part)
                self._scripts.append((match, stanza, settings))
        # The longest match answers.
        self._scripts.sort(key=lambda script: -len(script[0]))

    def serves(self, path: Tuple[str, ...]) -> bool:
        """Return whether a path is that of a script."""
        return any(match and path[: len(match)] == match for match, _, _ in self._scripts)

    def answer(self, request: Request) -> Optional[Answer]:
        """Return a script's answer; None for a path of none of them."""
        for match, stanza, settings in self._scripts:
            if match and request.path[: len(match)] == match:
                check_access(settings, request, self._users)
                return self._run(stanza, settings, match, request)
        return None

    def _run(self, stanza: str, settings: Mapping[str, str], match: Tuple[str, ...], request: Request) -> Raw:
        mode = _output_mode(settings, request)
        try:
            said = self._child(stanza, settings).ask(self._described(stanza, settings, match, mode, request))
        except ChildError as exc:
            raise RestError(500, f"{settings.get('script')} did not answer: {exc}. See splunkd.log") from exc
        if "error" in said:
            raise RestError(500, f"{settings.get('script')}: {said['error']}. See splunkd.log")
        answer = said["answer"]
        if isinstance(answer, str):
            answer = {"payload": answer}
        payload = answer.get("payload", "")
        body = payload if isinstance(payload, str) else json.dumps(payload)
        headers = {name.lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
        kind = headers.pop("content-type", _KINDS[mode])
        return Raw(int(answer.get("status", 200)), body.encode(), kind, tuple(headers.items()))

    def _child(self, stanza: str, settings: Mapping[str, str]) -> Child:
        with self._lock:
            child = self._children.get(stanza)
            if child is None or not child.is_alive:
                script = str(self._nursery.surroundings.bin_dir / settings.get("script", ""))
                arguments = [script, settings.get("handler", ""), settings.get("script.param", "")]
                child = self._nursery.start("-m", "splunk.persistconn.appserver", *arguments)
                self._children[stanza] = child
            return child

    def _described(
        self, stanza: str, settings: Mapping[str, str], match: Tuple[str, ...], mode: str, request: Request
    ) -> Dict[str, Any]:
        uri = self._nursery.surroundings.splunkd_uri
        described: Dict[str, Any] = {
            "output_mode": mode,
            "output_mode_explicit": bool(request.argument("output_mode")),
            "server": {
                "rest_uri": uri,
                "hostname": "stand-in",
                "servername": "stand-in",
                "guid": "00000000-0000-0000-0000-000000000000",
            },
            "query": [list(pair) for pair in request.query],
            "form": [list(pair) for pair in request.form],
            "connection": {
                "src_ip": "127.0.0.1",
                "ssl": uri.startswith("https"),
                "listening_port": urlsplit(uri).port,
            },
            "rest_path": "/" + "/".join(request.path),
            "method": request.method,
            "lang": "en-US",
            "ns": {"app": request.app, "user": request.owner},
        }
        if request.path[len(match) :]:
            described["path_info"] = "/".join(request.path[len(match) :])
        if is_on(settings.get("passConf", "true")):
            described["restmap"] = {"name": stanza, "conf": dict(settings)}
        if request.user and is_on(settings.get("passSession", "true")):
            described["session"] = {"user": request.user.name, "authtoken": request.session_key}
        if is_on(settings.get("passSystemAuth", "false")):
            described["system_authtoken"] = self._users.system_key
        if is_on(settings.get("passPayload", "false")):
            described["payload"] = request.body.decode("utf-8", "replace")
        if is_on(settings.get("passHttpHeaders", "false")):
            described["headers"] = [list(pair) for pair in request.headers]
        return described


def _output_mode(settings: Mapping[str, str], request: Request) -> str:
    allowed = [mode.strip() for mode in settings.get("output_modes", "json, xml").split(",") if mode.strip() in _KINDS]
    asked = request.argument("output_mode") or allowed[0]
    if asked not in allowed:
        raise RestError(400, f"output_mode={asked} is not one of {', '.join(allowed)}")
    return asked
