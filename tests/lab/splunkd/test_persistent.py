"""Persistent scripts: what they are told, what becomes of their answers, and what when they die."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Dict, List

import psutil
import pytest

from lab.splunkd import SplunkdStandIn, User

from .conftest import ADMIN, APP, Call, request

pytestmark = pytest.mark.splunk_python
KIM = User("kim")


def test_what_a_script_is_told(call: Call, splunkd: SplunkdStandIn, app_dir: Path) -> None:
    told = call("POST", "/services/test/echo/more/path?a=1&a=2", KIM, cluster="", x="ü&").json
    asked = told["request"]
    assert asked["method"] == "POST"
    assert asked["form"] == [["cluster", ""], ["x", "ü&"]]
    assert asked["query"] == [["a", "1"], ["a", "2"], ["output_mode", "json"]]
    assert asked["rest_path"] == "/test/echo/more/path"
    assert asked["path_info"] == "more/path"
    assert asked["server"]["rest_uri"] == splunkd.uri
    assert asked["output_mode"] == "json"
    assert asked["restmap"]["conf"]["handler"] == "echo_handler.Echo"
    assert asked["session"]["user"] == "kim"
    assert splunkd.state.users.of_session(asked["session"]["authtoken"]) == KIM
    for hidden in ("system_authtoken", "payload", "headers"):
        assert hidden not in asked
    # The script lies where libraries look for the app's name.
    assert told["file"] == str(splunkd.splunk_home / "etc" / "apps" / APP / "bin" / "echo_handler.py")
    assert (splunkd.splunk_home / "etc" / "apps" / APP).resolve() == app_dir.resolve()


def test_what_a_script_is_told_when_it_asks_for_more_and_for_less(call: Call) -> None:
    told = call("POST", f"/servicesNS/kim/{APP}/test/system", ADMIN, do="rest").json
    asked = told["request"]
    assert asked["payload"] == "do=rest"
    assert ["Content-Length", "7"] in asked["headers"]
    assert "authorization" not in {name.lower() for name, _ in asked["headers"]}
    assert "session" not in asked
    assert "restmap" not in asked
    assert asked["ns"] == {"user": "kim", "app": APP}
    # Its token is of splunkd's own user, and works.
    assert told["rest"] == [200, "splunk-system-user"]


def test_one_process_answers_request_after_request(call: Call) -> None:
    first, second = (call("GET", "/services/test/echo").json for _ in range(2))
    assert (first["pid"], first["calls"], second["calls"]) == (second["pid"], 1, 2)
    other = call("GET", "/services/test/open").json
    assert other["pid"] != first["pid"]
    found: List[Dict[str, int]] = []
    threads = [threading.Thread(target=lambda: found.append(call("GET", "/services/test/echo").json)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told["calls"] for told in found) == list(range(3, 11))


def test_answer_as_the_script_gives_it(call: Call) -> None:
    reply = call("POST", "/services/test/echo", do="text")
    assert (reply.status, reply.body) == (202, b"plain & simple")
    assert reply.headers["Content-Type"] == "text/plain"
    assert reply.headers["x-a"] == "b"


def test_script_that_dies_is_started_again(call: Call) -> None:
    before = call("GET", "/services/test/echo").json["pid"]
    died = call("POST", "/services/test/echo", do="die")
    assert died.status == 500
    assert "echo_handler.py did not answer" in died.said
    after = call("GET", "/services/test/echo").json
    assert after["pid"] != before
    assert after["calls"] == 1
    # And when it dies between two requests, nobody notices.
    process = psutil.Process(after["pid"])
    process.kill()
    psutil.wait_procs([process], timeout=30)
    assert call("GET", "/services/test/echo").status == 200


def test_script_that_raises_lives_on(call: Call, splunkd: SplunkdStandIn) -> None:
    before = call("GET", "/services/test/echo").json["pid"]
    raised = call("POST", "/services/test/echo", do="raise")
    assert raised.status == 500
    assert "RuntimeError" in raised.said
    assert "told to" not in raised.said
    assert call("GET", "/services/test/echo").json["pid"] == before
    log = (splunkd.splunk_home / "var" / "log" / "splunk" / "splunkd.log").read_text()
    assert "RuntimeError: told to" in log
    assert "printed to stdout" in log


def test_script_that_cannot_be_imported(call: Call, splunkd: SplunkdStandIn) -> None:
    assert call("GET", "/services/test/broken").status == 500
    assert "not importable" in (splunkd.splunk_home / "var" / "log" / "splunk" / "splunkd.log").read_text()


def test_who_may_call(call: Call) -> None:
    assert call("GET", "/services/test/system", KIM).status == 200
    refused = call("POST", "/services/test/system", KIM)
    assert refused.status == 403
    assert call("POST", "/services/test/system", User("p", ("painter",))).status == 200
    assert call("GET", "/services/test/echo", None).status == 401
    nobody = call("GET", "/services/test/open", None)
    assert nobody.status == 200
    assert "session" not in nobody.json["request"]


def test_output_mode_that_a_script_does_not_have(splunkd: SplunkdStandIn) -> None:
    headers = {"Authorization": f"Splunk {splunkd.state.session(KIM)}"}
    assert request(splunkd.uri, "GET", "/services/test/echo?output_mode=xml", headers).status == 400
    plain = request(splunkd.uri, "GET", "/services/test/echo", headers)
    assert plain.json["request"]["output_mode"] == "json"


def test_interpreter_of_the_scripts(call: Call, splunk_python: str) -> None:
    script = "import sys; print(list(sys.version_info[:2]))"
    version = subprocess.run([splunk_python, "-c", script], capture_output=True, text=True).stdout
    assert str(call("GET", "/services/test/echo").json["python"]) == version.strip()


STAND_IN = """
import sys, threading, urllib.request
from pathlib import Path
from lab.splunkd import SplunkdStandIn, User
with SplunkdStandIn(Path(sys.argv[1]), python=sys.argv[3]) as splunkd:
    key = splunkd.state.session(User("u"))
    call = urllib.request.Request(splunkd.uri + "/services/test/echo", b"do=hang&file=" + sys.argv[2].encode())
    call.add_header("Authorization", "Splunk " + key)
    urllib.request.urlopen(call)
