"""The steps of evidence as Lambda functions and as a command: settings, dry run, and what ends in the bucket."""

from __future__ import annotations

import itertools
import json
from typing import Any, Dict

import pytest

import response.cli.collect as collect_command
from aws_bridge.functions.variables import PREFIX
from response.aws.evidence import folder_of
from response.aws.saved_state import SavedStates
from response.core.target import Target
from response.errors import BadRequest, BadSettings, StillRunning
from response.handlers import archive, collect_context, collect_logs, snapshot
from response.verify.copies import BucketCopy
from response.verify.verification import verify
from tests.response.command_line import run
from tests.response.server_room import REGION, ServerRoom
from tests.response.test_custody import signing_key

_numbers = itertools.count(1)
STEPS = (collect_context, snapshot, collect_logs, archive)


@pytest.fixture(scope="module")
def shop(room: ServerRoom) -> Target:
    target = room.server(interfaces=2)
    room.profile(target.instance)
    return target


@pytest.fixture(scope="module")
def settings(room: ServerRoom) -> Dict[str, str]:
    """The environment of a function, in which the switch is live."""
    room.account.client("ssm", REGION).put_parameter(Name="/switch", Type="String", Value='{"mode": "live"}')
    known = {"BUCKET": room.locked_bucket(), "PARAMETER": "/switch", "SIGNING_KEY": signing_key(room).id}
    return {"AWS_REGION": REGION, **{PREFIX + name: value for name, value in known.items()}}


def event(target: Target, name: str, **more: Any) -> Dict[str, Any]:
    whose = {"account": target.account, "region": target.region, "instance": target.instance}
    return {"incident": name, **whose, "alert": "sid", "dry_run": False, **more}


def waited(work: Any, *given: Any) -> Dict[str, Any]:
    for _ in range(10):
        try:
            return work(*given)
        except StillRunning:
            continue
    raise AssertionError("it never ends")


def test_the_steps_of_an_incident_end_in_evidence_that_verifies(room, shop, settings):
    name = f"{shop.instance}-{next(_numbers)}"
    asked = event(shop, name)
    assert collect_context.do(asked, settings)["result"] == "done"
    assert snapshot.do({**asked, "wait": False}, settings)["result"] == "done"
    found = waited(snapshot.do, {**asked, "wait": True}, settings)
    assert found["result"] == "done" and found["evidence"]
    # Without a raw store nobody knows which objects: that is a failure of the step, and in the manifest.
    logs = collect_logs.do(asked, settings)
    assert logs["result"] == "partial" and "no raw store is configured" in logs["notes"][-1]
    closed = archive.do(asked, settings)
    assert closed["result"] == "partial" and "not collected: collect_logs: cloudtrail" in closed["says"]
    folder = folder_of(shop.account, REGION, shop.instance, name)
    verdict = verify(BucketCopy(room.area, room.locked_bucket(), folder), incident=name)
    assert verdict.problems == [] and len([each for each in verdict.lacking if "failed" in each]) == 4
    assert {each.partition("/")[0] for each in BucketCopy(room.area, room.locked_bucket(), folder).names()} == {
        "collect_context", "collect_logs", "snapshot", "custody",
    }  # fmt: skip


@pytest.mark.parametrize("work", STEPS, ids=[each.__name__.rpartition(".")[2] for each in STEPS])
def test_a_dry_run_keeps_nothing(room, shop, settings, work):
    name = f"dry-{next(_numbers)}"
    assert work.do(event(shop, name, dry_run=True), settings)["result"] == "planned"
    folder = folder_of(shop.account, REGION, shop.instance, name)
    assert BucketCopy(room.area, room.locked_bucket(), folder).names() == []


def test_settings_that_contradict_are_told(shop, settings):
    asked = event(shop, "settings-1")
    for more, says in (
        ({"FORENSICS_ACCOUNT": "1" * 12}, "FORENSICS_ACCOUNT needs SNAPSHOT_KEY"),
        ({"FORENSICS_ROLE_NAME": "x"}, "FORENSICS_ROLE_NAME needs"),
        ({"LOCK_MODE": "forever"}, "no mode of Object Lock"),
    ):
        environment = {**settings, **{PREFIX + name: value for name, value in more.items()}}
        with pytest.raises(BadSettings, match=says):
            snapshot.do(asked, environment)
    with pytest.raises(BadRequest, match="isolated_at"):
        collect_logs.do({**asked, "isolated_at": "yesterday"}, settings)


def test_the_moment_of_the_isolation_is_given_or_that_of_the_saved_state(room, shop, settings):
    from response.aws.instances import Instances

    name = f"{shop.instance}-{next(_numbers)}"
    states = SavedStates(room.area, room.locked_bucket())
    assert states.saved_at(shop, name) is None
    states.save(name, Instances(room.area).read(shop))
    saved = states.saved_at(shop, name)
    assert saved and saved > 1_700_000_000
    found = collect_logs.do(event(shop, name), settings)
    accepted = next(each for each in found["evidence"] if each["item"] == "accepted flows after isolation")
    assert accepted["outcome"] == "failed" and "unknown" in accepted["why"]


def test_a_responder_collects_and_verifies_from_the_command_line(room, shop, settings, capsys, monkeypatch):
    monkeypatch.setattr(collect_command, "EVERY_S", 0.0)
    bucket, key = room.locked_bucket(), settings[PREFIX + "SIGNING_KEY"]
    where = ["collect", shop.instance, "--region", REGION, "--bucket", bucket, "--incident", "by-hand-1"]
    status, out, _ = run(capsys, *where, "--dry-run")
    assert status == 0 and out.count("planned: ") == 4
    steps = ["--steps", "context,snapshot,archive", "--signing-key", key]
    status, out, err = run(capsys, *where, *steps)
    assert status == 0 and out.count("done: ") == 3 and "collected: user data" not in err
    assert "missing: user data: the instance has no user data" in err and "snapshot: AWS is at" in err
    status, out, _ = run(capsys, *where, *steps, "--result", "json")
    assert status == 0 and {each["result"] for each in json.loads(out)["steps"]} == {"already_done"}
    place = f"s3://{bucket}/" + folder_of(shop.account, REGION, shop.instance, "by-hand-1")
    status, out, _ = run(capsys, "verify", place, "--region", REGION, "--incident", "by-hand-1")
    assert status == 0 and out.startswith("verified: ")
    status, out, _ = run(capsys, *where, "--steps", "logs")
    assert status == 1 and out.startswith("partial: ") and "no raw store is configured" in out
    for argv, says in (
        (["--steps", "memory"], "give some of context,snapshot,logs,archive"),
        (["--lock", "forever"], "no mode of Object Lock"),
        (["--share-with", "1" * 12], "--share-with needs --snapshot-key"),
        (["--vpc-flow", "logs"], "is no address in S3"),
    ):
        status, out, err = run(capsys, *where, *argv)
        assert (status, out) == (2, "") and says in err and "Traceback" not in err
    monkeypatch.setattr(collect_command._Work, "_snapshot", lambda self: (_ for _ in ()).throw(StillRunning("busy")))
    status, out, err = run(capsys, *where, "--steps", "snapshot", "--wait-minutes", "0")
    assert status == 1 and "snapshot is not complete after 0 minutes: busy" in out
