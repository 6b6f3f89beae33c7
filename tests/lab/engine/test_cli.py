"""``aws-siem-bridge lab engine``: an engine that stays until it is stopped."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List

import psutil
import pytest

from lab.engine import detached
from lab.engine.cache import cache_dir


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Run ``lab engine`` with a cache of its own that shares the downloads; stop what is left at the end."""
    shared = cache_dir()
    own = tmp_path / "cache"
    own.mkdir()
    for name in ("artifacts", "homes", "java"):
        (shared / name).mkdir(parents=True, exist_ok=True)
        (own / name).symlink_to(shared / name)
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(own))

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        line: List[str] = [sys.executable, "-m", "aws_siem_bridge", "lab", "engine", *words]
        return subprocess.run(line, capture_output=True, text=True, cwd=Path(__file__).parents[3], check=False)

    yield command
    command("stop")


def test_start_status_stop(engine, run, call):
    nothing = run("status")
    assert (nothing.returncode, nothing.stdout) == (1, "")
    assert "lab engine start" in nothing.stderr

    started = run("start", "--format", "jsonl")
    assert started.returncode == 0, started.stderr
    state = json.loads(started.stdout)
    java = psutil.Process(state["pid"])
    answering = SimpleNamespace(url=state["url"], ca_file=None, users={})
    assert call(answering, "GET", "/")[0] == 200
    call(answering, "PUT", "/kept/_doc/1?refresh=true", {"a": 1})

    again = json.loads(run("start", "--format", "jsonl").stdout)
    assert again["pid"] == state["pid"], "a second start gives the running engine"
    shown = run("status")
    assert shown.returncode == 0
    assert f"opensearch-2.19 running: {state['url']} (pid {state['pid']}" in shown.stdout
    assert [json.loads(line)["running"] for line in run("list", "--format", "jsonl").stdout.splitlines()].count(
        True
    ) == 1

    at_first_sight = run("start")
    assert f"export AWS_SIEM_BRIDGE_URL={state['url']}" in at_first_sight.stdout
    environment = {name: value for name, value in os.environ.items() if name != "AWS_SIEM_BRIDGE_URL"}
    ping = subprocess.run(
        [
            sys.executable,
            "-c",
            "import es_bridge.cli.connection as c; c.DEFAULT_URL = 'http://127.0.0.1:1'\n"
            "import sys, aws_siem_bridge; sys.exit(aws_siem_bridge.main(['ping']))",
        ],
        capture_output=True,
        text=True,
        env=environment,
        cwd=Path(__file__).parents[3],
    )
    assert ping.returncode == 1
    assert f"an engine of the lab runs at {state['url']}. To use it: export AWS_SIEM_BRIDGE_URL=" in ping.stderr

    stopped = run("stop")
    assert (stopped.returncode, "opensearch-2.19 stopped" in stopped.stdout) == (0, True)
    # Where nobody collects orphans (a container), what is left of a process is a zombie.
    assert not java.is_running() or java.status() == psutil.STATUS_ZOMBIE
    assert run("status").returncode == 1
    assert run("stop").returncode == 0

    third = json.loads(run("start", "--format", "jsonl").stdout)
    answering.url = third["url"]
    assert call(answering, "GET", "/kept/_doc/1")[1]["_source"] == {"a": 1}, "the data stays for the next start"


def test_a_start_killed_before_the_engine_is_ready_leaves_no_engine(engine, run):
    command = [sys.executable, "-m", "aws_siem_bridge", "lab", "engine", "start"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[3]) as starting:
        parent = psutil.Process(starting.pid)
        java: List[psutil.Process] = []
        while not java:
            assert starting.poll() is None
            java = [child for child in parent.children() if "EngineServer" in child.cmdline()]
        starting.kill()
    assert not psutil.wait_procs(java, timeout=60)[1]
    assert run("status").returncode == 1


def test_a_state_file_of_another_process_is_not_believed(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SIEM_BRIDGE_CACHE", str(tmp_path))
    stale = detached.Detached("opensearch-2.19", os.getpid(), "http://127.0.0.1:1", 0.0, "/nowhere", "log", None, None)
    path = detached._state_file("opensearch-2.19")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(stale.__dict__))
    assert detached.find_detached("opensearch-2.19") is None
    assert not path.exists()


def test_a_port_in_use_is_a_message_not_a_traceback(engine, run):
    refused = run("start", "--port", engine.url.rsplit(":", 1)[1])
    assert refused.returncode == 1
    assert "is in use" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_help_teaches_with_examples(run):
    shown = run("--help")
    assert shown.returncode == 0
    assert "aws-siem-bridge lab engine start --engine opensearch-3 --port 9200" in shown.stdout
    wrong = run("start", "--engine", "opensearch-9")
    assert wrong.returncode == 2
    assert "opensearch-2.19" in wrong.stderr
