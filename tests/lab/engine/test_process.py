"""An engine starts, answers, keeps to its ports and folders, and never stays behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any, Dict, List

import psutil
import pytest

from lab.engine import ENGINES, EngineUnavailable, process, start_engine
from lab.engine.progress import silent


def test_ready_means_that_an_index_can_be_created_filled_and_searched(engine, call):
    assert call(engine, "PUT", "/lab-ready", {"settings": {"number_of_replicas": 0}})[0] == 200
    lines = "".join(f'{{"create":{{"_id":"{n}"}}}}\n{{"n":{n}}}\n' for n in range(100))
    status, bulk = call(engine, "POST", "/lab-ready/_bulk?refresh=true", lines)
    assert (status, bulk["errors"], len(bulk["items"])) == (200, False, 100)
    status, found = call(engine, "GET", "/lab-ready/_search?q=n:42")
    assert (status, [hit["_id"] for hit in found["hits"]["hits"]]) == (200, ["42"])
    call(engine, "DELETE", "/lab-ready")


def test_the_engine_is_what_the_catalogue_says(engine, call):
    _, root = call(engine, "GET", "/")
    assert root["version"]["number"] == engine.version == ENGINES["opensearch-2.19"].version
    assert psutil.Process(engine.pid).is_running()
    assert "started" in engine.log_file.read_text("utf-8")
    assert engine.ca_file is None
    assert engine.users == {}


def test_documents_log_and_settings_survive_a_kill_and_sigterm_stops_in_order(tmp_path, call):
    with start_engine("opensearch-2.19", data_dir=tmp_path) as engine:
        call(engine, "PUT", "/kept/_doc/1?refresh=true", {"a": 1})
        engine.kill()
    with start_engine("opensearch-2.19", data_dir=tmp_path, settings={"search.max_buckets": 7}) as engine:
        assert call(engine, "GET", "/kept/_doc/1")[1]["_source"] == {"a": 1}
        (node,) = call(engine, "GET", "/_nodes/_local/settings?flat_settings=true")[1]["nodes"].values()
        assert node["settings"]["search.max_buckets"] == "7"
        java = psutil.Process(engine.pid)
        os.kill(engine.pid, signal.SIGTERM)
        assert java.wait(timeout=60) == 143
        assert "closed" in engine.log_file.read_text("utf-8")
        assert not engine.running
    assert engine.log_file.read_text("utf-8").count("started") >= 2


def test_a_setting_the_engine_refuses_is_said_with_its_log(tmp_path):
    with pytest.raises(EngineUnavailable, match=r"(?s)opensearch-2\.19 on .*unknown setting \[no\.such\.setting\]"):
        start_engine("opensearch-2.19", settings={"no.such.setting": 1})


def test_an_unknown_engine_names_the_known_ones():
    with pytest.raises(EngineUnavailable, match="opensearch-2.19, "):
        start_engine("opensearch-0.1")


def test_ports_in_use_are_replaced_by_free_ones_and_stop_leaves_nothing(monkeypatch, call):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        offered: List[List[int]] = []
        free_ports = process.free_ports

        def first_offer_is_busy(count: int) -> List[int]:
            offered.append([busy, *free_ports(count - 1)] if not offered else free_ports(count))
            return offered[-1]

        monkeypatch.setattr(process, "free_ports", first_offer_is_busy)
        with start_engine("opensearch-2.19") as engine:
            assert len(offered) == 2
            assert engine.url == f"http://127.0.0.1:{offered[1][0]}"
            assert call(engine, "GET", "/")[0] == 200
            assert engine.node_dir.is_dir()
    # Leaving the block stopped it; it was in a temporary folder.
    assert not psutil.pid_exists(engine.pid)
    assert not engine.node_dir.exists()
    engine.stop()  # a second time does nothing


def test_another_engine_on_the_port_is_not_taken_for_ours(engine, tmp_path):
    port = int(engine.url.rsplit(":", 1)[1])
    with pytest.raises(EngineUnavailable, match=f"port {port} is in use"):
        process.start_node("opensearch-2.19", tmp_path, {}, 512, silent, keep=True, wanted_port=port)


_OWNER = """
import sys, time
from lab.engine import start_engine
engine = start_engine("opensearch-2.19")
print(engine.pid, engine.node_dir, flush=True)
time.sleep(600)
"""


@pytest.fixture
def owner() -> Any:
    """Start a process of its own that owns an engine; give it, the engine's process and its folder."""
    python = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_OWNER)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(process.__file__).parents[2],
    )
    assert python.stdout
    pid, _, folder = python.stdout.readline().strip().partition(" ")
    java = psutil.Process(int(pid))
    yield {"python": python, "java": java, "folder": Path(folder)}
    for left in (python, java):
        if left.poll() is None if isinstance(left, subprocess.Popen) else left.is_running():
            left.kill()
    python.wait()
    python.stdout.close()


@pytest.mark.slow("an engine of its own")
@pytest.mark.parametrize(
    "how",
    # SIGTERM ends a Python program as SIGKILL does: it runs nothing of its own any more.
    [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.full), signal.SIGINT],
    ids=lambda s: s.name,
)
def test_an_engine_goes_when_its_owner_goes(owner: Dict[str, Any], how: signal.Signals):
    owner["python"].send_signal(how)
    gone, left = psutil.wait_procs([owner["java"]], timeout=60)
    assert not left
    # On SIGINT Python stops the engine and only then removes the folder; else the engine did so before its end.
    owner["python"].wait(timeout=60)
    assert not owner["folder"].exists()
