"""Splunk Web over HTTP: an app's pages, their files, and splunkd behind ``/en-US/splunkd/__raw``.

- ``/en-US/app/<app>/<page>``: the template that ``default/data/ui/views/<page>.xml`` names; a view of Dashboard Studio
  when the bundle of ``lab.dashboards`` is given, which draws it;
- ``/en-US/static/@<any>/app/<app>/<file>``: ``appserver/static`` of the app; ``/en-US/static/@<any>/<file>``: what
  pages load of Splunk's own, in the folder ``static`` beside this module. A further file need only be there;
- ``/en-US/config`` and ``/en-US/i18ncatalog``;
- ``/en-US/splunkd/__raw/...``: splunkd's resources with the session of who is signed in; a change needs the form key.

Signing in is stubbed: whoever opens a page gets a session of the web user. So are Mako expressions in templates (UCC's
has none), ``web.conf`` but its ``[expose:...]`` stanzas for the app's own endpoints (splunkd's own are all exposed),
and everything else of Splunk: 404, and noted in `SplunkdStandIn.not_served`.
"""

from __future__ import annotations

import hmac
import json
import mimetypes
import secrets
import threading
import xml.etree.ElementTree as ET
from fnmatch import fnmatchcase
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import escape

from ..rest.access import VERSION
from ..rest.messages import Pairs, Raw
from ..rest.router import Router, rest_path
from ..state import State
from ..users import User

LOCALE = "en-US"
OWN_STATIC = Path(__file__).resolve().parent / "static"
_RAW = "/splunkd/__raw"
#: Splunk's file -> ours, where the names differ: one stub for every theme, and no folder called ``build``, which a
#: repository ignores.
_OWN_FILES = {
    "build/api/get_theme.js": "api/get_theme.js",
    "build/api/layout.js": "api/layout.js",
    "build/api/layout-dark.js": "api/layout.js",
    "build/api/layout-modern-nav.js": "api/layout.js",
}
#: Below ``static``: what draws dashboards.
_BUNDLE = "dashboards/page.js"
#: The page of a dashboard: what it shows is in it, as in Splunk's own.
_DASHBOARD = """<!DOCTYPE html>
<html lang="en-US"><head><meta charset="utf-8"><title>{title}</title>
<style>html, body, #page {{ margin: 0; min-height: 100vh }}</style>
<script src="/{locale}/config"></script>
<script type="application/json" id="dashboard">{dashboard}</script></head>
<body><div id="page"></div><script src="/{locale}/static/@1/{bundle}"></script></body></html>
"""
_FAILED_FORM_KEY = "Splunk cannot authenticate the request. CSRF validation failed."


