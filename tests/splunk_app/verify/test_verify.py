"""``script/verify-splunk`` against the stand-in for splunkd, with the built app and a real engine."""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_app.verify import cli
from splunk_app.verify.checks import CHECKS
from tests.splunk_app.conftest import Store

PAGE = Path(__file__).resolve().parents[3] / "docs" / "verify_on_splunk.md"
PASSWORD = "admin-password-1"
#: What the stand-in or a small index cannot show; on a real Splunk they are made.
NOT_HERE = {"D1", "D3"}


@pytest.fixture(scope="module")
def splunkd(built_app: Path) -> Iterator[SplunkdStandIn]:
    with SplunkdStandIn(built_app) as server:
        server.state.users.set_password(User("admin", ("admin",)), PASSWORD)
        yield server


@pytest.fixture(scope="module")
def index(splunkd: SplunkdStandIn, engine: Any) -> str:
    store = Store(engine)
    name = f"aws-cloudtrail-verify{uuid.uuid4().hex[:8]}-1"
    store.fill(({"eventName": f"Run{n % 3}", "eventID": str(n)} for n in range(300)), name=name)
    store.fill([{"action": "BLOCK"}], name=f"aws-waf-verify{uuid.uuid4().hex[:8]}")
    add_cluster(splunkd.state, store.config, access={})
    return name[:-1] + "*"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cli.PASSWORD_VARIABLE, PASSWORD)


def verify(splunkd: SplunkdStandIn, index: str, tmp_path: Path, *more: str) -> tuple[int, Dict[str, Any]]:
    report = tmp_path / "report.json"
    status = cli.main(["--url", splunkd.uri, "--index", index, "--report", str(report), *more])
    return status, {o["number"]: o for o in json.loads(report.read_text())["outcomes"]} if report.exists() else {}


def test_every_check_ends_as_the_page_says(splunkd: SplunkdStandIn, index: str, tmp_path: Path) -> None:
    users = {user.name for user in splunkd.state.users.known()}
    status, outcomes = verify(splunkd, index, tmp_path)
    assert not [o for o in outcomes.values() if o["outcome"] == "failed"], outcomes
    assert {number for number, o in outcomes.items() if o["outcome"] == "skipped"} <= NOT_HERE
    assert status == 0
    assert list(outcomes) == list(CHECKS)
    # Nothing is left behind.
    assert {user.name for user in splunkd.state.users.known()} == users
    assert not [role for role in splunkd.state.users.roles() if role.name.startswith("bridge_verify")]
    assert not [name for name in splunkd.state.stanzas("aws_siem_bridge_access") or {} if "verify" in name]


def test_a_fault_is_found_and_a_report_before_is_compared(
    splunkd: SplunkdStandIn, index: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "before.json"
    status, _ = verify(splunkd, index, tmp_path, "--only", "B4,E3,E10", "--report", str(before))
    assert status == 0
    # As if jobs of people had sids of an unknown form: a size that was given is then a warning.
    jobs = splunkd.state.jobs
    original = jobs.start

    def start(search: str, user: User, *rest: Any) -> Any:
        return original(search.replace("size=2", "size=2 partial=nonsense"), user, *rest)

    jobs.start = start  # type: ignore[method-assign]
    try:
        status, outcomes = verify(splunkd, index, tmp_path, "--only", "B4,E3,E10", "--compare", str(before))
    finally:
        del jobs.start
    assert status == 1
    assert {number: o["outcome"] for number, o in outcomes.items()} == {"B4": "failed", "E3": "passed", "E10": "passed"}
    assert "B4: passed before, failed now" in capsys.readouterr().out


def test_what_the_command_writes_to_stderr_is_found(
    splunkd: SplunkdStandIn, index: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho 'a warning of a library' >&2\nexec {sys.executable} \"$@\"\n")
    python.chmod(0o755)
    monkeypatch.setattr(splunkd.state.jobs, "_python", str(python))
    status, outcomes = verify(splunkd, index, tmp_path, "--only", "A7")
    assert (status, outcomes["A7"]["outcome"]) == (1, "failed")
    assert "stderr: a warning of a library" in json.dumps(outcomes["A7"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--url", "http://127.0.0.1:9"], "cannot be reached"),
        (["--only", "Z9"], "Z9 cannot be checked here"),
        (["--username", "nobody"], "Login failed"),
        (["--compare", "/nonexistent.json"], "is no report"),
    ],
)
def test_what_cannot_run_says_why(
    splunkd: SplunkdStandIn, index: str, arguments: List[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["--url", splunkd.uri, "--index", index, *arguments]) == 2
    assert said in capsys.readouterr().err


def test_an_ordinary_user_cannot_run_it(
    splunkd: SplunkdStandIn, index: str, capsys: pytest.CaptureFixture[str]
) -> None:
    splunkd.state.users.set_password(User("analyst", ("user",)), PASSWORD)
    assert cli.main(["--url", splunkd.uri, "--index", index, "--username", "analyst"]) == 2
    assert "analyst is no administrator" in capsys.readouterr().err


def test_each_check_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert not [number for number in CHECKS if f"| {number} |" not in text]
