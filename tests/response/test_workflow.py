"""The workflow of an incident, executed by the stand-in. What is open is read from AWS, not from what it says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest

from lab.state_machines import lint
from response.actions.sweep import Sweep
from response.core import cases
from response.core.requests import Request
from response.handlers import sweep
from response.state_machines import definition
from tests.response.command_line import run
from tests.response.server_room import REGION, ServerRoom
from tests.response.workshop import LONGEST_S, Workshop


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


@pytest.mark.slow("the linter of templates")
def test_the_linters_find_nothing():
    assert lint(definition.FILE) == ""
    program = Path(sys.executable).with_name("statelint")
    said = subprocess.run([str(program), str(definition.FILE)], capture_output=True, text=True, check=False).stdout
    # AWS takes an expression there; statelint 3.1 does not know:
    # https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    assert [line.split(" is ")[0].strip() for line in said.splitlines()[1:]] == [
        "State Machine.States.Ask.TimeoutSeconds"
    ]


@pytest.mark.slow("the linter of templates")
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
    steps = [name for name, event in workshop.calls if event.get("incident") == started.incident]
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
    assert workshop.well(name) == "done"
    assert room.groups_of(target) == before and workshop.incident(target).state == "released"
    assert workshop.respond(target).incident == f"{target.instance}-2"


def names(workshop: Workshop) -> List[str]:
    return [each["name"] for each in workshop.steps.list_executions(stateMachineArn=workshop.machine)["executions"]]


#: States of the whole response, each with a fault that does not pass: what of its step is in the problems, if anything.
DENIED = {
    "Publish": "", "Told": "notify", "Soft": "soft_isolation", "Volatile": "collect_volatile",
    "Context": "collect_context", "Snapshots": "snapshot", "Hard": "hard_isolation", "RevokeAlso": "revoke_credentials",
    "AwaitSnapshots": "snapshot", "Logs": "collect_logs", "Archive": "archive", "UpdateFinding": "update_finding",
    "Finish": "", "TellEnd": "notify",
}  # fmt: skip
#: Faults that pass, or took effect while the answer was lost: nothing of them is left.
PASSING = [("Soft", "half_done"), ("Hard", "throttled"), ("Finish", "timeout")]
#: States of the other actions, and of what is asked: tested below.
ELSEWHERE = {"Release", "Revoke", "ContainPrincipal", "ReleasePrincipal", "Block", "Unblock", "NotifyOnly", "Ask",
             "TellPerson"}  # fmt: skip


def test_every_state_that_calls_a_function_has_a_fault():
    assert tasks(definition.states()) == {*DENIED, *ELSEWHERE}


@pytest.fixture(scope="module")
def broken(room: ServerRoom, workshop: Workshop) -> Dict[str, Any]:
    """Return fault -> the instance whose response had it. All run side by side."""
    faults = [*((state, "denied", -1) for state in DENIED), *((state, kind, 1) for state, kind in PASSING)]
    targets = {}
    for state, kind, times in [*faults, ("Soft Hard", "denied", -1)]:
        target = room.server()
        for each in state.split():
            room.account.fail_state(f"{target.instance}-1", each, kind, times)
        if " " in state:
            workshop.respond(target)
        else:
            workshop.begin(target, revoke_credentials="yes")
        targets[f"{state} {kind}"] = target
    return targets


@pytest.mark.parametrize("state", DENIED)
def test_a_step_that_fails_leads_to_isolation_and_to_an_honest_end(room, workshop, broken, state):
    target = broken[f"{state} denied"]
    status, output = workshop.ended(f"{target.instance}-1")
    assert not room.is_open(target)
    if state == "Finish":
        assert status == "FAILED" and "it is not known how it ended" in output["cause"]
        return
    assert status == "SUCCEEDED", output
    step = DENIED[state]
    assert (f"{step}: " in output["problems"]) if step else output["problems"] == "", output
    assert output["result"] == ("done" if state in ("Publish", "TellEnd") else "partial")
    assert "AccessDeniedException" in output["problems"] or not step


@pytest.mark.parametrize(("state", "kind"), PASSING)
def test_a_fault_that_passes_leaves_nothing(room, workshop, broken, state, kind):
    target = broken[f"{state} {kind}"]
    status, output = workshop.ended(f"{target.instance}-1")
    assert (status, output.get("result"), output.get("problems")) == ("SUCCEEDED", "done", ""), output
    assert not room.is_open(target)


def test_an_open_instance_is_never_a_success_and_is_found_and_resumed(room, workshop, broken, capsys):
    target = broken["Soft Hard denied"]
    before, name = room.groups_of(target), f"{target.instance}-1"
    status, output = workshop.ended(name)
    assert room.is_open(target)
    assert (status, output["error"]) == ("FAILED", "NotDone") and "is NOT isolated" in output["cause"]
    assert workshop.statuses(name)["end"]["state"] == "failed"
    assert workshop.incident(target).outcome == "failed"
    # The sweep finds it, whoever resumes it is told how, and nobody can resume it twice.
    assert sweep.do({}, workshop.sweep_settings)["found"] >= 1
    (told,) = wait_for(lambda: workshop.called("publish_status", name), "sweep")
    assert told["result"] == "broken" and f"respond resume {name}" in told["says"]
    where = ["--table", workshop.table, "--region", REGION, "--state-machine", workshop.machine]
    status, out, _ = run(capsys, "resume", name, *where)
    assert status == 0 and f"{name}-resumed-1" in out
    assert workshop.ended(f"{name}-resumed-1")[0] == "SUCCEEDED"
    assert not room.is_open(target)
    status, _, err = run(capsys, "resume", name, *where)
    assert status == 1 and "is SUCCEEDED: there is nothing to resume" in err
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    (seen,) = workshop.invoke("status", {"rows": [row]})["rows"]
    assert (seen["result"], seen["incident"], seen["state"]) == ("hard", name, "running")
    rows = [row, {"instance": "i-1"}, row]
    released = workshop.invoke("release", {"rows": rows})["rows"]
    assert [each["result"] for each in released] == ["done", "failed", "refused"]
    assert room.groups_of(target) == before
    (seen,) = workshop.invoke("status", {"rows": [row]})["rows"]
    assert (seen["result"], seen["state"]) == ("open", "released")


def wait_for(look: Any, step: str, most: int = 1) -> List[Dict[str, Any]]:
    """Return the events of a step as soon as there are so many."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        found = [each for each in look() if each["step"] == step]
        if len(found) >= most:
            return found
        time.sleep(0.1)
    raise TimeoutError(step)


