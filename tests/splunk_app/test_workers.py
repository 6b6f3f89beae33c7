"""Large searches with fields: worker processes change nothing but the time it takes."""

from __future__ import annotations

import signal
from typing import Any, List

import psutil
import pytest

from lab.app_command import AppCommand

from .conftest import Splunk, Store

pytestmark = pytest.mark.splunk_python

#: Enough for workers to be started, and for several windows.
MANY = 14_000


@pytest.fixture(scope="module")
def many_index(engine: Any) -> str:
    store = Store(engine)
    return store.fill(({"n": n, "word": f"w{n % 7}", f"rare{n % 97}": [str(n), "x"]} for n in range(MANY)), shards=3)


def children_of(command: AppCommand) -> List[psutil.Process]:
    return psutil.Process(command.process.pid).children(recursive=True)


def test_every_row_arrives_once_and_in_order_whoever_encodes_it(prod: Splunk, many_index: str) -> None:
    ended = prod.run(f"| elasticsearch index={many_index} size=0").done
    rows = ended.rows
    assert [row["n"] for row in rows] == [str(n) for n in range(MANY)]
    for n in (0, 249, 250, 9_999, MANY - 1):
        assert rows[n]["word"] == f"w{n % 7}"
        assert rows[n][f"rare{n % 97}{{}}"] == [str(n), "x"]
    assert f"rows={MANY}" in ended.audit
    few = prod.run(f"| elasticsearch index={many_index} size=3000").done
    assert few.rows == rows[:3000]


def test_size_may_end_in_the_middle_of_a_workers_window(prod: Splunk, many_index: str) -> None:
    ended = prod.run(f"| elasticsearch index={many_index} size=12345").done
    assert [row["n"] for row in ended.rows] == [str(n) for n in range(12_345)]
    (warning,) = ended.texts("INFO")
    assert str(MANY) in warning


def test_workers_end_with_the_search(prod: Splunk, store: Store, many_index: str) -> None:
    prod.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"page_size_docs": "200"})
    with prod.start(f"| elasticsearch index={many_index} size=0") as command:
        command.getinfo()
        while not (workers := children_of(command)):
            assert command.execute().body
        command.process.send_signal(signal.SIGTERM)
        assert command.wait(10) == 128 + signal.SIGTERM
        assert command.stderr() == ""
        gone, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive
    assert store.contexts_left(many_index) == 0


def test_workers_do_not_outlive_a_killed_search(prod: Splunk, many_index: str) -> None:
    prod.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"page_size_docs": "200"})
    with prod.start(f"| elasticsearch index={many_index} size=0") as command:
        command.getinfo()
        while not (workers := children_of(command)):
            assert command.execute().body
        command.process.kill()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert not alive


def test_a_worker_that_dies_fails_the_search(prod: Splunk, many_index: str) -> None:
    prod.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"page_size_docs": "200"})
    with prod.start(f"| elasticsearch index={many_index} size=0") as command:
        command.getinfo()
        while not (workers := children_of(command)):
            assert command.execute().body
        for worker in workers:
            worker.kill()
        replies = []
        for _ in range(MANY):
            try:
                replies.append(command.execute())
            except (EOFError, BrokenPipeError):
                break
        assert command.wait(10) == 1
        (error,) = [text for reply in replies for level, text in reply.messages if level == "ERROR"]
        assert "worker process" in error
        assert not replies[-1].finished


def test_no_secret_in_a_workers_arguments_or_environment(as_user: Any, secured: Any) -> None:
    splunk = as_user("root")
    index = Store(secured).fill({"n": n} for n in range(MANY))
    password = secured.users["root"]
    splunk.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"page_size_docs": "200"})
    with splunk.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        while not (workers := children_of(command)):
            assert command.execute().body
        for process in [psutil.Process(command.process.pid), *workers]:
            assert password not in " ".join(process.cmdline())
            assert password not in str(process.environ())
