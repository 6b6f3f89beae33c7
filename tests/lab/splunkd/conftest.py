"""A small app with handlers of every kind, and the stand-in that serves it."""

import http.client
import json
import os
import sys
import urllib.parse
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, Optional, Tuple

import pytest
import splunklib.client

from lab.splunkd import SplunkdStandIn, User

APP = "test_app"
ADMIN = User("root", ("admin",))
FILES = {
    "default/app.conf": "[package]\nid = test_app\n[ui]\nlabel = Test & App\n[install]\nbuild = 7\n",
    "default/colours.conf": "# comment\n[default]\nshade = dark\n[red]\ncode = f00\ntext = one\\\ntwo\nsum = d = e\n",
    "default/authorize.conf": "[capability::paint]\n[role_admin]\npaint = enabled\n[role_painter]\nimportRoles = user\n"
    "paint = enabled\n",
    "default/collections.conf": "[states]\n",
    "README/pens.conf.spec": "[<name>]\n",
    "metadata/default.meta": "[]\naccess = read : [ * ], write : [ admin, painter ]\n"
    "[secret]\naccess = read : [ admin ], write : [ admin ]\n",
    "default/secret.conf": "[x]\ny = 1\n",
    "default/restmap.conf": """
[script:echo]
match = /test/echo
script = echo_handler.py
scripttype = persist
handler = echo_handler.Echo
output_modes = json

[script:system]
match = /test/system
script = echo_handler.py
scripttype = persist
handler = echo_handler.Echo
passSystemAuth = true
passPayload = true
passHttpHeaders = true
passConf = false
passSession = false
capability.post = paint

[script:open]
match = /test/open
script = echo_handler.py
scripttype = persist
handler = echo_handler.Echo
requireAuthentication = false

[script:broken]
match = /test/broken
script = broken_handler.py
scripttype = persist
handler = broken_handler.Broken

[admin:all]
match = /
members = test_app_pen, test_app_readonly
capability.post = paint and search
capability.delete = nobody_has_this or paint

[admin_external:test_app_pen]
handlertype = python
handlerfile = pen_handler.py
handleractions = edit, list, remove, create

[admin_external:test_app_readonly]
handlertype = python
handlerfile = pen_handler.py
handleractions = list
""",
    "default/web.conf": "[expose:pen]\npattern = test_app_pen\nmethods = POST, GET\n"
    "[expose:pens]\npattern = test_app_pen/*\nmethods = POST, GET, DELETE\n",
    "default/data/ui/views/settings.xml": '<view template="test_app:/templates/base.html" type="html"/>',
    "default/data/ui/views/other.xml": "<dashboard/>",
    "default/data/ui/nav/default.xml": '<nav><view name="other"/><view name="settings" default="true"/></nav>',
    "appserver/templates/base.html": "<html>the page</html>",
    "appserver/static/js/page.js": "let a = 'ü';",
    "static/appIcon.png": "icon",
    "bin/echo_handler.py": """
import json, os, sys
from splunk.persistconn.application import PersistentServerConnectionApplication
import splunk.rest

class Echo(PersistentServerConnectionApplication):
    def __init__(self, command_line, command_arg):
        super().__init__()
        self.calls = 0

    def handle(self, in_string):
        request = json.loads(in_string)
        do = dict(request["form"]).get("do", "")
        self.calls += 1
        print("printed to stdout", flush=True)
        if do == "die":
            os._exit(3)
        if do == "raise":
            raise RuntimeError("told to")
        if do == "text":
            return {"payload": "plain & simple", "status": 202, "headers": {"Content-Type": "text/plain", "X-A": "b"}}
        if do == "hang":
            import threading
            with open(dict(request["form"])["file"], "w") as file:
                file.write(str(os.getpid()))
            threading.Event().wait()
        answer = {"request": request, "pid": os.getpid(), "calls": self.calls, "file": os.path.abspath(__file__),
                  "python": sys.version_info[:2]}
        if do == "rest":
            response, body = splunk.rest.simpleRequest(
                "/services/authentication/current-context", request["system_authtoken"], {"output_mode": "json"})
            answer["rest"] = [response.status, json.loads(body)["entry"][0]["content"]["username"]]
        return {"payload": answer, "status": 200}
""",
    "bin/broken_handler.py": "raise SystemExit('not importable')\n",
    "bin/pen_handler.py": """
import os, sys
from splunk import admin, getSessionKey

class Pens(admin.MConfigHandler):
    def setup(self):
        if self.requestedAction in (admin.ACTION_CREATE, admin.ACTION_EDIT):
            self.supportedArgs.addReqArg("colour")
            self.supportedArgs.addOptArg("do")
        if self.requestedAction == admin.ACTION_LIST:
            self.supportedArgs.addOptArg("--cred--")

    def handleList(self, confInfo):
        pens = self.readConf("pens")
        names = [self.callerArgs.id] if self.callerArgs.id else sorted(pens)
        for name in names:
            if name not in pens:
                raise admin.NotFoundException("no pen " + name)
            confInfo[name]["colour"] = pens[name]["colour"]
            confInfo[name]["disabled"] = False
            confInfo[name]["owner"] = self.userName
            confInfo[name]["cred"] = self.callerArgs.data.get("--cred--", [""])[0]
            confInfo[name].setMetadata("eai:acl", {"owner": "nobody", "sharing": "global"})
            confInfo[name].setMetadata("eai:attributes", {"requiredFields": ["colour"], "optionalFields": ["do"]})

    def handleCreate(self, confInfo):
        do = (self.callerArgs.data.get("do") or [""])[0]
        if do == "die":
            sys.exit(4)
        if do == "invalid":
            raise admin.ArgValidationException("colour is not a colour")
        if do == "raise":
            raise ValueError('odd "thing" <b>')
        if do == "main":
            import __main__
            colour = __main__.__file__ + " " + str(getSessionKey() == self.getSessionKey())
        else:
            colour = self.callerArgs.data["colour"][0]
        self.writeConf("pens", self.callerArgs.id, {"colour": colour})
        self.handleList(confInfo)

    handleEdit = handleCreate

    def handleRemove(self, confInfo):
        import splunk.rest
        splunk.rest.simpleRequest(
            "/servicesNS/nobody/test_app/configs/conf-pens/" + self.callerArgs.id,
            self.getSessionKey(), method="DELETE", raiseAllErrors=True)

admin.init(Pens, admin.CONTEXT_APP_ONLY)
""",
}


