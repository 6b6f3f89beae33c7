"""Memory of hosts whose disks have no room: written to a volume that is attached for it and taken away again.

The volume, its attachment and what is left of it are read from EC2; what was on it, from the host's folder.
"""

from __future__ import annotations

from typing import Any, Dict, List

import pytest

from aws_bridge.errors import CallProblem, CallRejected
from lab import avml
from lab.block_devices import write_programs
from response.actions import collect_volatile as step
from response.aws.capture_volumes import CaptureVolumes, left_volumes
from response.core.capture_volume import free_device, size_gib
from response.core.target import Target
from response.errors import StillRunning
from tests.response.command_line import run
from tests.response.faults import seen
from tests.response.hosts import Bench
from tests.response.server_room import REGION, Fault
from tests.response.small_plan import bench_of, let_it_be_used, outcomes, tool_of, why

FULL = {"dev/free_kib": "1000\n"}


@pytest.fixture(scope="module")
def bench(room) -> Bench:
    return bench_of(room)


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> str:
    return write_programs(tmp_path_factory.mktemp("programs"))


@pytest.fixture
def small(bench, monkeypatch):
    return let_it_be_used(bench, monkeypatch)


@pytest.fixture(scope="module")
def crowded(bench, path) -> Target:
    """A host without room, for many incidents."""
    return bench.host(FULL, path=path)


def volumes(bench: Bench, incident: str) -> List[Dict[str, Any]]:
    filters = [{"Name": "tag:aws-siem-bridge:incident", "Values": [incident]}]
    return list(bench.room.ec2.describe_volumes(Filters=filters)["Volumes"])


def test_a_volume_is_attached_filled_sent_and_deleted(bench, small, path):
    target = bench.host(FULL, path=path)
    incident = bench.incident(target)
    made: Dict[str, Dict[str, Any]] = {}

    def ended() -> Any:
        made.update({each["VolumeId"]: each for each in volumes(bench, incident)})
        try:
            return bench.collection(target, incident, **small).collect(target, incident)
        except StillRunning:
            return None

    found: List[Any] = []
    bench.wait(lambda: found.append(ended()) or found[-1])
    result = found[-1]
    assert result.result == "done", (result.says, result.notes)
    assert bench.kept(target, incident)["memory.lime"] == avml.image() and bench.open_uploads(target) == []
    assert len(made) == 1 and volumes(bench, incident) == []
    (id, volume) = made.popitem()
    zone = bench.room.ec2.describe_instances(InstanceIds=[target.instance])["Reservations"][0]["Instances"][0]
    assert (volume["Size"], volume["VolumeType"], volume["Encrypted"]) == (2, "gp3", True)
    assert volume["AvailabilityZone"] == zone["Placement"]["AvailabilityZone"]
    first, second = bench.commands(target)
    assert "volumeId" not in first["parameters"] and second["parameters"]["volumeId"] == [id]
    assert second["parameters"]["only"] == ["memory"] and set(outcomes(result)) >= {"memory", "kernel", "on_volume"}
    # The host keeps nothing of it, and the manifest's record says what was done to it.
    root = bench.root(target)
    assert list((root / "dev/mounted").iterdir()) == [] and not (root / "var/lib/aws-siem-bridge").exists()
    assert any(f"{id} was attached to the host as /dev/nvme1n1, and mkfs.ext4" in each for each in result.notes)
    assert f"{id} was attached" in bench.kept(target, incident)["report.json"].decode()
    again = bench.collect(target, incident, **small)
    assert again.result == "done" and outcomes(again) == outcomes(result) and len(bench.commands(target)) == 2


def test_what_could_not_be_sent_stays_on_the_volume(bench, small, path, tmp_path, capsys):
    (tmp_path / "curl").write_text("#!/bin/sh\nexit 7\n")
    (tmp_path / "curl").chmod(0o755)
    crowded = bench.host(FULL, path=f"{tmp_path}:{path}")
    body = 'case "$1 $3" in "upload "*/part) echo no way >&2; exit 1 ;; *) exec "$real" "$@" ;; esac'
    incident = bench.incident(crowded)
    changed = tool_of(bench, "cannot-send", body)
    result = bench.collect(crowded, incident, **small, **changed)
    assert result.result == "partial" and outcomes(result)["memory"] == "failed"
    (volume,) = volumes(bench, incident)
    assert volume["State"] == "available" and outcomes(result)["evidence volume"] == "collected"
    assert f"{volume['VolumeId']} is kept: detached" in why(result, "evidence volume")
    image = bench.root(crowded) / "dev/volumes" / volume["VolumeId"].replace("-", "") / "memory.lime"
    assert image.read_bytes() == avml.image()
    again = bench.collect(crowded, incident, **small, **changed)
    assert volumes(bench, incident) == [volume] and outcomes(again)["evidence volume"] == "collected"
    (told,) = left_volumes(bench.room.area, incident)
    assert f"{volume['VolumeId']} of 2 GiB, attached to nothing" in told
    where = ["--region", REGION, "--bucket", bench.room.locked_bucket()]
    argv = ["--cause", "x", "--restore-point", "y", "--keys-rotated", "yes"]
    assert volume["VolumeId"] in run(capsys, "close", incident, *where, *argv)[1]


