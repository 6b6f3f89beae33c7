"""SIGTERM at every step of a search: nothing stays open in the cluster, and nothing is said on stderr."""

import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List

import pytest

from lab.app_command import AppCommand
from lab.front.faults import FaultyServer
from lab.front.server import Handler, Received, forward
from lab.splunkd import add_cluster
from splunk_bridge.chunked import Job

from .conftest import BIN, Splunk, Store

pytestmark = pytest.mark.splunk_python


class Gate(FaultyServer):
    """Passes everything on to an engine, but holds the first request that fits, or the engine's answer to it."""

    def __init__(self, upstream: str, held: str, answered: bool) -> None:
        self.held = held.split()
        self.answered = answered
        self.reached = threading.Event()
        self.opened = threading.Event()
        super().__init__(upstream=upstream)

    def serve(self, handler: Handler, received: Received) -> None:
        method, part = self.held
        if self.reached.is_set() or received.method != method or part not in received.target:
            return super().serve(handler, received)
        reply = forward(self.upstream, received) if self.answered else None
        self.reached.set()
        self.opened.wait()
        return handler.send(reply or forward(self.upstream, received))


@pytest.fixture
def gates() -> Iterator[List[Gate]]:
    made: List[Gate] = []
    yield made
    for gate in made:
        gate.opened.set()
        gate.stop()


def behind(gate: Gate, splunk: Splunk, store: Store) -> None:
    add_cluster(splunk.splunkd.state, replace(store.config, hosts=(gate.url,), page_size_docs=100), default=True)


#: What is held, and whether the engine has answered it before the signal comes.
STEPS = [
    ("GET /", False),
    ("GET _field_caps", False),
    ("POST point_in_time", False),
    ("POST point_in_time", True),
    ("POST /_search?", False),
    ("POST /_search?", True),
]


@pytest.mark.parametrize(("held", "answered"), STEPS)
def test_cancelled_while_a_request_is_under_way(
    splunk: Splunk, store: Store, gates: List[Gate], held: str, answered: bool
) -> None:
    index = store.fill({"n": n} for n in range(1000))
    gates.append(Gate(store.config.hosts[0], held, answered))
    behind(gates[0], splunk, store)
    with splunk.start(f"| elasticsearch index={index} size=0") as command:
        command.getinfo()
        command.ask()
        assert gates[0].reached.wait(30)
        command.process.send_signal(signal.SIGTERM)
        if "point_in_time" in held:
            # A point in time that is being opened is waited for: its id is needed to close it.
            gates[0].opened.set()
        assert command.wait() == 128 + signal.SIGTERM, command.audit_log()
        assert command.stderr() == ""
        assert command.audit_log().count("outcome=") == 1
    assert store.contexts_left(index) == 0


@pytest.mark.parametrize("ends", ["early", "done"])
def test_cancelled_while_the_search_is_being_closed(splunk: Splunk, store: Store, gates: List[Gate], ends: str) -> None:
    index = store.fill({"n": n} for n in range(1000))
    gates.append(Gate(store.config.hosts[0], "DELETE point_in_time", False))
    behind(gates[0], splunk, store)
    with splunk.start(f"| elasticsearch index={index} size={0 if ends == 'early' else 10}") as command:
        command.getinfo()
        assert list(command.execute().rows())
        if ends == "early":
            command.close_input()
        else:
            command.ask()
        assert gates[0].reached.wait(30)
        command.process.send_signal(signal.SIGTERM)
        gates[0].opened.set()
        assert command.wait() in (0, 128 + signal.SIGTERM)
        assert command.stderr() == ""
        assert command.audit_log().count("outcome=") == 1
    assert store.contexts_left(index) == 0


#: A command at a point of its main thread where a signal handler of Python's comes too late, or raises in vain.
SCRIPT = """
import signal, sys, threading, time
sys.path[:0] = {path!r}
import import_paths
from search_command.chunked import Chunk, ChunkedGeneratingCommand
from splunklib.searchcommands import Configuration

def ready():
    print("ready", file=sys.stderr, flush=True)

class Destroyed:
    def __del__(self):
        ready()
        time.sleep(60)

class Lock:
    def __init__(self):
        self.lock = threading.Lock()
    def __enter__(self):
        self.lock.acquire()
        ready()
        time.sleep(60)
    def __exit__(self, *_):
        self.lock.release()

lock = Lock()

def at_a_wait_that_does_not_notice_the_signal():
    # As one that begins just after the interpreter looked for signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
    ready()
    time.sleep(60)

def in_a_destructor():
    Destroyed()

def with_a_lock_that_closing_needs():
    with lock:
        pass

def at_a_failure():
    try:
        ready()
        time.sleep(60)
    except BaseException:
        raise RuntimeError("release unlocked lock")

@Configuration()
class Cancelled(ChunkedGeneratingCommand):
    def chunks(self):
        {where}()
        yield Chunk()

    def cancel(self):
        {closing}

    def ended(self, outcome, error):
        print(outcome, error, file=sys.stderr, flush=True)
        {noting}

Cancelled().process(sys.argv[:1], sys.stdin, sys.stdout)
"""

CONFIRMED, NOT_CONFIRMED = "", "the cluster did not confirm in time that the search is closed"


@pytest.mark.parametrize(
    ("where", "closing", "noting", "told"),
    [
        ("at_a_wait_that_does_not_notice_the_signal", "pass", "pass", CONFIRMED),
        ("in_a_destructor", "pass", "pass", CONFIRMED),
        ("at_a_failure", "pass", "pass", CONFIRMED),
        ("with_a_lock_that_closing_needs", "lock.lock.acquire()", "pass", NOT_CONFIRMED),
        ("at_a_failure", "pass", "time.sleep(60)", CONFIRMED),
    ],
)
def test_cancelled_wherever_the_main_thread_is(
    splunk: Splunk, tmp_path: Path, where: str, closing: str, noting: str, told: str
) -> None:
    script = tmp_path / "cancelled.py"
    script.write_text(SCRIPT.format(path=[str(BIN)], where=where, closing=closing, noting=noting))
    with AppCommand(Job([], [], splunk.splunkd.uri, "key"), python=splunk.python, script=script) as command:
        command.getinfo()
        command.ask()
        while not command.stderr():
            assert command.process.poll() is None
            time.sleep(0.05)
        command.process.send_signal(signal.SIGTERM)
        assert command.wait(30) == 128 + signal.SIGTERM  # none of them would end by itself before 60 s
        assert command.stderr() == f"ready\ncancelled {told}\n"


def test_cancelled_before_the_search_is_opened(splunk: Splunk) -> None:
    """Splunkd does not answer: there is nothing to close, and an audit line anyway."""
    splunkd = socket.create_server(("127.0.0.1", 0))
    job = Job(["index=x"], ["index=x"], f"http://127.0.0.1:{splunkd.getsockname()[1]}", "key")
    with splunkd, AppCommand(job, python=splunk.python, home=splunk.home) as command:
        command.getinfo()
        command.ask()
        connection, _ = splunkd.accept()
        with connection:
            command.process.send_signal(signal.SIGTERM)
            assert command.wait(30) == 128 + signal.SIGTERM
        assert command.stderr() == ""
        assert command.audit_log().count('outcome="cancelled"') == 1
