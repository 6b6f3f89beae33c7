"""One search as Splunk would run it: the app's own script as a child process, and the rows a person looks at."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Callable, Dict, List, Optional

from es_bridge.config import ClusterConfig
from lab.app_command import AppCommand
from lab.splunkd import SplunkdStandIn, User, add_cluster
from splunk_bridge.chunked import CommandProcess, Job, ProtocolError, Value
from splunk_bridge.command_line import CommandLine

Row = Dict[str, Value]
#: Gets the level and the text of each message when it arrives.
Tell = Callable[[str, str], None]


@dataclass
class Found:
    """How a search ended. ``rows``: its first rows, as many as were wanted; others are not decoded at all."""

    ended: str = "FAILED"
    rows: List[Row] = field(default_factory=list)
    #: How many rows there were, as the command itself says at its end.
    count: int = 0
    #: From the start of its process until the first rows, and the end, were here.
    first_s: Optional[float] = None
    seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether Splunk would call the job done."""
        return self.ended == "DONE"


class Searches:
    """Runs searches on one cluster, for an analyst; a context manager."""

    def __init__(self, cluster: ClusterConfig, python: str) -> None:
        self._python = python
        self._splunkd = SplunkdStandIn(python=python)
        add_cluster(self._splunkd.state, cluster)
        self._session_key = self._splunkd.state.session(User("analyst", ("user",)))

    def __enter__(self) -> Searches:
        self._splunkd.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._splunkd.stop()

    def run(self, line: CommandLine, wanted_rows: int, tell: Tell) -> Found:
        """Run one search; Ctrl-C cancels it."""
        found = Found()
        job = Job(line.args, line.raw_args, self._splunkd.uri, self._session_key, user="analyst")
        started = time.monotonic()
        try:
            with AppCommand(job, python=self._python, home=self._splunkd.splunk_home) as command:
                try:
                    finished = _read(command, found, started, wanted_rows, tell)
                except KeyboardInterrupt:
                    command.cancel()
                    found.ended = "CANCELLED"
                except (ProtocolError, EOFError) as exc:
                    tell("ERROR", f"{exc}. It wrote to stderr: {command.stderr().strip() or 'nothing'}")
                else:
                    found.ended = "DONE" if command.wait() == 0 and finished else "FAILED"
                found.seconds = found.seconds or time.monotonic() - started
        except OSError as exc:
            tell("ERROR", f"{self._python} could not be started: {exc.strerror}")
        return found


def _read(command: CommandProcess, found: Found, started: float, wanted_rows: int, tell: Tell) -> bool:
    """Read every reply; return whether the last one was. Decoding all rows would take longer than the search itself."""
    finished = False
    for reply in command.run():
        if reply.body and found.first_s is None:
            found.first_s = time.monotonic() - started
        if len(found.rows) < wanted_rows:
            found.rows += islice(reply.rows(), wanted_rows - len(found.rows))
        for level, text in reply.messages:
            tell(level, text)
        finished = reply.finished
        if finished:
            found.seconds = time.monotonic() - started
            found.count = reply.metadata["inspector"]["metric.elasticsearch.rows"][3]
    return finished
