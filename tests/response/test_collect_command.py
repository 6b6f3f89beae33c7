"""``respond collect`` as a responder uses it: all steps, ended in the middle and run again, and how it ends."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from typing import List

import pytest

import response.cli.collect as collect_command
from lab import avml
from response.core.target import Target
from tests.response.command_line import run
from tests.response.hosts import DOCUMENT, KEY, Bench
from tests.response.server_room import REGION, ServerRoom
from tests.response.test_custody import signing_key

TOOLS = "/siem-bridge/capture-tools"


@pytest.fixture(scope="module")
def bench(room: ServerRoom) -> Bench:
    found = Bench(room)
    tools = {"x86_64": {"key": KEY, "sha256": found.tool.sha256}}
    room.account.client("ssm", REGION).put_parameter(Name=TOOLS, Type="String", Value=json.dumps(tools))
    return found


@pytest.fixture(scope="module")
def key(room: ServerRoom) -> str:
    return signing_key(room).id


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collect_command, "EVERY_S", 0.1)


def command(bench: Bench, target: Target, incident: str, *more: str) -> List[str]:
    where = ["--region", REGION, "--bucket", bench.room.locked_bucket(), "--lock-days", "1", "--incident", incident]
    return ["collect", target.instance, *where, *more]


def buckets(bench: Bench) -> List[str]:
    return ["--jobs-bucket", bench.jobs, "--tools-bucket", bench.tools, "--document", DOCUMENT]


@pytest.mark.usefixtures("quick")
def test_a_responder_collects_everything_and_verifies_it(bench, key, capsys):
    target = bench.host()
    incident = bench.incident(target)
    where = command(bench, target, incident)
    status, out, _ = run(capsys, *where, "--dry-run")
    assert status == 0 and out.count("planned: ") == 5 and bench.commands(target) == []
    steps = ["--steps", "context,volatile,snapshot,archive", "--signing-key", key, *buckets(bench)]
    status, out, err = run(capsys, *where, *steps, "--upload-role", bench.room.account.role("uploads"))
    assert (status, out.count("done: ")) == (0, 4), out + err
    # The host is told first and waited for after the context; AWS's progress is shown.
    assert err.index("missing: user data: the instance has no user data") < err.index("collected: memory")
    assert "snapshot: AWS is at snap-" in err and "(42%)" in err and "collected: user data" not in err
    assert bench.kept(target, incident)["memory.lime"] == avml.image()
    status, out, _ = run(capsys, *where, *steps, "--result", "json")
    found = {each["action"]: each["result"] for each in json.loads(out)["steps"]}
    assert (status, found.pop("collect_volatile")) == (0, "done") and set(found.values()) == {"already_done"}
    assert len(bench.commands(target)) == 1 and bench.open_uploads(target) == []
    place = f"s3://{bench.room.locked_bucket()}/{bench.folder(target, incident)}"
    status, out, _ = run(capsys, "verify", place, "--region", REGION, "--incident", incident)
    assert status == 0 and out.startswith("verified: ")


@pytest.mark.parametrize(
    "number, ends", [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.full)]
)
@pytest.mark.usefixtures("quick")
def test_a_run_that_is_stopped_says_what_goes_on_and_is_continued(bench, capsys, number, ends):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    argv = command(bench, target, incident, *buckets(bench), "--steps", "context,volatile,archive")
    line = [sys.executable, "-m", "aws_siem_bridge", "respond", *argv, "--result", "json"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as ran:
        watchdog = threading.Timer(240, ran.kill)
        watchdog.start()
        assert ran.stderr and ran.stdout
        said = ""
        for text in ran.stderr:
            said += text
            if text.startswith("volatile: "):
                ran.send_signal(number)
                break
        said += ran.stderr.read()
        known = json.loads(ran.stdout.read())
        assert ran.wait() == ends, said
        watchdog.cancel()
    assert known["interrupted"] and known["not_done"] == ["volatile", "archive"]
    assert [each["action"] for each in known["steps"]] == ["collect_context"]
    assert "stopped; not done: volatile, archive" in said and "Traceback" not in said
    assert "volatile: the host goes on until it is done" in said and "snapshot: AWS" not in said
    more = re.search(r"to go on: the same command with (.*)", said)
    assert more and more[1] == f"--incident {incident} --steps volatile,archive"
    bench.room.account.deliver_commands(REGION)
    status, out, err = run(capsys, *argv, *more[1].split(), "--result", "json")
    found = {each["action"]: each["result"] for each in json.loads(out)["steps"]}
    # Nothing signs the manifest here: that is less than was asked for.
    assert (status, found) == (1, {"collect_volatile": "done", "archive": "partial"}), err
    assert len(bench.commands(target)) == 1 and bench.kept(target, incident)["memory.lime"] == avml.image()


@pytest.mark.usefixtures("quick")
def test_a_step_that_fails_stops_none_that_follows(bench, key, capsys):
    target = bench.host()
    argv = command(bench, target, bench.incident(target), "--jobs-bucket", "nobody-s", "--signing-key", key)
    status, out, _ = run(capsys, *argv, "--steps", "volatile,context,logs,archive")
    results = re.findall(r"^(done|partial|failed): ", out, re.MULTILINE)
    assert (status, results) == (1, ["done", "failed", "partial", "partial"])
    assert "NoSuchBucket" in out and "no raw store is configured" in out


@pytest.mark.usefixtures("quick")
def test_without_a_bucket_of_tools_the_rest_of_the_host_is_collected(bench, capsys):
    target = bench.host()
    argv = command(bench, target, bench.incident(target), "--jobs-bucket", bench.jobs, "--steps", "volatile")
    status, out, err = run(capsys, *argv)
    assert status == 1 and out.startswith("partial: ") and "failed: memory: no bucket of capture tools was given" in err
    assert "collected: processes" in err


@pytest.mark.usefixtures("quick")
def test_what_is_not_complete_in_time_is_failed_and_says_how_to_go_on(bench, capsys):
    target = bench.host(hold=True)
    incident = bench.incident(target)
    argv = command(bench, target, incident, *buckets(bench), "--steps", "volatile", "--wait-minutes", "0")
    status, out, err = run(capsys, *argv)
    assert status == 1 and "failed: volatile is not complete after 0 minutes" in out
    assert f"to go on: the same command with --incident {incident} --steps volatile" in err


def test_a_long_archive_tells_how_far_it_is(bench, key, capsys, monkeypatch):
    target = bench.host()
    argv = command(bench, target, bench.incident(target), "--signing-key", key)
    monkeypatch.setattr(collect_command, "ARCHIVE_S", 0.0)
    status, out, err = run(capsys, *argv, "--steps", "context,archive")
    assert status == 0 and out.count("done: ") == 2
    told = [int(each) for each in re.findall(r"archive: (\d+) objects are hashed", err)]
    assert len(told) > 3 and told == sorted(set(told))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--steps", "memory"], "give some of context,volatile,snapshot,logs,archive"),
        ([], "volatile needs --jobs-bucket"),
        (["--jobs-bucket", "b", "--deadline-seconds", "9"], "--deadline-seconds 9: 60 to 3300 are possible"),
        (["--jobs-bucket", "b", "--work-folder", "/"], "--work-folder /: an absolute path"),
        (["--jobs-bucket", "b", "--evidence-key", "k"], "--evidence-key goes with --upload-role"),
        (["--jobs-bucket", "b", "--upload-role", "me"], "'me' is no ARN of a role"),
        (["--steps", "context", "--lock", "forever"], "no mode of Object Lock"),
        (["--steps", "context", "--share-with", "1" * 12], "--share-with needs --snapshot-key"),
        (["--steps", "context", "--vpc-flow", "logs"], "is no address in S3"),
    ],
)  # fmt: skip
def test_wrong_usage_is_told_before_anything_is_done(bench, capsys, argv, says):
    target = Target(bench.room.account.id, REGION, "i-0123456789abcdef0")
    status, out, err = run(capsys, *command(bench, target, "usage-1"), *argv)
    assert (status, out) == (2, "") and says in err and "Traceback" not in err
