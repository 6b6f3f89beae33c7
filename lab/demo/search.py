"""Searches as Splunk would run them: the app's own scripts as child processes, and the rows a person looks at.

A line with one command of the app is read as it comes, and only the rows that are looked at are decoded. A pipeline
goes through the product's SPL runner, which is a subset of ours and not Splunk.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from itertools import islice
from typing import Callable, Dict, Iterator, List, Optional

from es_bridge.config import ClusterConfig
from lab.app_command import AppCommand
from lab.demo.findings import Splunk
from savedsearches.runner import values
from savedsearches.runner.app_commands import SCRIPTS, AppCommands
from savedsearches.runner.errors import CommandFailed, SplError
from savedsearches.runner.local_settings import LocalSettings
from savedsearches.runner.macros import shipped_macros
from savedsearches.runner.moment import Moment, moment_of
from savedsearches.runner.run import run_search
from savedsearches.runner.session import Session
from splunk_bridge.chunked import CommandProcess, Job, ProtocolError, Value
from splunk_bridge.command_line import CommandLine

Row = Dict[str, Value]
#: Gets the level and the text of each message when it arrives.
Tell = Callable[[str, str], None]
USER = "analyst"


@dataclass
class Found:
    """How a search ended. ``rows``: its first rows, as many as were wanted."""

    ended: str = "FAILED"
    rows: List[Row] = field(default_factory=list)
    #: How many rows there were.
    count: int = 0
    #: From the start of its process until the first rows, and the end, were here.
    first_s: Optional[float] = None
    seconds: float = 0.0

    @property
    def is_done(self) -> bool:
        """Whether Splunk would call the job done."""
        return self.ended == "DONE"


class Searches:
    """Runs searches on one cluster, for an analyst; a context manager. A pipeline may use the app's macros."""

    def __init__(self, cluster: ClusterConfig, python: str, splunk: Splunk) -> None:
        """``splunk``: what is in its index, and its lookups."""
        self._python = python
        self._splunk = splunk
        self._settings = LocalSettings(cluster, user=USER)
        self._macros = shipped_macros(SCRIPTS.parent)

    def __enter__(self) -> Searches:
        self._settings.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._settings.__exit__()

    @property
    def has_events(self) -> bool:
        """Whether there is anything in Splunk's own index."""
        return bool(self._splunk.events)

    def run(self, line: CommandLine, wanted_rows: int, tell: Tell) -> Found:
        """Run one command; Ctrl-C cancels it."""
        found = Found()
        job = Job(line.args, line.raw_args, self._settings.uri, self._settings.session_key, user=USER)
        job.command = line.command
        started = time.monotonic()
        try:
            with AppCommand(job, python=self._python, home=self._settings.home) as command:
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

    def rows(
        self, search: str, moment: Optional[Moment] = None, tell: Tell = lambda level, text: None
    ) -> List[values.Row]:
        """Return all rows of a pipeline, as the scheduler wants them. Raises `SplError`."""
        moment = moment or moment_of("0", "0", "")
        session = Session(moment, self._splunk.events, self._splunk.lookups, self._macros)
        session.own = own = AppCommands(self._settings, tell, python=self._python, user=USER)
        try:
            return list(run_search(search, session))
        finally:
            own.stop()

    def run_pipeline(self, search: str, wanted_rows: int, tell: Tell) -> Found:
        """Run a pipeline; Ctrl-C cancels the commands in it."""
        found = Found()
        session = Session(moment_of("0", "0", ""), self._splunk.events, self._splunk.lookups, self._macros)
        session.own = own = AppCommands(self._settings, tell, python=self._python, user=USER)
        started = time.monotonic()
        try:
            for row in _texts(run_search(search, session)):
                if found.first_s is None:
                    found.first_s = time.monotonic() - started
                if len(found.rows) < wanted_rows:
                    found.rows.append(row)
                found.count += 1
            found.ended = "DONE"
        except KeyboardInterrupt:
            found.ended = "CANCELLED"
        except CommandFailed as exc:
            for text in exc.texts:
                tell("ERROR", text)
        except SplError as exc:
            tell("ERROR", str(exc))
        except OSError as exc:
            tell("ERROR", f"{self._python} could not be started: {exc.strerror}")
        finally:
            own.stop()
        found.seconds = time.monotonic() - started
        return found


def _texts(rows: Iterator[values.Row]) -> Iterator[Row]:
    for row in rows:
        yield {name: value if isinstance(value, list) else values.text(value) for name, value in row.items()}


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
            found.count = reply.metadata["inspector"][f"metric.{command.job.command}.rows"][3]
    return finished