ACTIONS = {
    "Revoke": ("revoke_credentials", {"principal": "user/alice"}),
    "ContainPrincipal": ("contain_principal", {"principal": "role/web"}),
    "ReleasePrincipal": ("release_principal", {"principal": "role/web"}),
    "Block": ("block_ip", {"address": "203.0.113.7"}),
    "Unblock": ("unblock_ip", {"address": "203.0.113.7"}),
    "NotifyOnly": ("notify", {"principal": "hello"}),
}


@pytest.mark.parametrize("state", ACTIONS)
def test_an_action_of_one_step_ends_as_its_step_did(workshop, state):
    action, row = ACTIONS[state]
    request = Request(f"sid-{state}", [row], action, f"{state}-1")
    (good,) = workshop.ask(request)
    status, output = workshop.ended(good.incident if state != "ReleasePrincipal" else newest(workshop, "role-", action))
    assert (status, output.get("result")) == ("SUCCEEDED", "done"), output
    function = action
    assert workshop.called(function, good.incident)[0]["sid"] == f"sid-{state}"


def newest(workshop: Workshop, start: str, part: str) -> str:
    (name,) = [each for each in names(workshop) if each.startswith(start) and part in each]
    return name


def test_isolation_alone_collects_nothing_and_evidence_alone_isolates_nothing(room, workshop):
    workshop.set(mode="live", most_an_hour=100)
    first, second = (room.server() for _ in range(2))
    rows = [{"instance": each.instance, "account": each.account, "region": each.region} for each in (first, second)]
    (soft,) = workshop.ask(Request("sid-i", rows[:1], "isolate_instance", "i1", options={"mode": "soft"}))
    (evidence,) = workshop.ask(Request("sid-e", rows[1:], "collect_evidence", "e1"))
    assert workshop.well(soft.incident) == "done"
    assert workshop.well(evidence.incident) == "done"
    assert (room.is_open(first), room.is_open(second)) == (False, True)
    assert [each["mode"] for each in workshop.called("isolate", soft.incident)] == ["soft"]
    assert not workshop.called("collect_volatile", soft.incident) and not workshop.called("archive", soft.incident)
    steps = ("collect_volatile", "collect_context", "collect_logs", "archive")
    assert all(workshop.called(step, evidence.incident) for step in steps)
    assert not workshop.called("isolate", evidence.incident)


