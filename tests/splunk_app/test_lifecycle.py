"""How a command starts and ends: started for its configuration, cancelled, cut off, finalized, replayed."""

import gzip
import json
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Callable, Iterator, List, Tuple

import psutil
import pytest

from lab.app_command import SCRIPTS, AppCommand
from lab.engine import Engine
from lab.splunkd import User
from splunk_bridge.chunked import Job

from .conftest import Splunk, Store

pytestmark = pytest.mark.splunk_python

RECORDINGS = Path(__file__).resolve().parents[3] / "shared" / "splunkd_recordings"


class Listener:
    """Accepts connections, counts them, and never answers."""

    def __init__(self) -> None:
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}"
        self.connections: List[Any] = []
        self.connected = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self.connections.append(self.server.accept())
            except OSError:
                return
            self.connected.set()

    def close(self) -> None:
        self.server.close()
        for connection, _ in self.connections:
            connection.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listening = Listener()
    yield listening
    listening.close()


def test_garbage_is_looked_for_again_when_the_search_begins() -> None:
    program = """
import quick_start, import_paths
import contextlib, gc, types
from search_command.elasticsearch.command import ElasticsearchCommand
command = ElasticsearchCommand()
before = gc.isenabled()
command._settings = types.SimpleNamespace(cluster=types.SimpleNamespace(name="prod"), max_concurrent_searches=None)
closed = types.SimpleNamespace(close=lambda: None)
with command.at_work(contextlib.nullcontext(), closed):
    print(before, gc.isenabled(), gc.get_freeze_count() > 10000)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=SCRIPTS, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("False True True\n", "")


def big_index(store: Store) -> str:
    """More documents than the command fetches ahead of its reader, so that the search is still going on."""
    padding = "x" * 2000
    return store.fill({"n": n, "padding": padding} for n in range(4000))


@pytest.fixture
def slow(prod: Splunk, store: Store) -> Splunk:
    """A Splunk whose cluster hands out small pages."""
    prod.splunkd.state.set_stanza("aws_siem_bridge_cluster", "prod", {"page_size_docs": "100"})
    return prod


def test_a_start_for_the_configuration_touches_no_network(splunk: Splunk, listener: Listener) -> None:
    splunk.add_cluster("prod", listener.url)
    for _ in range(2):
        with splunk.start("| elasticsearch index=x nonsense") as command:
            assert command.getinfo().metadata["type"] == "stateful"
            command.close_input()
            assert command.wait() == 0
            assert command.stderr() == ""
            assert command.audit_log() == ""
    assert splunk.splunkd.requests == []
    assert listener.connections == []


def test_end_of_input_before_anything(splunk: Splunk) -> None:
    with splunk.start("| elasticsearch index=x") as command:
        command.close_input()
        assert command.wait() == 0
        assert command.stderr() == ""


def test_cancel_closes_what_is_open_in_the_cluster(slow: Splunk, store: Store) -> None:
    index = big_index(store)
    with slow.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        assert list(command.execute().rows())
        assert store.open_contexts(index)
        command.process.send_signal(signal.SIGTERM)
        assert command.wait() == 128 + signal.SIGTERM
        assert command.stderr() == ""
        assert 'outcome="cancelled"' in command.audit_log()
    assert store.contexts_left(index) == 0


def test_cancel_while_the_cluster_does_not_answer(splunk: Splunk, listener: Listener) -> None:
    splunk.add_cluster("prod", listener.url)
    with splunk.start("| elasticsearch index=x") as command:
        command.getinfo()
        command.ask()
        assert listener.connected.wait(30)
        command.process.send_signal(signal.SIGTERM)
        # The command itself gives a cluster 1.7 s to confirm; its request timeout is 120 s.
        assert command.wait(20) == 128 + signal.SIGTERM
        assert command.stderr() == ""


def test_closed_output_ends_quietly(slow: Splunk, store: Store) -> None:
    index = big_index(store)
    with slow.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        command.execute()
        command.close_output()
        try:
            command.ask()
        except BrokenPipeError:
            pass
        assert command.wait() == 0
        assert command.stderr() == ""
        assert 'outcome="closed"' in command.audit_log()
    assert store.contexts_left(index) == 0


def test_end_of_input_in_the_middle_ends_quietly(slow: Splunk, store: Store) -> None:
    index = big_index(store)
    with slow.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        command.execute()
        command.close_input()
        assert command.wait() == 0
        assert command.stderr() == ""
    assert store.contexts_left(index) == 0


@pytest.mark.parametrize("how", ["finalize", "status"])
def test_finalize_keeps_what_was_sent(slow: Splunk, store: Store, how: str) -> None:
    index = big_index(store)
    with slow.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        first = command.execute()
        assert list(first.rows())
        if how == "finalize":
            (command.dispatch_dir / "finalize").touch()
        else:
            command.write_status("FINALIZING", finalized=1)
        last = command.execute()
        assert last.finished
        assert last.messages[0][0] == "INFO"
        assert command.wait() == 0
        assert 'outcome="finalized"' in command.audit_log()
    assert store.contexts_left(index) == 0


def test_done_search_leaves_nothing_open(prod: Splunk, store: Store) -> None:
    index = store.fill({"n": n} for n in range(600))
    assert len(prod.run(f"| elasticsearch index={index}").done.rows) == 600
    prod.run(f'| elasticsearch index={index} query="n:("').error  # noqa: B018
    assert store.contexts_left(index) == 0


class TestWorkers:
    """A search large enough for worker processes leaves none behind, however it ends."""

    @pytest.fixture
    def started(self, slow: Splunk, store: Store) -> Iterator[Tuple[AppCommand, List[psutil.Process]]]:
        """A command with its workers, in the middle of a search."""
        index = store.fill({"n": n, "padding": "x" * 500} for n in range(20_000))
        with slow.start(f"| elasticsearch index={index} size=0") as command:
            command.getinfo()
            workers: List[psutil.Process] = []
            while not workers:
                assert not command.execute().finished
                workers = psutil.Process(command.process.pid).children()
            yield command, workers
            for worker in workers:
                if worker.is_running():
                    worker.kill()

    def test_cancel(self, started: Tuple[AppCommand, List[psutil.Process]]) -> None:
        command, workers = started
        command.process.send_signal(signal.SIGTERM)
        assert command.wait() == 128 + signal.SIGTERM
        assert psutil.wait_procs(workers, timeout=20)[1] == []
        assert command.stderr() == ""

    def test_command_is_killed(self, started: Tuple[AppCommand, List[psutil.Process]]) -> None:
        command, workers = started
        command.process.kill()
        assert psutil.wait_procs(workers, timeout=20)[1] == []

    def test_a_worker_is_killed(self, started: Tuple[AppCommand, List[psutil.Process]]) -> None:
        command, workers = started
        workers[0].kill()
        replies = []
        try:
            while not replies or not replies[-1].finished:
                replies.append(command.execute())
        except (EOFError, BrokenPipeError):
            pass
        assert command.wait() == 1
        assert not any(reply.finished for reply in replies)
        ((level, text),) = replies[-1].messages
        assert level == "ERROR"
        assert "worker process" in text
        assert psutil.wait_procs(workers, timeout=20)[1] == []


@pytest.mark.skipif(not RECORDINGS.is_dir(), reason="needs ../shared/splunkd_recordings")
def test_what_splunkd_6_3_sent(prod: Splunk, store: Store) -> None:
    """Its execute request announces 150 bytes that never come; it has no ``command`` and no ``maxresultrows``."""
    index = store.fill({"n": n} for n in range(20))
    recorded = gzip.decompress((RECORDINGS / "generatehello.input.gz").read_bytes())
    header, _, rest = recorded.partition(b"\n")
    length = int(header.split(b",")[1])
    request = json.loads(rest[:length])
    info = request["searchinfo"]
    session = prod.splunkd.state.session(User("admin"))
    job = Job([], [], prod.splunkd.uri, session, sid=info["sid"])
    with AppCommand(job, python=prod.python, home=prod.home) as command:
        info.update(
            args=[f"index={index}"],
            raw_args=[f"index={index}"],
            search=f"elasticsearch%20index%3D{index}",
            dispatch_dir=str(command.dispatch_dir),
            splunkd_uri=prod.splunkd.uri,
            session_key=session,
        )
        encoded = json.dumps(request).encode()
        command.send(b"chunked 1.0,%d,0\n" % len(encoded) + encoded)
        assert command.receive().metadata["type"] == "stateful"
        command.send(rest[length:])
        command.close_input()
        reply = command.receive()
        assert len(list(reply.rows())) == 20
        assert command.wait() == 0
        assert command.stderr() == ""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_secrets_are_nowhere(as_user: Callable[..., Splunk], secured: Engine) -> None:
    index = Store(secured).fill([{"n": 1}, {"n": 2}])
    with as_user("reader").start(f"| elasticsearch index={index}") as command:
        replies = [command.getinfo(), command.execute()]
        process = Path("/proc", str(command.process.pid))
        seen = [(process / "cmdline").read_bytes(), (process / "environ").read_bytes()]
        while not replies[-1].finished:
            replies.append(command.execute())
        assert command.wait() == 0
        seen += [path.read_bytes() for path in command.home.rglob("*") if path.is_file()]
        session = command.job.session_key
    seen += [json.dumps(reply.metadata).encode() + reply.body for reply in replies]
    assert sum(len(list(reply.rows())) for reply in replies) == 2
    assert len(seen) > 4
    for secret in (secured.users["reader"], session):
        assert not [part for part in seen if secret.encode() in part]