class Pages:
    """Answers a browser."""

    def __init__(self, state: State, router: Router, port: int, user: User) -> None:
        self._state = state
        self._router = router
        self._port = port
        self._user = user
        self._app_dir = state.confs.app_dir
        self._lock = threading.Lock()
        #: ``page.js`` of ``lab.dashboards``, which draws dashboards; None: they are not served.
        self.dashboards: Optional[Path] = None
        #: Session cookie -> (splunkd's session key, form key).
        self._sessions: Dict[str, Tuple[str, str]] = {}
        web = state.stanzas("web") or {}
        self._exposed = [
            (settings.get("pattern", ""), {method.strip() for method in settings.get("methods", "GET").split(",")})
            for stanza, settings in web.items()
            if stanza.startswith("expose:")
        ]

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Optional[Raw]:
        """Return the answer to a request; None for a path nobody here knows."""
        url = urlsplit(target)
        path = unquote(url.path)
        if path in ("", "/") or path.rstrip("/") == f"/{LOCALE}":
            return _redirect(f"/{LOCALE}/app/{self._state.app}/")
        if path.startswith("/app/"):  # as links of dashboards have it
            return _redirect(f"/{LOCALE}{target}")
        if path == "/favicon.ico":
            return Raw(204, b"")
        if not path.startswith(f"/{LOCALE}/"):
            return None
        path = path[len(LOCALE) + 1 :]
        if path.startswith(_RAW + "/"):
            return self._raw(method, target[target.index(_RAW) + len(_RAW) :], headers, body)
        if method not in ("GET", "HEAD"):
            return None
        if path == "/config":
            return _script(f"window.$C = {json.dumps(self._config(headers))};")
        if path == "/i18ncatalog":
            return _script("if (window.i18n_register) { window.i18n_register({ catalog: {} }); }")
        if path.startswith("/static/"):
            return self._static(path[len("/static/") :])
        if path.startswith(f"/app/{self._state.app}"):
            return self._page(path[len(f"/app/{self._state.app}") :].strip("/"), headers)
        return None

    def _page(self, name: str, headers: Mapping[str, str]) -> Optional[Raw]:
        if not name:
            return _redirect(f"/{LOCALE}/app/{self._state.app}/{self._first_page()}")
        view = self._app_dir / "default" / "data" / "ui" / "views" / f"{name}.xml"
        if "/" in name or not view.is_file():
            return None
        root = ET.parse(view).getroot()
        template = (root.get("template") or "").rpartition(":")[2].strip("/")
        file = self._app_dir / "appserver" / template
        if template and file.is_file():
            body = file.read_bytes()
        elif self.dashboards and root.find("definition") is not None:
            body = _dashboard(root).encode()
        else:
            return None
        cookies: Pairs = ()
        if self._session(headers) is None:
            cookies = self._sign_in()
        return Raw(200, body, "text/html; charset=UTF-8", cookies)

    def _first_page(self) -> str:
        nav = self._app_dir / "default" / "data" / "ui" / "nav" / "default.xml"
        views = list(ET.parse(nav).getroot().iter("view")) if nav.is_file() else []
        # A dashboard is drawn by Splunk's own code: where that is not here, the first page that the app draws itself.
        names = page_names(self._app_dir)
        drawn = [view for view in views if self.dashboards or view.get("name", "") in names]
        default = [view.get("name", "") for view in drawn if view.get("default") == "true"]
        return (default or [view.get("name", "") for view in drawn] or ["configuration"])[0]

    def _static(self, path: str) -> Optional[Raw]:
        parts = [part for part in path.split("/") if part]
        if parts and parts[0].startswith("@"):
            parts = parts[1:]
        if ".." in parts or not parts:
            return None
        if parts[:2] == ["app", self._state.app]:
            rest = "/".join(parts[2:])
            places = [self._app_dir / "appserver" / "static" / rest, self._app_dir / "static" / rest]
        else:
            name = "/".join(parts)
            if name == _BUNDLE and self.dashboards:
                return Raw(200, self.dashboards.read_bytes(), "text/javascript; charset=UTF-8")
            places = [OWN_STATIC / _OWN_FILES.get(name, name)]
        for file in places:
            if file.is_file():
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                kind = "text/javascript" if file.suffix in (".js", ".mjs") else kind
                return Raw(200, file.read_bytes(), kind)
        return None

    def _raw(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Optional[Raw]:
        session = self._session(headers)
        if session is None:
            return _refused("call not properly authenticated")
        session_key, form_key = session
        if method != "GET" and not hmac.compare_digest(headers.get("X-Splunk-Form-Key", ""), form_key):
            return _refused(_FAILED_FORM_KEY)
        path = rest_path(target)[2]
        if self._router.is_of_app(path) and not self._is_exposed(method, path):
            return None
        forwarded = tuple((name, value) for name, value in headers.items() if name.lower() not in ("cookie", "host"))
        return self._router.handle(method, target, forwarded, body, session_key)

    def _is_exposed(self, method: str, path: Tuple[str, ...]) -> bool:
        for pattern, methods in self._exposed:
            parts = [part for part in pattern.split("/") if part]
            fits = len(parts) == len(path) and all(fnmatchcase(part, wild) for part, wild in zip(path, parts))
            if fits and method in methods:
                return True
        return False

    def _session(self, headers: Mapping[str, str]) -> Optional[Tuple[str, str]]:
        cookie: SimpleCookie = SimpleCookie(headers.get("Cookie") or "")
        morsel = cookie.get(f"splunkd_{self._port}")
        with self._lock:
            return self._sessions.get(morsel.value) if morsel else None

    def _sign_in(self) -> Pairs:
        """Start a session of the web user; return the headers that set its cookies."""
        name, form_key = secrets.token_urlsafe(32), secrets.token_hex(16)
        with self._lock:
            self._sessions[name] = (self._state.session(self._user), form_key)
        cookies = (
            f"splunkd_{self._port}={name}; Path=/; HttpOnly; SameSite=Lax",
            # Readable to the page: it sends it back as a header.
            f"splunkweb_csrf_token_{self._port}={form_key}; Path=/; SameSite=Lax",
        )
        return tuple(("Set-Cookie", cookie) for cookie in cookies)

    def _config(self, headers: Mapping[str, str]) -> Dict[str, object]:
        session = self._session(headers)
        ui = (self._state.stanzas("app") or {}).get("ui", {})
        return {
            "BUILD_NUMBER": "1000",
            "BUILD_PUSH_NUMBER": 0,
            "VERSION_LABEL": VERSION,
            "LOCALE": LOCALE,
            "LOCALE_PREFIX": f"/{LOCALE}",
            "MRSPARKLE_ROOT_PATH": "",
            "SPLUNKD_PATH": f"/{LOCALE}{_RAW}",
            "USERNAME": self._user.name,
            "FORM_KEY": session[1] if session else "",
            "MRSPARKLE_PORT_NUMBER": self._port,
            "SPLUNKWEB_PORT_NUMBER": self._port,
            "SERVER_ZONEINFO": "",
            "JS_LOGGER_MODE": "None",
            "SPLUNK_UI_THEME": "enterprise",
            "app": self._state.app,
            "app_label": ui.get("label", self._state.app),
        }


def page_names(app_dir: Path) -> List[str]:
    """Return the names of an app's pages that have a template."""
    views = sorted((app_dir / "default" / "data" / "ui" / "views").glob("*.xml"))
    return [view.stem for view in views if ET.parse(view).getroot().get("template")]


def _dashboard(view: ET.Element) -> str:
    definition = json.loads(view.findtext("definition") or "{}")
    shown = {"definition": definition, "theme": view.get("theme") or "light"}
    return _DASHBOARD.format(
        title=escape(view.findtext("label") or ""),
        dashboard=json.dumps(shown).replace("<", "\\u003c"),
        locale=LOCALE,
        bundle=_BUNDLE,
    )


def _script(text: str) -> Raw:
    return Raw(200, text.encode(), "text/javascript; charset=UTF-8", (("Cache-Control", "no-store"),))


def _redirect(path: str) -> Raw:
    return Raw(303, b"", "text/html", (("Location", path),))


def _refused(text: str) -> Raw:
    return Raw(401, json.dumps({"messages": [{"type": "ERROR", "text": text}]}).encode())
