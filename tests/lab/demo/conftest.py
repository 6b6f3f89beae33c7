"""Fixtures of the demo's tests: one engine that a demo has filled and left running, and a terminal to type into."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Callable, Dict, Iterator, List, NamedTuple, Optional, Set

import pexpect
import pyte
import pytest

from es_bridge.config import ClusterConfig
from es_bridge.transport import Transport
from lab.engine import Engine
from lab.engine.cache import cache_dir
from lab.engine.detached import Detached

ROOT = Path(__file__).resolve().parents[3]
#: What script/demo runs once everything is set up.
DEMO = [sys.executable, "-m", "aws_siem_bridge", "lab", "demo"]
#: A whole demo on a machine that is busy with other tests.
LONGEST_S = 900


def demo(cache: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the demo to its end, without a terminal."""
    return subprocess.run(
        [*DEMO, *arguments],
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        env={**os.environ, "AWS_SIEM_BRIDGE_CACHE": str(cache), **environment},
        stdin=subprocess.DEVNULL,
    )


@pytest.fixture(scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Path:
    """Return a cache with everything downloaded, in which a user has started an engine, the session's."""
    folder = tmp_path_factory.mktemp("cache")
    for shared in ("artifacts", "homes", "java"):
        (cache_dir() / shared).mkdir(parents=True, exist_ok=True)
        (folder / shared).symlink_to(cache_dir() / shared)
    users = Detached(engine.id, engine.pid, engine.url, time.time(), str(engine.node_dir), "", None, None)
    (folder / "running").mkdir()
    (folder / "running" / f"{engine.id}.json").write_text(json.dumps(asdict(users)))
    return folder


def indices(url: str) -> Set[str]:
    """Return the names of an engine's indices."""
    with Transport(ClusterConfig((url,))) as transport:
        return {row["index"] for row in transport.request("GET", ("_cat", "indices"), {"format": "json"}).json()}


class Kept(NamedTuple):
    """A demo that has ended, and the engine it has left running."""

    done: subprocess.CompletedProcess[str]
    url: str
    cache: Path
    #: What the demo has written where it should not.
    new_in_users_engine: Set[str]


@pytest.fixture(scope="session")
def kept(own_cache: Path, engine: Engine) -> Iterator[Kept]:
    if sys.version_info < (3, 11):
        pytest.skip("the stand-in for AWS needs Python 3.11")
    before = indices(engine.url)
    done = demo(own_cache, "--non-interactive", "--keep", "--events", "1500")
    try:
        found = re.search(r"the engine stays at (http://\S+);", done.stderr)
        assert found, done.stdout + done.stderr
        yield Kept(done, found.group(1), own_cache, indices(engine.url) - before)
    finally:
        stopped = demo(own_cache, "--stop")
        assert "engine is stopped" in stopped.stderr


class Terminal:
    """A program in a terminal, and what is to be seen there."""

    def __init__(self, command: List[str], environment: Dict[str, str], columns: int, lines: int) -> None:
        self._screen = pyte.HistoryScreen(columns, lines, history=10_000)
        self._screen.write_process_input = lambda answer: self.child.send(answer)  # where the cursor is, for one
        self._stream = pyte.ByteStream(self._screen)
        self.child = pexpect.spawn(command[0], command[1:], env=environment, dimensions=(lines, columns))
        #: All that was written to it.
        self.written = b""

    def type(self, text: str) -> None:
        """Press keys."""
        self.child.send(text)

    def text(self) -> str:
        """Return what has been on the screen, from the first line on."""
        wide = self._screen.columns
        gone = ["".join(line[x].data for x in range(wide)) for line in self._screen.history.top]
        return "\n".join(line.rstrip() for line in [*gone, *self._screen.display])

    def wait_for(self, text: str, times: int = 1, longest_s: float = 240, squeezed: bool = False) -> str:
        """Return what is to be seen once ``text`` is there so often; ``squeezed``: without blanks and line ends."""
        deadline = time.monotonic() + longest_s
        while ("".join(self.text().split()) if squeezed else self.text()).count(text) < times:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.text()}"
            try:
                self._read()
            except pexpect.EOF:
                assert self.text().count(text) >= times, f"the end, and no {text!r} in:\n{self.text()}"
        return self.text()

    def do(self, line: str, until: str = "; job ") -> str:
        """Type a line; return what is to be seen from it on, once ``until`` is there."""
        before = self.text().count(until)
        self.type(f"{line}\r")
        return self.wait_for(until, before + 1).rpartition(f"splunk> {line[:20]}")[2]

    def end(self) -> int:
        """Wait for the program's end and return its exit status."""
        with pytest.raises(pexpect.EOF):
            while True:
                self._read(60)
        self.child.wait()
        return self.child.exitstatus

    def _read(self, timeout_s: float = 0.2) -> None:
        try:
            data = self.child.read_nonblocking(1 << 16, timeout_s)
        except pexpect.TIMEOUT:
            return
        self.written += data
        self._stream.feed(data)


def prompts(kept: Kept, own_state: Path) -> Iterator[Callable[..., Terminal]]:
    """Yield a function that gives a terminal in which the demo asks for a line: the tour was cut short."""
    opened: List[Terminal] = []

    def start(
        *arguments: str, columns: int = 100, lines: int = 40, state: Optional[Path] = None, **environment: str
    ) -> Terminal:
        terminal = Terminal(
            [*DEMO, *(arguments or ("--url", kept.url))],
            {
                **os.environ,
                "TERM": "xterm-256color",
                "AWS_SIEM_BRIDGE_CACHE": str(kept.cache),
                "XDG_STATE_HOME": str(state or own_state),
                **environment,
            },
            columns,
            lines,
        )
        opened.append(terminal)
        terminal.wait_for("[1/")
        terminal.type("\x03")
        terminal.wait_for("splunk>")
        return terminal

    yield start
    for terminal in opened:
        terminal.child.close(force=True)


@pytest.fixture
def at_prompt(kept: Kept, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    yield from prompts(kept, tmp_path / "state")
