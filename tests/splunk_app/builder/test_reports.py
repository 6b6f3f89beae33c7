"""What Splunk's checkers say of the built app. Their exit status says nothing, so their reports are read."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

import pytest

from .conftest import ROOT

#: AppInspect's check -> (files it may warn about, why that is accepted). "None" is the app as a whole.
EXPECTED_WARNINGS: Dict[str, Tuple[Tuple[str, ...], str]] = {
    "check_for_splunk_js": (
        ("appserver/static/js/build/entry_page.js",),
        "UCC's page; the message itself says to ignore it",
    ),
    "check_for_splunk_js_header_and_footer_view": (
        ("appserver/static/js/build/entry_page.js",),
        "UCC's page; every UCC add-on has it",
    ),
    "check_for_custom_mako_templates": (
        ("appserver/templates/base.html",),
        "UCC's page, plain HTML; what Splunk 10.4 does to it, and what to do then, is in docs/install.md",
    ),
    "check_for_python_script_existence": (("None",), "asks for Python 3, which is all this app knows"),
    "check_for_modular_inputs": (("README/inputs.conf.spec",), "the message itself says that no action is required"),
    "check_collections_conf": (("default/collections.conf",), "the message itself says that no action is required"),
    "check_for_optional_operating_system_services": (
        ("lib/collectors/polling/memory.py",),
        "a mapped file: every system that Splunk runs on has them",
    ),
    "check_python_sdk_version": (
        ("lib/splunklib/__init__.py", "lib/splunk_sdk-2.1.1.dist-info/METADATA"),
        "SDK 3 needs Python 3.13, and Splunk 9.3 to 10.0 have 3.9",
    ),
    "check_for_possible_threading": (
        (
            "bin/search_command/elasticsearch/workers.py",  # encodes rows in further processes, ended with the search
            "lib/botocore/credentials.py",  # credential_process, when a profile of the administrator has one
            "lib/dateutil/zoneinfo/rebuild.py",  # never called
            "lib/solnlib/concurrent/thread_pool.py",  # never called
            "lib/solnlib/modular_input/modinput.py",  # never called
            "lib/solnlib/splunkenv.py",  # asks btool
        ),
        "short-lived children and threads, all ended with the search",
    ),
    "check_for_supported_tls": (
        ("lib/solnlib/rest.py", "lib/solnlib/splunk_rest_client.py", "lib/splunktaucclib/legacy/rest.py"),
        "Splunk's own libraries, talking to the local splunkd",
    ),
    "check_hostnames_and_ips": (
        ("lib/PySocks-1.7.1.dist-info/METADATA", "default/searchbnf.conf"),
        "addresses for documentation, in examples",
    ),
    "check_ucc_dependencies": (
        ("lib/splunktaucclib/__init__.py", "lib/solnlib/__init__.py"),
        "the message itself says that no action is required",
    ),
}
#: (check, folder) -> why it may warn there, or not: pages come and go.
MAY_WARN = {("check_hostnames_and_ips", "docs"): "addresses for documentation, in examples"}
#: slim knows Splunk 8.2 at most: settings that came later, or that it forgot -> why they are right.
EXPECTED_UNDEFINED = {
    ("app.conf", "supported_themes"): "since Splunk 8.2; for dark pages",
    ("alert_actions.conf", "python.version"): "since Splunk 8.0",
    ("commands.conf", "python.version"): "since Splunk 8.0",
    ("restmap.conf", "python.version"): "since Splunk 8.0",
    **{
        ("inputs.conf", name): "in every stanza of a modular input; slim knows those of the app's spec only"
        for name in ("interval", "start_by_shell", "python.version")
    },
}
#: Called [replicationBlacklist] in the Splunk that slim knows.
UNKNOWN_STANZA = "Setting validation is disabled for [replicationDenylist]"


@pytest.fixture(scope="module")
def reports(archive: Path) -> Path:
    made = subprocess.run([ROOT / "script" / "check-app"], capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    return archive.parent / "reports"


@pytest.fixture(scope="module")
def appinspect(reports: Path) -> Dict[str, Any]:
    return json.loads((reports / "appinspect.json").read_text("utf-8"))


def checks(appinspect: Dict[str, Any], result: str) -> Iterator[Dict[str, Any]]:
    (report,) = appinspect["reports"]
    for group in report["groups"]:
        yield from (check for check in group["checks"] if check["result"] == result)


@pytest.mark.parametrize("result", ["error", "failure", "future_failure"])
def test_appinspect_finds_nothing_that_splunk_cloud_refuses(appinspect: Dict[str, Any], result: str) -> None:
    found = {check["name"]: [m["message"] for m in check["messages"]] for check in checks(appinspect, result)}
    assert found == {}
    assert appinspect["summary"][result] == 0


def test_appinspect_really_looked(appinspect: Dict[str, Any]) -> None:
    (report,) = appinspect["reports"]
    assert report["app_name"] == "AWS SIEM Bridge"
    assert appinspect["summary"]["success"] > 100
    assert appinspect["summary"]["skipped"] == 0


def test_every_warning_of_appinspect_is_expected(appinspect: Dict[str, Any]) -> None:
    unexpected: List[str] = []
    seen = set()
    for check in checks(appinspect, "warning"):
        files, _ = EXPECTED_WARNINGS.get(check["name"], ((), ""))
        for message in check["messages"]:
            if message["result"] != "warning":
                continue
            file = message.get("message_filename") or ""
            if (check["name"], file.partition("/")[0]) in MAY_WARN:
                continue
            if check["name"] in EXPECTED_WARNINGS and file in files:
                seen.add((check["name"], file))
            else:
                unexpected.append(f"{check['name']}: {file}: {message['message']}")
    assert unexpected == []
    expected = {(name, file) for name, (files, _) in EXPECTED_WARNINGS.items() for file in files}
    assert expected - seen == set(), "no longer warned about: take it out of the list"


def test_slim_finds_no_setting_that_splunk_does_not_know(reports: Path) -> None:
    text = (reports / "slim.txt").read_text("utf-8")
    assert "App validation complete" in text
    assert "[ERROR]" not in text
    warnings = [line for line in text.splitlines() if "[WARNING]" in line and UNKNOWN_STANZA not in line]
    assert text.count(UNKNOWN_STANZA) == 1
    undefined = [re.search(r"Undefined setting in (\S+), stanza \[.*\]: (\S+)$", line) for line in warnings]
    assert [line for line, match in zip(warnings, undefined) if not match] == []
    assert {match.groups() for match in undefined if match} == set(EXPECTED_UNDEFINED)
