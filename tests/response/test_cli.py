"""``aws-siem-bridge respond`` as an operator uses it: status, plan, isolate, status, release."""

from __future__ import annotations

import json

import pytest

from response.aws.changes import Changes
from response.core.change import FAILED, GROUPS, Change, Outcome
from tests.response.command_line import run
from tests.response.server_room import REGION, ServerRoom


@pytest.fixture
def where(room: ServerRoom):
    return ["--region", REGION, "--bucket", room.bucket]


def test_a_responder_looks_isolates_and_releases(room, where, capsys):
    target = room.server(interfaces=2)
    id = target.instance
    status, out, _ = run(capsys, "status", id, *where)
    assert status == 0 and f"{target} is running and NOT isolated" in out and "saved states: none" in out
    status, out, _ = run(capsys, "plan", id, *where)
    assert status == 0 and "planned: groups of eni-" in out and room.is_open(target)
    arn = f"arn:aws:ec2:{REGION}:{target.account}:instance/{id}"
    status, out, err = run(capsys, "isolate", arn, "--bucket", room.bucket)
    assert status == 0 and f"{target} is isolated: 2 interfaces" in out and "to undo it: " in err
    assert not room.is_open(target)
    status, out, _ = run(capsys, "isolate", id, *where, "--result", "json")
    assert (status, json.loads(out)["result"], json.loads(out)["incident"]) == (0, "already_done", f"{id}-1")
    status, out, _ = run(capsys, "status", id, *where, "--result", "json")
    assert json.loads(out)["isolated"] is True
    assert json.loads(out)["saved_states"] == [{"incident": f"{id}-1", "released": False}]
    status, out, _ = run(capsys, "release", id, *where, "--dry-run")
    assert status == 0 and "would be released" in out and not room.is_open(target)
    status, out, _ = run(capsys, "release", id, *where)
    assert status == 0 and "is as it was saved, read back" in out and room.is_open(target)
    # What was released is closed: the next isolation is another incident.
    status, _, err = run(capsys, "release", id, *where)
    assert status == 1 and "is left to restore" in err
    status, out, _ = run(capsys, "isolate", id, *where, "--result", "json")
    assert json.loads(out)["incident"] == f"{id}-2"


def test_what_is_half_isolated_goes_on_with_the_state_that_was_saved_first(room, where, capsys, monkeypatch):
    target = room.server(interfaces=2)
    before, make = room.groups_of(target), Changes.make
    made = []

    def only_the_first(self: Changes, change: Change) -> Outcome:
        if change.kind == GROUPS and change.resource not in made and len(made) == 1:
            return Outcome(change, FAILED, "refused")
        made.extend([change.resource] if change.kind == GROUPS and change.resource not in made else [])
        return make(self, change)

    monkeypatch.setattr(Changes, "make", only_the_first)
    status, out, _ = run(capsys, "isolate", target.instance, *where)
    assert status == 1 and "is NOT isolated: still open: eni-" in out
    monkeypatch.undo()
    for name, value in room.account.environment(REGION).items():
        monkeypatch.setenv(name, value)
    assert run(capsys, "isolate", target.instance, *where)[0] == 0
    assert run(capsys, "release", target.instance, *where)[0] == 0
    assert room.groups_of(target) == before


@pytest.mark.parametrize(
    ("argv", "status", "says"),
    [
        (["plan", "i-123", "--region", REGION], 2, "'i-123' is no instance id: i- and 8 or 17 hexadecimal digits"),
        (["plan", "i-0123456789abcdef0"], 2, "in which region is i-0123456789abcdef0? Give --region"),
        (["plan", "i-0123456789abcdef0", "--region", REGION], 2, "there is no instance i-0123456789abcdef0"),
        (["plan", "arn:aws:ec2:eu-west-1:1:instance/i-1"], 2, "is no ARN of an instance"),
        (["plan", f"arn:aws:ec2:{REGION}:111122223333:instance/i-0123456789abcdef0", "--region", "us-east-1"], 2,
         "the region 'us-east-1' is another than the one in arn:"),
        (["plan", "i-0123456789abcdef0", "--region", REGION, "--external-id", "x1"], 2, "goes with --role-arn"),
        (["plan", "i-0123456789abcdef0", "--region", REGION, "--role-arn", "x"], 2, "'x' is no ARN of a role"),
        (["isolate", "i-0123456789abcdef0; rm -rf /", "--region", REGION], 2, "is no instance id"),
    ],
)  # fmt: skip
def test_what_names_no_instance_is_told_and_nothing_is_changed(room, capsys, argv, status, says):
    room.session.made.clear()
    found, out, err = run(capsys, *argv, "--bucket", room.bucket)
    assert (found, out) == (status, "") and says in err and "Traceback" not in err