def test_an_action_that_fails_is_a_failure(room, workshop):
    (asked,) = workshop.ask(Request("sid-9", [{"address": "203.0.113.9"}], "block_ip", "denied-1"))
    # Its name is known before it begins, for it is the hand-over's.
    request = Request("sid-9", [{"address": "203.0.113.10"}], "block_ip", "denied-2")
    case = cases.case_of("block_ip", request.rows[0], {}, room.account.id)
    name = cases.execution_name(case, "block_ip", "denied-2|0")
    room.account.fail_state(name, "Block", "denied")
    (denied,) = workshop.ask(request)
    assert denied.incident == name
    assert workshop.ended(asked.incident)[0] == "SUCCEEDED"
    status, output = workshop.ended(name)
    assert status == "FAILED" and "AccessDeniedException" in output["cause"]


def test_a_node_waits_for_a_person_whose_token_nobody_sees(room, workshop, capsys, caplog):
    workshop.set(mode="live", most_an_hour=100, minutes_each=1440, approvers=["alice", "bob"])
    target = room.server(tags={"aws:eks:cluster-name": "shop"})
    name = f"{target.instance}-1"
    assert workshop.respond(target).result == "waits_for_approval"
    (question,) = workshop.asked(name, 1)
    assert (question["approver"], room.is_open(target)) == ("alice", True)
    assert workshop.respond(target).result == "waits_for_approval"
    where = ["--table", workshop.table, "--region", REGION]
    later = Sweep(workshop.incidents, workshop.executions, workshop.questions, lambda: time.time() + 7200, 3600)
    (unanswered,) = [each for each in later.sweep().found if each.incident.id == name]
    assert unanswered.kind == "unanswered" and "asked is alice" in unanswered.says
    status, out, err = run(capsys, "approve", name, *where)
    assert status == 0 and f"{name} is agreed to by arn:aws:" in out
    status, _, again = run(capsys, "reject", name, *where)
    assert status == 1 and "was agreed by arn:aws:" in again
    status, output = workshop.ended(name)
    assert (status, output["result"]) == ("SUCCEEDED", "done"), output
    assert not room.is_open(target) and workshop.incident(target).state == "running"
    assert "agreed by arn:aws:" in workshop.statuses(name)["approval"]["says"]
    token = question["token"]
    shown = [json.dumps(event) for called, event in workshop.calls if called != "ask_approval"]
    assert token and not any(token in each for each in [*shown, out, err, again, caplog.text, json.dumps(output)])


