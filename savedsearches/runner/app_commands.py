"""The app's own commands in a search: child processes that speak their real protocol, on a real cluster."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple, Union

from savedsearches.runner import values
from savedsearches.runner.errors import CommandFailed, SplSyntaxError
from savedsearches.runner.local_settings import APP, LocalSettings
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row
from splunk_bridge.chunked import CommandProcess, Job, ProtocolError
from splunk_bridge.command_line import CommandLineError, parse_command_line

#: Where the app's scripts are in a clone of the project; a built app has the same folder.
SCRIPTS = Path(__file__).resolve().parents[2] / "splunk_app" / "package" / "bin"
#: Command -> its script.
COMMANDS: Mapping[str, str] = {
    "elasticsearch": "elastic_search.py",
    "elasticstats": "elastic_stats.py",
    "elasticfields": "elastic_fields.py",
    "elasticindices": "elastic_indices.py",
    "elasticlookup": "elastic_lookup.py",
    "elasticmatch": "elastic_match.py",
    "awsresponsequeue": "aws_response_queue.py",
}
#: Those that work on the rows before them; the others begin a search.
STREAMING = ("elasticlookup", "elasticmatch")
#: Longest time a command has to close what it opened in the engine when its rows are not wanted any more.
_ENDS_WITHIN_S = 10.0

#: Takes a message of a command: level and text.
OnMessage = Callable[[str, str], None]


@dataclass(frozen=True)
class SettingsSource:
    """Where a command asks for its settings, with which session, and what is its ``$SPLUNK_HOME``."""

    uri: str
    session_key: str = field(repr=False)
    home: Path


class AppCommands:
    """Runs the commands whose scripts are in a folder. ``sid``: of the whole search; without, each has its own.

    ``popen`` starts their processes.
    """

    def __init__(
        self,
        settings: Union[LocalSettings, SettingsSource],
        on_message: OnMessage,
        *,
        scripts: Path = SCRIPTS,
        python: str = sys.executable,
        user: str = "runner",
        sid: str = "",
        popen: Callable[..., Any] = subprocess.Popen,
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._python = python
        self._user = user
        self._sid = sid
        self._popen = popen
        self._running: List[CommandProcess] = []
        self._scripts: Dict[str, Path] = {
            name: scripts / script for name, script in COMMANDS.items() if (scripts / script).is_file()
        }
        self.names: Tuple[str, ...] = tuple(self._scripts)

    def run(self, name: str, arguments: str, rows: Optional[Iterator[Row]], session: Session) -> Iterator[Row]:
        """Yield the rows of a command. Raises `CommandFailed` with its own message where it fails."""
        if name in STREAMING and rows is None:
            raise SplSyntaxError(f"{name} needs events: write it behind a command that has some")
        if name not in STREAMING and rows is not None:
            raise SplSyntaxError(f"{name} begins a search, or a subsearch")
        try:
            line = parse_command_line(f"| {name} {arguments}")
        except CommandLineError as exc:
            raise SplSyntaxError(f"{name}: {exc}") from None
        moment = session.moment
        job = Job(
            line.args,
            line.raw_args,
            self._settings.uri,
            self._settings.session_key,
            earliest=_bound(moment.earliest_s),
            latest=_bound(moment.latest_s),
            user=self._user,
            app=APP,
            command=name,
        )
        if self._sid:
            job.sid = self._sid
        return self._rows(name, job, rows)

    def stop(self) -> None:
        """Cancel the commands that run, as splunkd does."""
        for command in list(self._running):
            command.process.terminate()

    def finalize(self) -> None:
        """Tell the commands that run that their job was finalized."""
        for command in list(self._running):
            command.write_status("RUNNING", finalized=1)

    def _rows(self, name: str, job: Job, rows: Optional[Iterator[Row]]) -> Iterator[Row]:
        errors: List[str] = []
        finished = False
        with CommandProcess(
            job, self._scripts[name], python=self._python, home=self._settings.home, popen=self._popen
        ) as command:
            self._running.append(command)
            try:
                for reply in command.run() if rows is None else command.run_on(map(_as_texts, rows)):
                    for level, text in reply.messages:
                        if level in ("ERROR", "FATAL"):
                            errors.append(text)
                        else:
                            self._on_message(level, text)
                    for row in reply.rows():
                        yield {**row}
                    finished = reply.finished
                command.wait()
            except (ProtocolError, EOFError) as exc:
                errors.append(f"{exc}. It wrote to stderr: {command.stderr().strip()[-2000:] or 'nothing'}")
            finally:
                self._running.remove(command)
                _end(command)
        if errors or not finished:
            raise CommandFailed(name, errors or ["it ended without its last row"])


def _end(command: CommandProcess) -> None:
    """End a command that is not needed any more as splunkd does, so that it closes what it opened in the engine."""
    if command.process.poll() is None:
        command.process.terminate()
        try:
            command.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass  # leaving its context kills it


def _as_texts(row: Row) -> Dict[str, Union[str, List[str]]]:
    return {name: value if isinstance(value, list) else values.text(value) for name, value in row.items()}


def _bound(epoch_s: Optional[float]) -> str:
    return "0" if epoch_s is None else f"{epoch_s:.3f}"