@pytest.mark.parametrize(
    ("files", "says", "left"),
    [
        ({"dev/filesystem": ""}, "is not empty: it was not touched", 0),
        ({"dev/busy": ""}, "", 1),
    ],
    ids=("a volume with something on it", "a volume that is busy"),
)
def test_a_volume_is_neither_overwritten_nor_torn_away(bench, small, path, files, says, left):
    target = bench.host({**FULL, **files}, path=path)
    incident = bench.incident(target)
    result = bench.collect(target, incident, **small)
    assert result.result == "partial" and says in why(result, "memory")
    assert outcomes(result)["memory"] == ("failed" if says else "collected")
    found = volumes(bench, incident)
    assert len(found) == left and (bench.root(target) / "dev/formatted").exists() == (not says)
    if left:
        (attached,) = found[0]["Attachments"]
        assert (attached["State"], outcomes(result)["evidence volume"]) == ("attached", "failed")
        assert "is still attached (it is still mounted" in why(result, "evidence volume")
        assert any("left on the host: mounted at /var/lib/" in each for each in result.notes)


def test_another_disk_with_room_is_taken_first(bench, small, path):
    files = {**FULL, "dev/free_kib_of_data": "9000000\n", "data/own": "theirs",
             "proc/mounts": "tmpfs /run tmpfs rw 0 0\n/dev/a / xfs ro 0 0\n/dev/b /data xfs rw 0 0\n"}  # fmt: skip
    target = bench.host(files, path=path)
    incident = bench.incident(target)
    result = bench.collect(target, incident, **small)
    assert result.result == "done" and len(bench.commands(target)) == 1 and volumes(bench, incident) == []
    assert any(f"memory was written to /data/.aws-siem-bridge-{incident} on" in each for each in result.notes)
    assert [each.name for each in (bench.root(target) / "data").iterdir()] == ["own"]


def test_where_none_may_be_attached_memory_is_missing_as_before(bench, small, crowded):
    incident = bench.incident(crowded)
    result = bench.collect(crowded, incident, {"volume": False}, **small)
    assert result.result == "partial" and "name a folder of a larger volume" in why(result, "memory")
    assert volumes(bench, incident) == [] and outcomes(result)["kernel"] == "collected"


def test_at_the_deadline_a_volume_is_given_up(bench, small, crowded):
    incident = bench.incident(crowded)
    bench.wait(
        lambda: _ended(bench, crowded, incident, small) or len(bench.commands(crowded)) and volumes(bench, incident)
    )
    bench.later_s = 600 + step.GRACE_S + step.DETACH_S + 1
    result = bench.collect(crowded, incident, **small)
    assert result.result == "partial" and "no evidence volume: 0 s are left" in why(result, "memory")
    assert volumes(bench, incident) == []


def _ended(bench: Bench, target: Target, incident: str, small: Dict[str, Any]) -> List[str]:
    """Call once; return what came of it, nothing while it is still running."""
    try:
        return [bench.collection(target, incident, **small).collect(target, incident).result]
    except StillRunning:
        return []
    except CallProblem as exc:
        return [str(exc)]


CALLS = ("ec2:DescribeVolumes", "ec2:CreateVolume", "ec2:AttachVolume", "ec2:DetachVolume", "ec2:DeleteVolume")


def test_every_call_has_a_case(bench, small, crowded):
    bench.room.session.made.clear()
    assert bench.collect(crowded, **small).result == "done"
    made = {f"{service}:{call}" for service, call in bench.room.session.made}
    from tests.response.test_collect_volatile import CHANGING, READING

    assert made == {*READING, *CHANGING, *CALLS} - {"ssm:CancelCommand"}


@pytest.mark.parametrize(
    "call, kind, times",
    seen("evidence volume", [(call, kind, 1) for call in CALLS for kind in ("throttled", "timeout")])
    + [(call, kind, times) for call in CALLS for kind, times in (("denied", 0), ("half_done", 1))],
)
def test_a_failure_is_said_no_second_volume_is_made_and_a_re_run_goes_on(bench, small, crowded, call, kind, times):
    incident = bench.incident(crowded)
    session = bench.room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    said: List[str] = []
    most = 0

    def over() -> bool:
        nonlocal most
        said.extend(_ended(bench, crowded, incident, small))
        session_fault, session.fault = session.fault, None
        most = max(most, len(volumes(bench, incident)))
        session.fault = session_fault
        return bool(said)

    try:
        bench.wait(over)
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    assert most <= 1 and said == (["done"] if times else ["partial"]), said
    # A volume that was deleted would be the answer once more within the minute.
    bench.later_s = 61.0
    result = bench.collect(crowded, incident, **small)
    assert volumes(bench, incident) == [] and result.result == "done", (result.says, result.notes)
    assert bench.kept(crowded, incident)["memory.lime"] == avml.image()


def test_size_and_name_of_a_volume():
    assert [size_gib(each) for each in (1, 666, 16 << 10, 1 << 40)] == [2, 2, 19, 65_536]
    assert free_device(["/dev/xvda", "/dev/sda1", "/dev/sdf"]) == "/dev/sdp"
    assert free_device(["/dev/xvdp", "/dev/sdo"]) == "/dev/sdn"
    assert free_device([f"/dev/sd{each}" for each in "fghijklmnop"]) == ""


def test_an_instance_without_a_free_name_gets_no_volume(bench, crowded, monkeypatch):
    volume = step.CaptureVolume(bench.room.area, crowded, "names-1")
    monkeypatch.setattr("response.actions.capture_volume.free_device", lambda _: "")
    with pytest.raises(StillRunning):
        volume.attached(100, 0.0)
    with pytest.raises(CallRejected, match="no device name is free"):
        volume.attached(100, 0.0)
    assert volume.outcome(needed=False) is None and CaptureVolumes(bench.room.area, "names-1").found() == []