def test_a_protected_instance_is_isolated_softly_at_once_and_a_no_leaves_it_so(room, workshop, capsys):
    workshop.set(mode="live", most_an_hour=100, minutes_each=1440)
    target = room.server(tags={"aws-siem-bridge:protected": "yes"})
    name, before = f"{target.instance}-1", room.groups_of(target)
    assert workshop.respond(target).result == "waits_for_approval"
    workshop.asked(name, 1)
    assert not room.is_open(target), "soft isolation waits for nobody"
    assert [each["mode"] for each in workshop.called("isolate", name)] == ["soft"]
    where = ["--table", workshop.table, "--region", REGION]
    assert run(capsys, "reject", name, *where)[0] == 0
    status, output = workshop.ended(name)
    assert [each["mode"] for each in workshop.called("isolate", name)] == ["soft"]
    assert "a person rejected it" in str(output), (status, output)
    assert workshop.incident(target).state == "waiting"
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    assert workshop.invoke("release", {"rows": [row]})["rows"][0]["result"] == "done"
    assert room.groups_of(target) == before


@pytest.mark.parametrize(("no_answer", "isolated"), [("leave", False), ("go_on", True)])
def test_when_nobody_answers_the_next_one_is_asked_and_then_the_parameter_decides(room, workshop, no_answer, isolated):
    workshop.set(mode="live", most_an_hour=100, minutes_each=1, approvers=["alice", "bob"], no_answer=no_answer)
    target = room.server(tags={"AmazonECSManaged": ""})
    name = f"{target.instance}-1"
    workshop.respond(target)
    status, output = workshop.ended(name)
    asked = [each["approver"] for each in workshop.called("notify", name) if each["kind"] == "question"]
    assert asked == ["alice", "bob"]
    assert (status == "SUCCEEDED", not room.is_open(target)) == (isolated, isolated), output
    if not isolated:
        assert "nobody answered" in output["cause"]


@pytest.mark.parametrize("state", ("Ask", "TellPerson"))
def test_a_question_that_cannot_be_asked_is_one_without_an_answer(room, workshop, state):
    workshop.set(mode="live", most_an_hour=100, minutes_each=1, no_answer="leave")
    target = room.server(tags={"AmazonECSManaged": ""})
    room.account.fail_state(f"{target.instance}-1", state, "denied")
    workshop.respond(target)
    status, output = workshop.ended(f"{target.instance}-1")
    assert status == "FAILED" and room.is_open(target) and "nobody answered" in output["cause"]


@pytest.mark.parametrize("action", ["respond", "isolate_instance", "revoke_credentials", "contain_principal"])
def test_a_dry_run_changes_nothing_and_ends_its_incident(room, workshop, action):
    workshop.set(most_an_hour=100)
    target = room.server()
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    if action == "contain_principal":
        row = {"principal": f"user/{target.instance}"}
    (planned,) = workshop.ask(Request("sid-1", [row], action))
    assert (planned.result, planned.incident[-2:], workshop.well(planned.incident)) == ("started", "-1", "planned")
    assert room.is_open(target)
    # The first alert in earnest is not attached to what changed nothing.
    workshop.set(mode="live", most_an_hour=100)
    (meant,) = workshop.ask(Request("sid-2", [row], action))
    assert (meant.result, meant.incident) == ("started", planned.incident[:-1] + "2")
    assert workshop.well(meant.incident) == "done"
    assert room.is_open(target) == (action not in ("respond", "isolate_instance"))
    assert workshop.ask(Request("sid-3", [row], action))[0].result == "attached"


def test_what_is_meant_does_not_wait_for_the_end_of_a_dry_run(room, workshop):
    workshop.set(most_an_hour=100)
    target = room.server(tags={"aws:eks:cluster-name": "shop"})
    assert workshop.respond(target).result == "waits_for_approval"
    workshop.set(mode="live", most_an_hour=100)
    meant = workshop.respond(target)
    assert (meant.result, meant.incident) == ("waits_for_approval", f"{target.instance}-2")
    assert workshop.incident(target).event["dry_run"] is False
    # Whoever asks for a dry run gets one, and opens nothing.
    other = room.server()
    plan = workshop.respond(other, dry_run="1")
    assert workshop.well(plan.incident) == "planned"
    assert (workshop.respond(other).incident, workshop.well(f"{other.instance}-1")) == (f"{other.instance}-1", "done")