"""


@pytest.mark.parametrize("killed", [True, False])
def test_child_in_the_middle_of_a_request_goes_with_the_stand_in(
    app_dir: Path, tmp_path: Path, splunk_python: str, killed: bool
) -> None:
    told = tmp_path / "pid"
    arguments = [sys.executable, "-c", STAND_IN, str(app_dir), str(told), splunk_python]
    # One that is killed leaves its folder: not on the machine.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    stand_in = subprocess.Popen(arguments, cwd=Path(__file__).parents[3], env=environment, stderr=subprocess.DEVNULL)
    try:
        while not (told.exists() and told.read_text()):
            assert stand_in.poll() is None
        child = psutil.Process(int(told.read_text()))
        assert child.ppid() == stand_in.pid
        if killed:
            stand_in.kill()
        else:
            stand_in.send_signal(2)
        stand_in.wait(60)
        gone, alive = psutil.wait_procs([child], timeout=60)
        assert not alive
    finally:
        stand_in.kill()
        stand_in.wait()


def test_home_of_its_own_and_one_that_is_given(app_dir: Path, tmp_path: Path) -> None:
    with SplunkdStandIn(app_dir, splunk_home=tmp_path / "home") as splunkd:
        assert splunkd.splunk_home == tmp_path / "home"
        assert (splunkd.splunk_home / "var" / "run" / "splunk" / "splunkd.pid").read_text().split() == [
            str(os.getpid())
        ]
    assert (tmp_path / "home" / "etc" / "apps" / APP).is_symlink()
    with SplunkdStandIn(app_dir, splunk_home=tmp_path / "home"):
        pass
    with SplunkdStandIn(app_dir) as splunkd:
        temporary = splunkd.splunk_home
        assert temporary.is_dir()
    assert not temporary.exists()
