"""The app's own commands in a search: child processes that speak their real protocol, on a real cluster."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, Iterator, Mapping, Optional, Tuple

from savedsearches.runner.errors import SplRunError, SplSyntaxError
from savedsearches.runner.local_settings import APP, LocalSettings
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row
from splunk_bridge.chunked import CommandProcess, Job, ProtocolError
from splunk_bridge.command_line import SplError as CommandLineError
from splunk_bridge.command_line import parse_command_line

#: Where the app's scripts are in a clone of the project; a built app has the same folder.
SCRIPTS = Path(__file__).resolve().parents[2] / "splunk_app" / "package" / "bin"
#: Command -> its script.
COMMANDS: Mapping[str, str] = {"elasticsearch": "elastic_search.py"}
#: Longest time a command has to close what it opened in the engine when its rows are not wanted any more.
_ENDS_WITHIN_S = 10.0

#: Takes a message of a command: level and text.
OnMessage = Callable[[str, str], None]


class AppCommands:
    """Runs the commands whose scripts are in a folder, with the settings of one cluster."""

    def __init__(
        self,
        settings: LocalSettings,
        on_message: OnMessage,
        *,
        scripts: Path = SCRIPTS,
        python: str = sys.executable,
    ) -> None:
        self._settings = settings
        self._on_message = on_message
        self._python = python
        self._scripts: Dict[str, Path] = {name: scripts / script for name, script in COMMANDS.items()}
        self.names: Tuple[str, ...] = tuple(COMMANDS)
        missing = [str(path) for path in self._scripts.values() if not path.is_file()]
        if missing:
            raise SplSyntaxError(
                f"the app's commands are not here: {missing[0]} is missing. Use a clone of the project, or say where "
                "the app is unpacked with --app"
            )

    def run(self, name: str, arguments: str, rows: Optional[Iterator[Row]], session: Session) -> Iterator[Row]:
        """Yield the rows of a command. Raises `SplRunError` with its own message where it fails."""
        if rows is not None:
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
            user="runner",
            app=APP,
            command=name,
        )
        return self._rows(name, job)

    def _rows(self, name: str, job: Job) -> Iterator[Row]:
        errors = []
        finished = False
        with CommandProcess(job, self._scripts[name], python=self._python, home=self._settings.home) as command:
            try:
                for reply in command.run():
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
                _end(command)
        if errors or not finished:
            raise SplRunError(f"{name}: {'; '.join(errors) or 'it ended without its last row'}")


def _end(command: CommandProcess) -> None:
    """End a command that is not needed any more as splunkd does, so that it closes what it opened in the engine."""
    if command.process.poll() is None:
        command.process.terminate()
        try:
            command.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass  # leaving its context kills it


def _bound(epoch_s: Optional[float]) -> str:
    return "0" if epoch_s is None else f"{epoch_s:.3f}"
