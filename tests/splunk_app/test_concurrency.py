"""How many searches run at a time: real processes, also such as are killed, hold and free the slots."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Iterator, List

import psutil
import pytest

from lab.app_command import AppCommand
from lab.splunkd import add_cluster

from .conftest import Splunk, Store

pytestmark = pytest.mark.splunk_python

MANY = 14_000
APP_FOLDER = Path("var", "run", "splunk", "aws_siem_bridge")


@pytest.fixture(scope="module")
def many_index(engine: Any) -> str:
    return Store(engine).fill(({"n": n} for n in range(MANY)), shards=3)


@pytest.fixture
def two_at_a_time(prod: Splunk, store: Store) -> Splunk:
    add_cluster(prod.splunkd.state, store.config, ceilings={"max_concurrent_searches": "2"})
    return prod


@pytest.fixture
def running(two_at_a_time: Splunk, many_index: str) -> Iterator[List[AppCommand]]:
    """Two searches that have given their first rows and wait to be asked for more."""
    line = f"| elasticsearch index={many_index} size=0"
    with ExitStack() as stack:
        commands = [stack.enter_context(two_at_a_time.start(line)) for _ in range(2)]
        for command in commands:
            command.getinfo()
            assert command.execute().rows()
        yield commands


def one_more(splunk: Splunk, index: str) -> Any:
    return splunk.run(f"| elasticsearch index={index} size=5")


def test_one_too_many_is_an_error_that_names_the_ceiling(
    two_at_a_time: Splunk, running: List[AppCommand], many_index: str
) -> None:
    for _ in range(2):  # a search that was refused takes nothing
        ended = one_more(two_at_a_time, many_index)
        for words in ("max_concurrent_searches = 2", "'prod'", "configuration page, tab Clusters"):
            assert words in ended.error
        assert ended.rows == []
        assert 'outcome="failed"' in ended.audit.splitlines()[-1]
    running[0].close_input()
    running[0].wait()
    assert len(one_more(two_at_a_time, many_index).done.rows) == 5


def test_a_process_that_only_tells_its_configuration_takes_no_slot(two_at_a_time: Splunk, many_index: str) -> None:
    line = f"| elasticsearch index={many_index} size=5"
    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(two_at_a_time.start(line)).getinfo()
        assert len(one_more(two_at_a_time, many_index).done.rows) == 5


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_slot_of_a_process_that_is_ended_is_free(
    two_at_a_time: Splunk, running: List[AppCommand], many_index: str, how: signal.Signals
) -> None:
    running[1].process.send_signal(how)
    running[1].wait(10)
    assert len(one_more(two_at_a_time, many_index).done.rows) == 5


def test_worker_processes_that_outlive_their_parent_hold_no_slot(
    two_at_a_time: Splunk, running: List[AppCommand], many_index: str
) -> None:
    parent = psutil.Process(running[0].process.pid)
    while not (workers := parent.children()):
        assert running[0].execute().body
    for worker in workers:
        worker.suspend()
    try:
        running[0].process.kill()
        running[0].wait(10)
        assert all(worker.is_running() for worker in workers)
        assert len(one_more(two_at_a_time, many_index).done.rows) == 5
    finally:
        for worker in workers:
            worker.resume()
    assert not psutil.wait_procs(workers, timeout=30)[1]


def test_slots_are_counted_a_cluster(
    two_at_a_time: Splunk, running: List[AppCommand], store: Store, many_index: str
) -> None:
    two_at_a_time.add_cluster("other", *store.config.hosts)
    ended = two_at_a_time.run(f"| elasticsearch cluster=other index={many_index} size=5").done
    assert len(ended.rows) == 5


def test_files_are_for_splunks_own_user_only(two_at_a_time: Splunk, running: List[AppCommand]) -> None:
    slots = two_at_a_time.home / APP_FOLDER / "slots"
    (of_cluster,) = slots.iterdir()
    assert sorted(path.name for path in of_cluster.iterdir()) == ["1", "2"]
    for path in (slots.parent, slots, of_cluster):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in of_cluster.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["../../prod", "..", "a/b", "p r\u00f6d", "x" * 300, "-", ""])
def test_any_name_of_a_cluster_stays_in_the_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from search_command.concurrency import slot, slot_folder

    monkeypatch.setenv("SPLUNK_HOME", str(tmp_path))
    (tmp_path / APP_FOLDER).parent.mkdir(parents=True)
    folder = slot_folder(name)
    assert folder.parent == tmp_path / APP_FOLDER / "slots"
    with slot(name, 1):
        assert [path.name for path in folder.iterdir()] == ["1"]
    assert folder.resolve() == folder
    assert folder != slot_folder(name + "x") and folder != slot_folder(name.upper() + "Y")


def test_a_folder_that_cannot_be_written_is_an_error_that_names_it(two_at_a_time: Splunk, many_index: str) -> None:
    if os.geteuid() == 0:
        # Nothing is forbidden to root, but a file is no folder for anybody.
        folder = two_at_a_time.home / APP_FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "slots").write_text("")
    else:
        (two_at_a_time.home / APP_FOLDER).mkdir(mode=0o500, parents=True, exist_ok=True)
    ended = one_more(two_at_a_time, many_index)
    assert "slots" in ended.error