@dataclass(frozen=True)
class Reply:
    """What splunkd answered."""

    status: int
    headers: Dict[str, str]
    body: bytes
    cookies: Tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def said(self) -> str:
        """The one message of an error."""
        (message,) = self.json["messages"]
        return message["text"]

    @property
    def contents(self) -> Dict[str, Dict[str, Any]]:
        return {entry["name"]: entry["content"] for entry in self.json["entry"]}


Call = Callable[..., Reply]


def request(uri: str, method: str, path: str, headers: Dict[str, str], body: Optional[bytes] = None) -> Reply:
    """Send one request, to a server on loopback without TLS."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(uri).netloc, timeout=60)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return Reply(
            reply.status, dict(reply.getheaders()), reply.read(), tuple(reply.headers.get_all("Set-Cookie", []))
        )
    finally:
        connection.close()


@pytest.fixture(scope="session")
def app_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app's folder."""
    folder = tmp_path_factory.mktemp("apps") / APP
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def splunk_python() -> str:
    """The interpreter under test: what Splunk would run the handlers with."""
    return os.environ.get("AWS_SIEM_BRIDGE_SPLUNK_PYTHON") or sys.executable


@pytest.fixture
def splunkd(app_dir: Path, splunk_python: str) -> Iterator[SplunkdStandIn]:
    """The app served, with Splunk Web, its handlers run by the Python under test."""
    with SplunkdStandIn(app_dir, python=splunk_python, web=True, web_user=ADMIN) as splunkd:
        yield splunkd


@pytest.fixture
def call(splunkd: SplunkdStandIn) -> Call:
    """Return a function that sends a request as a user and asks for JSON."""

    def send(method: str, path: str, user: Optional[User] = ADMIN, **form: str) -> Reply:
        headers = {"Authorization": f"Splunk {splunkd.state.session(user)}"} if user else {}
        if not path.startswith("/"):
            path = f"/servicesNS/nobody/{APP}/{path}"
        path += ("&" if "?" in path else "?") + "output_mode=json"
        body = urllib.parse.urlencode(form).encode() if method == "POST" else None
        return request(splunkd.uri, method, path, headers, body)

    return send


@pytest.fixture
def sdk(splunkd: SplunkdStandIn) -> Callable[..., splunklib.client.Service]:
    """Return a function that connects Splunk's SDK as a user."""

    def connect(user: User = ADMIN) -> splunklib.client.Service:
        uri = urllib.parse.urlsplit(splunkd.uri)
        return splunklib.client.connect(
            host=uri.hostname,
            port=uri.port,
            scheme=uri.scheme,
            token=splunkd.state.session(user),
            app=APP,
            owner="nobody",
        )

    return connect