def test_an_open_incident_does_further_what_it_was_not_opened_for(room, workshop, capsys):
    workshop.set(mode="live", most_an_hour=100, minutes_each=1440)
    target = room.server(tags={"AmazonECSManaged": ""})
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    name, where = f"{target.instance}-1", ["--table", workshop.table, "--region", REGION]

    def ask(action: str, **options: str) -> Tuple[str, str]:
        (found,) = workshop.ask(Request(f"sid-{action}-{options}", [row], action, options=options))
        return found.result, found.incident

    assert ask("isolate_instance", mode="soft") == ("waits_for_approval", name)
    workshop.asked(name, 1)
    assert run(capsys, "approve", name, *where)[0] == 0 and workshop.well(name) == "done"
    assert ask("isolate_instance", mode="soft") == ("attached", name)
    # A person's no to more leaves what was done, and the incident open.
    assert ask("revoke_credentials") == ("waits_for_approval", name)
    workshop.asked(name, 2)
    assert run(capsys, "reject", name, *where)[0] == 0
    assert workshop.ended(f"{name}-revoke_credentials")[0] == "FAILED" and not room.is_open(target)
    assert workshop.incident(target).state == "running" and not workshop.called("revoke_credentials", name)
    assert ask("respond") == ("waits_for_approval", name)
    workshop.asked(name, 3)
    assert run(capsys, "approve", name, *where)[0] == 0 and workshop.well(f"{name}-respond") == "done"
    assert [each["mode"] for each in workshop.called("isolate", name)] == ["soft", "soft", "hard"]
    assert workshop.called("archive", name) and ask("respond") == ("attached", name)


def test_credentials_that_were_revoked_keep_nobody_from_isolating(room, workshop):
    workshop.set(mode="live", most_an_hour=100)
    target = room.server()
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    (revoked,) = workshop.ask(Request("sid-1", [row], "revoke_credentials"))
    assert workshop.well(revoked.incident) == "done" and room.is_open(target)
    (isolated,) = workshop.ask(Request("sid-2", [row], "isolate_instance"))
    assert (isolated.result, isolated.incident) == ("started", revoked.incident)
    assert workshop.well(f"{isolated.incident}-isolate_instance") == "done" and not room.is_open(target)


def test_the_switch_holds_for_what_runs_already(room, workshop):
    workshop.set(most_an_hour=100)
    target = room.server()
    started = workshop.respond(target)
    later = {**workshop.incident(target).event, "dry_run": False}
    assert workshop.invoke("isolate", later)["result"] in ("planned", "refused") and room.is_open(target)
    assert workshop.well(started.incident) == "planned"
    # Nothing was changed, so the incident is over, and isolates nothing any more.
    workshop.set(mode="live")
    assert workshop.invoke("isolate", later)["result"] == "refused" and room.is_open(target)


