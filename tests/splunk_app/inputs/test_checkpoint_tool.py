"""The command line for checkpoints: on the forwarder, with its KV store and its files, as an administrator runs it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from lab.aws import AwsAccount
from lab.splunkd import SplunkdStandIn
from lab.splunkd.users import User
from tests.splunk_app.inputs.conftest import HEALTH, PYTHON, QUICK, of

SCRIPT = Path(__file__).resolve().parents[3] / "splunk_app" / "package" / "bin" / "aws_checkpoints.py"


def tool(splunkd: SplunkdStandIn, *arguments: str, given: str = "") -> Tuple[int, str, str]:
    environment = {**os.environ, "SPLUNK_HOME": str(splunkd.splunk_home), "SPLUNK_PASSWORD": "changed!"}
    command = [PYTHON, str(SCRIPT), "--uri", splunkd.uri, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def other(tmp_path: Path) -> Iterator[SplunkdStandIn]:
    with SplunkdStandIn(splunk_home=tmp_path / "other", python=PYTHON) as running:
        yield running


@pytest.mark.parametrize("kept", ["kvstore", "file"])
def test_they_are_shown_carried_to_another_forwarder_and_reset(
    input_of, splunkd: SplunkdStandIn, other: SplunkdStandIn, aws_account: AwsAccount, kept: str
):
    for each in (splunkd, other):
        each.state.users.set_password(User("admin", ("admin",)), "changed!")
    aws_account.enable("guardduty", "eu-west-1")
    guardduty = input_of("aws_guardduty")
    settings: Any = {"regions": "eu-west-1", "checkpoints": kept, **QUICK}
    running = guardduty.run("all", **settings)
    running.wait_for(lambda events: of(events, HEALTH), 120)
    name = f"aws_guardduty://all/{aws_account.id}/eu-west-1/guardduty"
    status, out, err = tool(splunkd, "reset", name, "--yes")
    assert status == 1 and "aws_guardduty://all runs (process" in err and "disable the input first" in err
    assert running.stop() == 0

    status, out, err = tool(splunkd, "list", name)
    assert (status, err) == (0, "") and out.startswith(f"{name}  [{kept}") and "read until 20" in out
    status, exported, err = tool(splunkd, "export", "aws_guardduty://all")
    assert status == 0 and name in json.loads(exported)["checkpoints"]
    assert tool(other, "list")[1] == ""
    status, out, err = tool(other, "import", "--to", kept, given=exported)
    assert (status, out) == (0, "") and "2 imported" in err
    assert tool(other, "export", "aws_guardduty://all")[1] == exported
    status, out, err = tool(other, "import", "--to", kept, given=exported)
    assert status == 1 and "there already. Give --replace" in err
    assert tool(other, "import", given='{"form": "x"}')[0] == 1

    status, out, err = tool(splunkd, "reset", name, given="no\n")
    assert status == 1 and "paid for again" in err and "nothing is changed" in err
    status, out, err = tool(splunkd, "reset", name, given="yes\n")
    assert status == 0 and "1 reset" in err and tool(splunkd, "list", name)[1].endswith("]  reset\n")
    running = guardduty.run("all", **settings)
    running.wait_for(lambda events: any(each["status"] == "notice" for each in of(events, HEALTH)), 120)
    assert running.stop() == 0
    notice = next(each for each in of(running.events, HEALTH) if each["status"] == "notice")
    assert notice["what"] == "begins at the start date again" and notice["why"] == "its checkpoint was reset"


def test_who_may_not_sign_in_is_told(splunkd: SplunkdStandIn):
    status, out, err = tool(splunkd, "list")
    assert status == 1 and "does not let admin sign in (401)" in err and "changed!" not in err
    assert tool(splunkd, "--files-only", "list")[0] == 0
