"""``script/demo``: what a new user runs first, from the engine's start to its stop."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab.aws import AwsStandIn, Layout
from lab.demo.load import start_loader
from lab.demo.place import Place
from lab.demo.tour import EVENTS, RESULTS, TOUR
from lab.engine import Engine
from tests.lab.demo.conftest import DEMO, LONGEST_S, ROOT, Kept, demo, indices
from tests.splunk_app.conftest import Store

pytestmark = pytest.mark.timeout(LONGEST_S)


def test_tour(kept: Kept) -> None:
    shown, said = kept.done.stdout, kept.done.stderr
    assert kept.done.returncode == 0, shown + said
    assert '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied"' in shown
    assert shown.count("job DONE") == len(TOUR) - 1 + 1, "the tour's, and the timeline of the response"
    assert shown.count("job FAILED") == 1
    assert "203.0.113.66" in shown, "the thief is not in the table"
    assert "1,500 events in " in shown
    for log, records in {"CloudTrail": "1,500", "VPC Flow Logs": "1,500", "AWS WAF": "375"}.items():
        assert f"{log}: {records} of {records} records" in said
    assert "BLOCK" in shown, "no request the WAF stopped"
    assert "cdn-update.example.net." in shown, "no look-up of the attacker's host"
    assert "Example Virtual Servers" in shown, "nobody says whose the shell's address is"
    assert "INFO: 1500 documents match, the newest 3 are returned" in shown
    assert '\n{"@timestamp":' in shown, "no whole document as it is stored"
    last = shown.rpartition(f"[{len(TOUR)}/{len(TOUR)}]")[2]
    assert "WARN: no index with events of the range has a field 'errorcode'" in last
    assert "\x1b" not in shown + said, "a pipe gets colours"
    assert shown.count("which is not Splunk") == 1, "said once, by the first pipeline"
    assert "arn:aws:iam::111122223333:user/" in shown.partition("A whole pipeline")[2].partition("job DONE")[0]


def test_every_step_that_finds_something_shows_it(kept: Kept) -> None:
    """No table of a tour has a column without a value, or nothing but a time."""
    for number, step in enumerate(TOUR, 1):
        part = kept.done.stdout.partition(f"[{number}/{len(TOUR)}]")[2].partition("; job ")[0]
        if step.ends_with == EVENTS:
            assert "_time" in part, part
        if step.ends_with == RESULTS:
            assert re.search(r"^[1-9][0-9]* rows? in ", part, re.MULTILINE), part
            assert "─" in part or re.search("^field ", part, re.MULTILINE), part


def of_step(shown: str, beginning: str) -> str:
    """Return what the tour shows of the step whose reason begins so."""
    number = next(number for number, step in enumerate(TOUR, 1) if step.why.startswith(beginning))
    return shown.partition(f"[{number}/{len(TOUR)}]")[2].partition("; job ")[0]


def test_findings_arrive_and_lead_to_the_raw_store(kept: Kept) -> None:
    shown, said = kept.done.stdout, kept.done.stderr
    assert "GuardDuty: 6 findings in index=aws_findings" in said
    assert "Security Hub: 9 findings in index=aws_findings" in said
    found = of_step(shown, "What AWS itself")
    assert re.search(
        r"^critical +AttackSequence:S3/CompromisedData +shop-production +shop-oncall@", found, re.MULTILINE
    )
    assert len(re.findall("shop-production", found)) == 6
    behind = of_step(shown, "One of them")
    assert re.search(r"^shop-production +203\.0\.113\.66 +GetCallerIdentity *$", behind, re.MULTILINE)
    assert re.search(r"^shop-production +203\.0\.113\.66 +ListUsers +AccessDenied *$", behind, re.MULTILINE)
    assert re.search(r" shop-web-1 +10\.20\.11\.15 +shop ", of_step(shown, "And the machine"))


def test_kept_engine_is_not_filled_again(kept: Kept) -> None:
    again = demo(kept.cache, "--non-interactive")
    assert of_step(again.stdout, "And the machine").count("shop-web-1") == 1
    assert again.returncode == 0, again.stdout + again.stderr
    assert "1,500 events in " in again.stdout
    assert "records" not in again.stderr
    assert "the response to it belong to a fresh start" in again.stderr and "sendalert" not in again.stdout
    assert f"the engine stays at {kept.url}" in again.stderr


def test_engine_of_the_user_is_neither_filled_nor_stopped(kept: Kept, engine: Engine, tmp_path: Path) -> None:
    assert kept.url != engine.url
    assert kept.new_in_users_engine == set()
    # A demo that has no engine of its own, where the user has one.
    (tmp_path / "running").symlink_to(kept.cache / "running")
    done = demo(tmp_path, "--stop")
    assert (done.returncode, done.stderr) == (0, "aws-siem-bridge: no engine of the demo is running\n")
    assert engine.running


def test_other_checkouts_engine_is_not_stopped(kept: Kept, tmp_path: Path) -> None:
    other = tmp_path / "checkout"
    shutil.copytree(ROOT, other, ignore=shutil.ignore_patterns(".*", "dist", "tests", "*.egg-info", "__pycache__"))
    done = subprocess.run(
        [*DEMO, "--stop"],
        cwd=other,
        env={**os.environ, "AWS_SIEM_BRIDGE_CACHE": str(kept.cache)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "aws-siem-bridge: no engine of the demo is running\n")
    assert indices(kept.url)
    assert len(list((kept.cache / "demo").iterdir())) == 2


def test_second_demo_of_a_checkout_is_told_where_the_first_is(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(kept.cache))
    with Place() as place:
        assert place.kept()
        for arguments in (["--non-interactive"], ["--stop"]):
            done = demo(kept.cache, *arguments)
            assert done.returncode == 1
            assert done.stderr == (
                "aws-siem-bridge: another demo of this checkout is running. "
                f"Search its engine from here: script/demo --url {kept.url}\n"
            )


def test_tour_on_a_users_cluster_writes_nothing(own_cache: Path, engine: Engine) -> None:
    # Whatever other tests have left: one log is there, and the others are not.
    Store(engine).fill([{"eventName": "GetObject"}])
    before = indices(engine.url)
    done = demo(own_cache, "--non-interactive", "--url", engine.url)
    assert done.returncode == 0, done.stdout + done.stderr
    # What is in Splunk's own index is not there.
    steps = sum(not step.of_splunk for step in TOUR)
    assert f"[{steps}/{steps}]" in done.stdout and "aws_findings" not in done.stdout
    assert indices(engine.url) == before


@pytest.mark.parametrize(("url", "status"), [("http://127.0.0.1:9", 1), ("nonsense", 2)])
def test_cluster_that_cannot_be_reached_is_one_error(tmp_path: Path, url: str, status: int) -> None:
    done = demo(tmp_path, "--url", url, "--connect-timeout", "2")
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.startswith("aws-siem-bridge: ")
    assert len(done.stderr.splitlines()) == 1


#: Starts the engine as a demo does, and is then killed as nobody can prevent.
_KILLED = """
import os, signal
from lab.aws import AwsStandIn, Layout
from lab.demo.load import start_loader
from lab.demo.place import Place
with Place() as place:
    place.start(lambda *what: None)
    node, process = place._started
    print(process.pid, node.folder, " ".join(process.args), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_killed_demo_leaves_no_engine_and_another_can_start(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    shutil.copytree(own_cache, cache, symlinks=True, ignore=shutil.ignore_patterns("demo"))
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(cache))
    killed = subprocess.run([sys.executable, "-c", _KILLED], capture_output=True, text=True, cwd=ROOT)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    pid, folder, command = killed.stdout.split(" ", 2)
    assert "-XX:TieredStopAtLevel=1" in command
    try:
        psutil.Process(int(pid)).wait(240)
    except psutil.NoSuchProcess:
        pass
    assert not Path(folder).exists()
    with Place() as place:
        assert place.kept() is None


def test_killed_demo_leaves_no_loader(aws: AwsStandIn, layout: Layout, engine: Engine, tmp_path: Path) -> None:
    loader = start_loader(aws, layout.queue("of-a-killed-demo").url, engine.url, tmp_path, tmp_path / "log")
    with loader, pytest.raises(subprocess.TimeoutExpired):
        loader.wait(10)  # it works, and would for good
    loader.wait(60)
    assert (tmp_path / "log").read_text().count("Traceback") == 0
