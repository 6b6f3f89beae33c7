"""How the stand-in runs an alert's actions: what the process is given, and what splunkd notes of its end."""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from lab.splunkd import SplunkdStandIn
from lab.splunkd.alert_actions import AlertActions

#: Writes what it was given beside its results, and ends as it was told.
SCRIPT = """
import json, sys, time
given = json.load(sys.stdin)
with open(given["results_file"] + ".given", "w") as file:
    json.dump({"arguments": sys.argv[1:], "configuration": given["configuration"], "result": given["result"]}, file)
print("ERROR it went wrong", file=sys.stderr)
time.sleep(float(given["configuration"].get("sleep", 0)))
sys.exit(int(given["configuration"]["status"]))
"""
CONF = "[act]\nis_custom = 1\npayload_format = json\nmaxresults = 2\nparam.status = 0\nparam.text = of $name$\n"
ROWS = [{"a": "1", "b": ["x", "y;$"]}, {"a": "2"}, {"a": "3"}]


@pytest.fixture
def actions(tmp_path: Path) -> Iterator[AlertActions]:
    app = tmp_path / "app"
    (app / "bin").mkdir(parents=True)
    (app / "default").mkdir()
    (app / "bin" / "act.py").write_text(SCRIPT)
    (app / "default" / "app.conf").write_text("[package]\nid = app\n")
    (app / "default" / "alert_actions.conf").write_text(CONF)
    with SplunkdStandIn(app, splunk_home=tmp_path / "splunk") as splunkd:
        yield AlertActions(splunkd, sys.executable)


def given(ran: Any) -> Dict[str, Any]:
    return json.loads(Path(ran.payload["results_file"] + ".given").read_text())


def log(actions: AlertActions) -> List[str]:
    return actions._log.read_text().splitlines()


def test_parameters_come_from_three_places_and_rows_in_a_file(actions: AlertActions) -> None:
    stanza = {"action.act": "1", "action.act.param.text": "$result.a$", "action.email": "1"}
    ((name, (ran,)),) = actions.run_alert("mine", stanza, ROWS).items()
    assert (name, ran.status) == ("act", 0)
    found = given(ran)
    assert found["arguments"] == ["--execute"] and found["configuration"] == {"status": "0", "text": "1"}
    assert found["result"] == {"a": "1", "b": ["x", "y;$"]}
    with gzip.open(ran.payload["results_file"], "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["a"] for row in rows] == ["1", "2"], "no more than maxresults"
    assert (rows[0]["b"], rows[0]["__mv_b"]) == ("x\ny;$", "$x$;$y;$$$")
    assert actions.run("act", ROWS, params={"text": "$name$!"}).status == 0


def test_each_result_is_a_process_of_its_own(actions: AlertActions) -> None:
    ran = actions.run_alert("mine", {"action.act": "1", "alert.digest_mode": "0"}, ROWS)["act"]
    assert [given(each)["result"]["a"] for each in ran] == ["1", "2", "3"]


def test_an_end_is_noted_and_nothing_is_repeated(actions: AlertActions) -> None:
    assert actions.run("act", ROWS, params={"status": "2"}).status == 2
    lines = log(actions)
    assert len(lines) == 3 and "STDERR -  ERROR it went wrong" in lines[0]
    assert "exit code=2" in lines[1] and "Alert script returned error code 2" in lines[2]


def test_an_action_that_takes_too_long_is_killed(actions: AlertActions) -> None:
    actions._splunkd.state.set_stanza("alert_actions", "act", {"maxtime": "1s"})
    assert actions.run("act", ROWS, params={"sleep": "300"}).status < 0
