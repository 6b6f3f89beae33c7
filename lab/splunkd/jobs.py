"""Searches as jobs: the product's SPL runner runs them, with the app's commands as a search head would start them.

Left out: the dispatch folder of a whole job (each command has one of its own), indices but ``_internal`` with the app's
own logs and what `World` has, and of SPL what the runner leaves out.
"""

from __future__ import annotations

import itertools
import re
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Tuple

from es_bridge.errors import TimeError
from savedsearches.runner.app_commands import AppCommands, SettingsSource
from savedsearches.runner.errors import CommandFailed, SplError, SplSyntaxError
from savedsearches.runner.lookups import Lookup, shipped_lookups
from savedsearches.runner.macros import Macro, expand_macros, shipped_macros
from savedsearches.runner.moment import Moment, moment_of
from savedsearches.runner.run import build_stages, run_search
from savedsearches.runner.session import Session
from savedsearches.runner.values import Row
from splunk_bridge.chunked import dispatch_dir

from .users import User

#: A key and its value in a line of the app's logs, as Splunk finds them by itself.
_PAIR = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s",]+))')


@dataclass
class World:
    """What searches find in Splunk's own indices and tables, beside the app's logs.

    ``now_s``: when it is, for them, in epoch seconds; without, the clock says it.
    """

    events: List[Row] = field(default_factory=list)
    lookups: Mapping[str, Lookup] = field(default_factory=dict)
    macros: Mapping[str, Macro] = field(default_factory=dict)
    now_s: Optional[float] = None


@dataclass
class Job:
    """One search: how far it is, what it found and what it said."""

    sid: str
    search: str
    owner: str
    state: str = "RUNNING"
    rows: List[Row] = field(default_factory=list)
    messages: List[Tuple[str, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    commands: Optional[LabCommands] = None
    session: Optional[Session] = None

    def rows_after(self, search: str) -> List[Row]:
        """Return the rows so far, or what a search makes of them that goes on from them (a chain of a dashboard).

        Raises `SplError`.
        """
        rows = list(self.rows)
        if not search.strip() or self.session is None:
            return rows
        stages = build_stages(expand_macros(search, self.session.macros), self.session)
        return list(stages(dict(row) for row in rows))


class LabCommands(AppCommands):
    """The app's commands, and ``rest``."""

    def __init__(self, settings: SettingsSource, on_message: Callable[[str, str], None], **more: Any) -> None:
        self._rest = more.pop("rest")
        super().__init__(settings, on_message, **more)
        self.names = (*self.names, "rest")

    def run(self, name: str, arguments: str, rows: Optional[Iterator[Row]], session: Session) -> Iterator[Row]:
        """Yield a command's rows."""
        if name == "rest":
            return iter(self._rest(arguments))
        return super().run(name, arguments, rows, session)


class Jobs:
    """All jobs, each in a thread of its own. Safe to use from several threads."""

    def __init__(self, splunk_home: Path, app_dir: Path, python: str = sys.executable) -> None:
        self._home = splunk_home
        self._scripts = app_dir / "bin"
        self._python = python
        self._lock = threading.Lock()
        self._jobs: Dict[str, Job] = {}
        self._number = itertools.count(1)
        self.world = World()

    def all(self) -> List[Job]:
        """Return every job that was not deleted."""
        with self._lock:
            return list(self._jobs.values())

    def get(self, sid: str) -> Optional[Job]:
        """Return a job."""
        with self._lock:
            return self._jobs.get(sid)

    def log(self, job: Job) -> str:
        """Return a job's ``search.log``: splunkd enters there what a command writes to stderr, as errors."""
        path = dispatch_dir(self._home, job.sid) / "search.log"
        if not path.exists():
            return ""
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        stamp = time.strftime("%m-%d-%Y %H:%M:%S.000", time.gmtime(path.stat().st_mtime))
        return "".join(f"{stamp} ERROR ChunkedExternProcessor [1 phase_0] - stderr: {line}\n" for line in lines)

    def delete(self, sid: str) -> None:
        """Stop a job and forget it, as cancelling does."""
        with self._lock:
            job = self._jobs.pop(sid, None)
        if job is not None and job.commands is not None:
            job.commands.stop()
            job.ended.wait(30)

    def finalize(self, sid: str) -> None:
        """Tell the commands of a job that no more rows are wanted."""
        job = self.get(sid)
        if job is not None and job.commands is not None:
            job.commands.finalize()

    def start(self, search: str, user: User, uri: str, session_key: str, rest: Any, bounds: Tuple[str, str]) -> Job:
        """Start a job. Raises `SplError` where the search cannot be read."""
        world = self.world
        moment = _moment(bounds, user.tz, world.now_s)
        job = Job(f"{int(time.time())}.{next(self._number)}", search, user.name)
        events = [*self._own_logs(), *world.events] if _reads_events(search) else []
        app = self._scripts.parent
        lookups = {**shipped_lookups(app), **world.lookups}
        job.session = session = Session(moment, events, lookups, {**shipped_macros(app), **world.macros})
        settings = SettingsSource(uri, session_key, self._home)
        job.commands = LabCommands(
            settings,
            lambda level, text: job.messages.append((level, text)),
            scripts=self._scripts,
            python=self._python,
            user=user.name,
            sid=job.sid,
            rest=rest,
        )
        session.own = job.commands
        try:
            rows = run_search(search, session)
        except CommandFailed as exc:  # of a subsearch, which runs first: the job fails as by any other of its commands
            rows = _failed(exc)
        with self._lock:
            self._jobs[job.sid] = job
        threading.Thread(target=_run, args=(job, rows), name=f"job {job.sid}", daemon=True).start()
        return job

    def _own_logs(self) -> List[Row]:
        events: List[Row] = []
        for path in sorted((self._home / "var" / "log" / "splunk").glob("aws_siem_bridge_*.log")):
            lines = path.read_text(encoding="utf-8").splitlines()
            for number, line in enumerate(lines):
                fields = {name: quoted or plain for name, quoted, plain in _PAIR.findall(line)}
                events.append({
                    **fields, "_time": path.stat().st_mtime + number * 1e-6, "_raw": line, "index": "_internal",
                    "source": str(path), "sourcetype": path.stem,
                })  # fmt: skip
        return events


def _failed(error: CommandFailed) -> Iterator[Row]:
    raise error
    yield {}  # makes it an iterator


def _run(job: Job, rows: Iterator[Row]) -> None:
    try:
        for row in rows:
            job.rows.append(row)
        job.state = "DONE"
    except SplError as exc:
        job.state = "FAILED"
        job.messages += [("ERROR", text) for text in getattr(exc, "texts", None) or [str(exc)]]
    finally:
        job.ended.set()


def _reads_events(search: str) -> bool:
    return not search.lstrip().startswith("|") or "[" in search


def _moment(bounds: Tuple[str, str], tz: str, now_s: Optional[float]) -> Moment:
    try:
        return moment_of(*bounds, tz, now_s)
    except TimeError as exc:
        raise SplSyntaxError(str(exc)) from None
