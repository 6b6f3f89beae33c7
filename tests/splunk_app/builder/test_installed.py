"""The installed app on Splunk's Pythons, with nothing to import but what it carries."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from lab.app_command import AppCommand
from lab.aws import AwsAccount
from lab.splunkd import ModularInput, SplunkdStandIn, User, add_cluster
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
    folders = (
        *("lib/es_bridge", "lib/aws_bridge", "lib/collectors"),
        *(
            "bin/splunk_host",
            "bin/cluster_settings",
            "bin/search_command",
            "bin/aws_inputs",
            "bin/aws_account_settings",
            "bin/event_collector_settings",
        ),
    )
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


def test_an_input_brings_findings(
    installed_app: Path, bare_python: str, aws_account: AwsAccount, tmp_path: Path
) -> None:
    """With the descriptions of AWS's services that the app carries, and checkpoints in the KV store."""
    for product in ("guardduty", "securityhub_v2"):
        aws_account.enable(product, "eu-west-1")
        aws_account.add(product, "eu-west-1", count=3, at="2026-11-20T10:00:00.000Z", step_ms=1)
    with SplunkdStandIn(installed_app, splunk_home=tmp_path, python=bare_python) as splunkd:
        environment = aws_account.environment()
        for kind, more in (("aws_guardduty", {}), ("aws_security_hub", {"product": "ocsf", "sweep_every_s": 0})):
            running = ModularInput(splunkd, kind, bare_python, environment).run(
                "prod", regions="eu-west-1", start_date="2026-11-01", **more
            )
            running.wait_for(lambda events: len([each for each in events if "version_key" in each["_raw"]]) == 3)
            assert (running.stop(), running.stderr) == (0, "")
        saved = splunkd.state.collections.find("aws_siem_bridge_checkpoints", {})
        place = f"{aws_account.id}/eu-west-1"
        assert {document["name"] for document in saved} == {
            "aws_guardduty://prod/day",
            "aws_security_hub://prod/day",
            f"aws_guardduty://prod/{place}/guardduty",
            f"aws_security_hub://prod/{place}/securityhub_v2",
        }
