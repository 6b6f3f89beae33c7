"""The steps of evidence as Lambda functions: settings, dry run, and what ends in the bucket."""

from __future__ import annotations

import itertools
from typing import Any, Dict

import pytest

from aws_bridge.functions.variables import PREFIX
from response.aws.evidence import folder_of
from response.aws.saved_state import SavedStates
from response.core.custody import read_manifest
from response.core.target import Target
from response.errors import BadRequest, BadSettings, StillRunning
from response.handlers import archive, collect_context, collect_logs, snapshot
from response.verify.copies import BucketCopy
from response.verify.verification import verify
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
    # What is no object is in the manifest, too, with its lock.
    s3 = room.account.client("s3", REGION)
    text = s3.get_object(Bucket=room.locked_bucket(), Key=f"{folder}custody/manifest.jsonl")["Body"].read()
    elsewhere = {each["item"]: each["why"] for each in read_manifest(text).of_kind("kept")}
    assert "image" in elsewhere and all("locked in GOVERNANCE mode until 20" in each for each in elsewhere.values())
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
        ({"SNAPSHOT_COOL_OFF_HOURS": "73"}, "0 to 72"),
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
