"""The workflow of an incident, executed by the stand-in. What is open is read from AWS, not from what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

import pytest

from lab.state_machines import lint
from response.core.requests import Request
from response.state_machines import definition
from tests.response.server_room import ServerRoom
from tests.response.workshop import Workshop


@pytest.fixture(scope="module")
def workshop(room: ServerRoom) -> Iterator[Workshop]:
    with Workshop(room) as made:
        made.set(mode="live", most_an_hour=100)
        yield made


def tasks(states: Dict[str, Any]) -> Set[str]:
    """Return the names of all states that call a function, those of branches too."""
    found = {name for name, state in states.items() if state["Type"] == "Task"}
    for state in states.values():
        for branch in state.get("Branches", ()):
            found |= tasks(branch["States"])
    return found


def test_the_file_is_what_the_definition_says():
    assert definition.FILE.read_text() == definition.text()


def test_the_linters_find_nothing():
    assert lint(definition.FILE) == ""
    program = Path(sys.executable).with_name("statelint")
    said = subprocess.run([str(program), str(definition.FILE)], capture_output=True, text=True, check=False).stdout
    # AWS takes an expression there; statelint 3.1 does not know:
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    assert [line.split(" is ")[0].strip() for line in said.splitlines()[1:]] == [
        "State Machine.States.Ask.TimeoutSeconds"
    ]


def test_the_validator_is_one(tmp_path):
    known = definition.definition()
    known["States"]["Hard"]["Next"] = "Nowhere"
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(known))
    assert "Nowhere" in lint(wrong)


def test_every_step_leads_on_whatever_becomes_of_it():
    for name, state in definition.states().items():
        if state["Type"] in ("Task", "Parallel"):
            assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


def test_the_whole_response_isolates_softly_collects_isolates_and_says_so(room, workshop):
    target = room.server(interfaces=2)
    before = room.groups_of(target)
    started = workshop.respond(target)
    status, output = workshop.ended(started.incident)
    assert (status, output.get("result"), output.get("problems")) == ("SUCCEEDED", "done", ""), output
    assert "is isolated, read back" in output["says"] and not room.is_open(target)
    steps = [name for name, event in workshop.server.calls if event.get("incident") == started.incident]
    order = [name for name in steps if name not in ("publish_status", "notify", "collect_context")]
    assert order == [
        "isolate", "collect_volatile", "snapshot", "isolate", "snapshot", "snapshot", "collect_logs", "archive",
        "update_finding", "finish",
    ]  # fmt: skip
    assert [each["mode"] for each in workshop.called("isolate", started.incident)] == ["soft", "hard"]
    assert [each["kind"] for each in workshop.called("notify", started.incident)] == ["began", "ended"]
    statuses = workshop.statuses(started.incident)
    told = {name: (each["state"], each["result"]) for name, each in statuses.items()}
    assert told.pop("begin") == ("started", "started") and told.pop("end") == ("finished", "done")
    assert set(told) == {
        "soft_isolation", "notify", "collect_volatile", "collect_context", "snapshot", "hard_isolation", "collect_logs",
        "archive", "update_finding",
    }  # fmt: skip
    assert set(told.values()) == {("step", "done"), ("step", "already_done")} or told["hard_isolation"][1] == "done"
    assert {(each["rid"], each["search"], each["sid"][:4]) for each in statuses.values()} == {("3", "Beacons", "sid-")}
    assert workshop.incident(target).outcome == "done"
    # A later alert is attached; a release of Splunk's ends the incident, and the same alert opens the next.
    assert workshop.respond(target).result == "attached"
    (asked,) = workshop.ask(Request("sid-r", [{"instance": target.instance, "account": target.account,
                                               "region": target.region}], "release_instance", "r1"))  # fmt: skip
    assert asked.result == "started"
    (name,) = [each for each in names(workshop) if each.startswith(f"{target.instance}-release")]
    assert workshop.ended(name)[1]["result"] == "done"
    assert room.groups_of(target) == before and workshop.incident(target).state == "released"
    assert workshop.respond(target).incident == f"{target.instance}-2"


def names(workshop: Workshop) -> List[str]:
    return [each["name"] for each in workshop.steps.list_executions(stateMachineArn=workshop.machine)["executions"]]
