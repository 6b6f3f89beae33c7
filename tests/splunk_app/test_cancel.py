"""SIGTERM at every step of a search: nothing stays open in the cluster, and nothing is said on stderr."""

import signal
import threading
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
    before = store.open_contexts()
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
    assert store.contexts_left(before) == 0


@pytest.mark.parametrize("ends", ["early", "done"])
def test_cancelled_while_the_search_is_being_closed(splunk: Splunk, store: Store, gates: List[Gate], ends: str) -> None:
    index = store.fill({"n": n} for n in range(1000))
    before = store.open_contexts()
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
    assert store.contexts_left(before) == 0


#: A command in the middle of something that takes the signal's exception for a failure of its own.
MISTAKEN = """
import signal, sys
sys.path[:0] = {path!r}
import import_paths
from search_command.chunked import Cancelled, Chunk, ChunkedGeneratingCommand
from splunklib.searchcommands import Configuration

@Configuration()
class Mistaken(ChunkedGeneratingCommand):
    def chunks(self):
        try:
            signal.raise_signal(signal.SIGTERM)
        except Cancelled:
            raise RuntimeError("release unlocked lock")
        yield Chunk()

    def ended(self, outcome, error):
        print(outcome, error, file=sys.stderr)

Mistaken().process(sys.argv[:1], sys.stdin, sys.stdout)
"""


def test_cancelled_where_the_signal_is_taken_for_a_failure(splunk: Splunk, tmp_path: Path) -> None:
    script = tmp_path / "mistaken.py"
    script.write_text(MISTAKEN.format(path=[str(BIN)]))
    job = Job([], [], splunk.splunkd.uri, "key")
    with AppCommand(job, python=splunk.python, script=script) as command:
        command.getinfo()
        command.ask()
        assert command.wait() == 128 + signal.SIGTERM
        assert command.stderr() == "cancelled \n"