def test_a_person_starts_the_clocks_by_which_an_incident_has_to_be_reported(room, workshop, capsys):
    target = room.server()
    workshop.set(most_an_hour=100)
    name = workshop.respond(target).incident
    where = ["--table", workshop.table, "--region", REGION]
    status, out, _ = run(capsys, "clock", name, "start", "--hours", "24", *where)
    assert status == 0 and "report-24h: due in 23 h 59 min" in out or "due in 24 h 00 min" in out
    assert run(capsys, "clock", name, "start", "--hours", "72", "--name", "authority", *where)[0] == 0
    status, _, err = run(capsys, "clock", name, "start", "--hours", "24", *where)
    assert status == 2 and "runs already" in err
    assert run(capsys, "clock", name, "start", *where)[0] == 2
    assert run(capsys, "clock", "i-0123456789abcdef0-9", "show", *where)[0] == 1
    status, out, _ = run(capsys, "clock", name, "show", *where, "--result", "json")
    assert [each["name"] for each in json.loads(out)["clocks"]] == ["report-24h", "authority"]
    # Splunk is told once: what the page counts from is when the person began it, not when the incident did.
    dues = dict(workshop.incident(target).clocks)
    for _ in range(2):
        sweep.do({}, workshop.sweep_settings)
    told = clocks_told(workshop, name, 2)
    assert {each["clock"]: (each["result"], each["due"]) for each in told} == {
        clock: ("started", due / 1000) for clock, due in dues.items()
    }
    late = Sweep(workshop.incidents, workshop.executions, workshop.questions, lambda: time.time() + 25 * 3600, 900)
    assert [each.says.split(":")[0] for each in late.sweep().found if each.kind == "clock"] == ["report-24h"]
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    (seen,) = workshop.invoke("status", {"rows": [row]})["rows"]
    assert [each.split(" ")[0] for each in seen["clocks"]] == ["report-24h:", "authority:"]
    looked = ["status", target.instance, "--bucket", room.bucket, *where]
    status, out, _ = run(capsys, *looked)
    assert status == 0 and f"incident {name}: " in out and "    clock report-24h: due in 2" in out
    assert f"    alerts: {workshop.incident(target).alerts[0]}" in out
    known = json.loads(run(capsys, *looked, "--result", "json")[1])["incident"]
    assert (known["id"], [each["name"] for each in known["clocks"]]) == (name, ["report-24h", "authority"])
    assert run(capsys, "clock", name, "stop", "--name", "report-24h", *where)[0] == 0
    assert dict(workshop.incident(target).clocks).keys() == {"authority"}
    # What has to be reported has to be so when the incident is over, too.
    workshop.incidents.close(workshop.incident(target).key, name)
    sweep.do({}, workshop.sweep_settings)
    _, _, last = clocks_told(workshop, name, 3)
    assert (last["clock"], last["result"]) == ("report-24h", "stopped")
    later = Sweep(workshop.incidents, workshop.executions, workshop.questions, lambda: time.time() + 73 * 3600, 900)
    assert [each.says[:9] for each in later.sweep().found if each.incident.id == name] == ["authority"]


def clocks_told(workshop, name, number):
    """Return what Splunk was told of the clocks of an incident, as soon as it is as much as this."""
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        found = [each for each in workshop.called("publish_status", name) if each["step"] == "clock"]
        if len(found) >= number:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{number} clocks")


def test_an_incident_that_nobody_started_is_found_and_resumed_by_a_person(room, workshop, capsys):
    target = room.server()
    known = {"action": "respond", "account": target.account, "region": target.region, "instance": target.instance}
    event = json.dumps({**known, "incident": f"{target.instance}-1", "dry_run": True})
    opened = workshop.incidents.open(target, "sid-1", lambda _: event)
    soon, later = (
        Sweep(workshop.incidents, workshop.executions, workshop.questions, lambda s=seconds: time.time() + s, 900)
        for seconds in (0, 3600)
    )
    assert [each for each in soon.sweep().found if each.incident.id == opened.id] == []
    (found,) = [each for each in later.sweep().found if each.incident.id == opened.id]
    assert found.kind == "never_started" and f"respond resume {opened.id}" in found.to_event()["says"]
    where = ["--table", workshop.table, "--region", REGION, "--state-machine", workshop.machine]
    workshop.incidents.move(target, opened.id, "new", "waiting")
    status, _, err = run(capsys, "resume", opened.id, *where)
    assert status == 1 and "resume it with --agree" in err
    assert run(capsys, "resume", opened.id, *where, "--agree")[0] == 0
    # Under its own name, which AWS takes once: whoever else starts it meanwhile starts the same.
    assert workshop.well(opened.id) == "planned"
    assert room.is_open(target)


