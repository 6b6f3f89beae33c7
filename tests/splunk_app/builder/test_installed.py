"""The installed app on Splunk's Pythons, with nothing to import but what it carries."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.app_command import AppCommand
from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_bridge.chunked import Job
from splunk_bridge.command_line import parse_command_line

from ..conftest import Ended, Store

pytestmark = pytest.mark.splunk_python


def search(app: Path, splunkd: SplunkdStandIn, python: str, line: str) -> Ended:
    """Run a line as an ordinary user, in the app's own script."""
    parsed = parse_command_line(line)
    key = splunkd.state.session(User("analyst"))
    job = Job(parsed.args, parsed.raw_args, splunkd.uri, key, user="analyst")
    script = app / "bin" / "elastic_search.py"
    with AppCommand(job, python=python, script=script, home=splunkd.splunk_home) as command:
        replies = list(command.run())
        return Ended(replies, command.wait(), command.stderr(), command.audit_log())


def test_a_search_returns_every_document(installed_app: Path, bare_python: str, store: Store, tmp_path: Path) -> None:
    """Its settings come from the app's own handler, and 6,000 rows are enough to start the worker processes."""
    index = store.fill({"n": n, "eventName": "GetObject"} for n in range(6000))
    with SplunkdStandIn(installed_app, splunk_home=tmp_path, python=bare_python) as splunkd:
        add_cluster(splunkd.state, store.config)
        ended = search(installed_app, splunkd, bare_python, f"| elasticsearch index={index} size=0").done
        assert [row["n"] for row in ended.rows] == [str(n) for n in range(6000)]
        assert ended.messages == []
        assert ended.stderr == ""
        # Asked once for everything; then told which engine answered, for the next search.
        asked = [path for method, path in splunkd.requests if method == "POST"]
        assert asked == ["/services/aws_siem_bridge/search_settings"] * 2


def test_a_mistake_is_a_message(installed_app: Path, bare_python: str, store: Store, tmp_path: Path) -> None:
    with SplunkdStandIn(installed_app, splunk_home=tmp_path, python=bare_python) as splunkd:
        add_cluster(splunkd.state, store.config)
        assert "unknown option 'indx'" in search(installed_app, splunkd, bare_python, "| elasticsearch indx=x").error


def test_everything_the_app_carries_can_be_imported(installed_app: Path, bare_python: str) -> None:
    """A module that needs what is not there would fail only when a customer gets to it."""
    modules = [
        "solnlib",
        "splunktaucclib.rest_handler.admin_external",
        "splunktaucclib.rest_handler.endpoint.validator",
    ]
    folders = ("lib/es_bridge", "bin/splunk_host", "bin/cluster_settings", "bin/search_command")
    for folder, root in ((folder, folder.partition("/")[0]) for folder in folders):
        for path in sorted((installed_app / folder).rglob("*.py")):
            name = ".".join(path.relative_to(installed_app / root).with_suffix("").parts)
            modules.append(name[: -len(".__init__")] if name.endswith(".__init__") else name)
    # Splunk's own modules, which its Python has and this one has not.
    stubs = Path(__file__).resolve().parents[3] / "lab" / "splunkd" / "splunk_stubs"
    paths = [str(installed_app / "bin"), str(installed_app / "lib"), str(stubs)]
    code = f"import sys, importlib; sys.path[:0] = {paths!r}\nfor name in {modules!r}: importlib.import_module(name)"
    done = subprocess.run([bare_python, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