def test_what_was_begun_in_an_open_incident_and_broke_is_found_told_and_resumed(room, workshop, capsys):
    workshop.set(mode="live", most_an_hour=100)
    target = room.server()
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    before = room.groups_of(target)
    name, further = f"{target.instance}-1", f"{target.instance}-1-revoke_credentials"
    where = ["--table", workshop.table, "--region", REGION, "--state-machine", workshop.machine]
    assert workshop.ask(Request("sid-begun-1", [row], "isolate_instance"))[0].incident == name
    assert workshop.well(name) == "done"
    room.account.fail_state(further, "Revoke", "denied")
    assert workshop.ask(Request("sid-begun-2", [row], "revoke_credentials"))[0].result == "started"
    assert workshop.ended(further)[0] == "FAILED"
    case = cases.case_of("collect_evidence", row, {}, room.account.id)
    broken = cases.execution_name(case, "collect_evidence", "begun|0")
    room.account.fail_state(broken, "Finish", "denied")
    (evidence,) = workshop.ask(Request("sid-begun-3", [row], "collect_evidence", "begun"))
    assert (evidence.incident, workshop.ended(broken)[0]) == (name, "FAILED")
    for _ in range(2):
        assert sweep.do({}, workshop.sweep_settings)["found"] >= 2
    wait_for(lambda: workshop.called("publish_status", name), "sweep", 4)
    told = {each["execution"]: each["result"] for each in workshop.called("publish_status", name) if "sweep" in
            each["step"]}  # fmt: skip
    assert told == {further: "broken", broken: "broken"}
    # People are told once of each.
    notices = [each["says"] for each in workshop.called("notify", name) if each["kind"] == "broken"]
    assert len(notices) == 2 and f"revoke_credentials of the incident {name}" in "".join(notices), notices
    status, out, _ = run(capsys, "resume", further, *where)
    assert status == 0 and f"{further}-resumed-1" in out
    assert workshop.well(f"{further}-resumed-1") == "done" and len(workshop.called("revoke_credentials", name)) == 1
    assert run(capsys, "resume", broken, *where)[0] == 0 and workshop.well(f"{broken}-resumed-1") == "done"
    # It is over: not found again, not resumed again, and asked for again it is not done again.
    assert [each for each in workshop.swept() if each.incident.id in (further, broken)] == []
    status, _, err = run(capsys, "resume", further, *where)
    assert status == 1 and "is over: there is nothing to resume" in err
    assert workshop.ask(Request("sid-begun-4", [row], "revoke_credentials"))[0].result == "attached"
    assert len(workshop.called("revoke_credentials", name)) == 1
    assert workshop.invoke("release", {"rows": [row]})["rows"][0]["result"] == "done"
    assert room.groups_of(target) == before


def test_a_release_that_broke_is_found_and_another_one_releases(room, workshop, capsys):
    workshop.set(mode="live", most_an_hour=100)
    target = room.server()
    row = {"instance": target.instance, "account": target.account, "region": target.region}
    name = workshop.ask(Request("sid-end-1", [row], "isolate_instance"))[0].incident
    assert workshop.well(name) == "done"
    case = cases.case_of("release_instance", row, {}, room.account.id)
    broken = cases.execution_name(case, "release_instance", "end-1|0")
    room.account.fail_state(broken, "Release", "denied")
    workshop.ask(Request("sid-end-2", [row], "release_instance", "end-1"))
    assert workshop.ended(broken)[0] == "FAILED" and not room.is_open(target)
    assert [each.kind for each in workshop.swept() if each.incident.id == broken] == ["broken"]
    workshop.ask(Request("sid-end-3", [row], "release_instance", "end-2"))
    assert workshop.well(cases.execution_name(case, "release_instance", "end-2|0")) == "done" and room.is_open(target)
    # The incident is over, and with it what broke: it would release what somebody isolates next.
    assert [each for each in workshop.swept() if each.incident.id in (broken, name)] == []
    where = ["--table", workshop.table, "--region", REGION, "--state-machine", workshop.machine]
    status, _, err = run(capsys, "resume", broken, *where)
    assert status == 1 and "is over: there is nothing to resume" in err
