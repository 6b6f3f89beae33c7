"""splunkd's side of the chunked protocol: starts a command's script and talks to it, request by request.

Interactive on purpose. Writing all requests at once would cut off a command with several chunks without anybody
noticing. What is sent is modelled on what splunkd 8.2 and 6.3 send (see ``docs/search_command.md``).
"""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count, islice
from pathlib import Path
from typing import IO, Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Type, Union
from urllib.parse import quote

from splunk_bridge.environment import passed_on

SPLUNK_VERSION = "10.0.0"
#: A cancelled command ends within two seconds, on a machine that is not busy.
CANCEL_TIMEOUT_S = 10.0
_HEADER = re.compile(rb"chunked 1\.0,(\d+),(\d+)\n")
_MULTIVALUE = re.compile(r"\$((?:\$\$|[^$])*)\$(?:;|\Z)", re.DOTALL)

#: Column in which splunkd numbers the rows it hands to a streaming command, and which it wants back.
ROW_NUMBER = "_chunked_idx"
#: Most rows that splunkd hands to a command at once, as it says in its first request.
MOST_ROWS = 50_000

Value = Union[str, List[str]]


class ProtocolError(RuntimeError):
    """The command sent something that is not the protocol."""


@dataclass(frozen=True)
class Reply:
    """One chunk the command sent."""

    metadata: Dict[str, Any]
    body: bytes

    @property
    def finished(self) -> bool:
        """Whether the command has no more to say."""
        return bool(self.metadata.get("finished"))

    @property
    def messages(self) -> List[Tuple[str, str]]:
        """Return (level, text) pairs."""
        return [(level, text) for level, text in self.metadata.get("inspector", {}).get("messages", [])]

    @property
    def failed(self) -> bool:
        """Whether it holds an error."""
        return any(level in ("ERROR", "FATAL") for level, _ in self.messages)

    def rows(self) -> Iterator[Dict[str, Value]]:
        """Yield the rows; a multivalue field is a list, an empty cell is left out, and so is the number of the row."""
        csv.field_size_limit(1 << 30)
        reader = csv.reader(io.StringIO(self.body.decode("utf-8", "replace"), newline=""))
        header = next(reader, [])
        for cells in reader:
            row: Dict[str, Value] = {}
            for name, cell in zip(header, cells):
                if cell and name.startswith("__mv_"):
                    row[name[len("__mv_") :]] = [v.replace("$$", "$") for v in _MULTIVALUE.findall(cell)]
                elif cell and name not in row and name != ROW_NUMBER:
                    row[name] = cell
            yield row


def encoded_rows(rows: Sequence[Mapping[str, Value]]) -> bytes:
    """Return rows as splunkd writes them, nothing for none; several values of a field in a column ``__mv_<field>``."""
    if not rows:
        return b""
    names = list(dict.fromkeys(name for row in rows for name in row))
    several = [name for name in names if any(isinstance(row.get(name), list) for row in rows)]
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([ROW_NUMBER, *names, *(f"__mv_{name}" for name in several)])
    for number, row in enumerate(rows):
        plain = ["\n".join(cell) if isinstance(cell, list) else cell for cell in (row.get(name, "") for name in names)]
        writer.writerow([number, *plain, *(_several(row.get(name)) for name in several)])
    return stream.getvalue().encode("utf-8", "surrogateescape")


def _several(cell: Optional[Value]) -> str:
    return "$" + "$;$".join(value.replace("$", "$$") for value in cell) + "$" if isinstance(cell, list) else ""


#: Jobs of one second, and of one folder of jobs, are told apart by it.
_numbers = count(1)


@dataclass
class Job:
    """What splunkd knows of the search it starts the command for."""

    args: Sequence[str]
    raw_args: Sequence[str]
    splunkd_uri: str
    session_key: str
    #: Epoch seconds as text; ``"0"`` is unbounded.
    earliest: str = "0"
    latest: str = "0"
    user: str = "admin"
    #: The app that the search runs in.
    app: str = "search"
    command: str = "elasticsearch"
    sid: str = field(default_factory=lambda: f"{int(time.time())}.{next(_numbers)}")

    def searchinfo(self, dispatch_dir: Path) -> Dict[str, Any]:
        """Return the part of the getinfo request that describes the search."""
        search = f"| {self.command} {' '.join(self.raw_args)}"
        return {
            "args": list(self.args),
            "raw_args": list(self.raw_args),
            "dispatch_dir": str(dispatch_dir),
            "sid": self.sid,
            "app": self.app,
            "owner": self.user,
            "username": self.user,
            "session_key": self.session_key,
            "splunkd_uri": self.splunkd_uri,
            "splunk_version": SPLUNK_VERSION,
            "search": quote(search),
            "command": self.command,
            "maxresultrows": MOST_ROWS,
            "earliest_time": self.earliest,
            "latest_time": self.latest,
        }


def dispatch_dir(home: Path, sid: str) -> Path:
    """Return the folder of a job; its ``search.log`` holds what its commands wrote to stderr."""
    return home / "var" / "run" / "splunk" / "dispatch" / sid


class CommandProcess:
    """The command as a child process. A context manager: leaving it makes sure the child is gone."""

    def __init__(
        self,
        job: Job,
        script: Path,
        *,
        python: str = sys.executable,
        home: Optional[Path] = None,
        popen: Callable[..., Any] = subprocess.Popen,
    ):
        """Start it. ``home`` is ``$SPLUNK_HOME``, a temporary folder when not given; ``popen`` starts processes."""
        self.job = job
        self._temporary = tempfile.TemporaryDirectory(prefix="aws-siem-bridge-")
        self.home = home or Path(self._temporary.name)
        self.dispatch_dir = dispatch_dir(self.home, job.sid)
        self.dispatch_dir.mkdir(parents=True, exist_ok=True)
        (self.home / "var" / "log" / "splunk").mkdir(parents=True, exist_ok=True)
        self.write_status("RUNNING")
        self._stderr_file = self.dispatch_dir / "search.log"
        environment = {**passed_on(), "SPLUNK_HOME": str(self.home)}
        with self._stderr_file.open("ab") as stderr:  # a job may have several commands
            self.process = popen(
                [python, str(script)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=environment,
                cwd=str(script.parent),
                # Ctrl-C in a terminal is for whoever drives the command, who then cancels the search in order.
                start_new_session=True,
            )
        assert self.process.stdin and self.process.stdout  # noqa: S101
        self._requests: IO[bytes] = self.process.stdin
        self._replies: IO[bytes] = self.process.stdout

    def __enter__(self) -> CommandProcess:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], *_: object) -> None:
        if kind is KeyboardInterrupt:
            self.cancel()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self._requests, self._replies):
            try:
                stream.close()
            except OSError:
                pass
        self._temporary.cleanup()

    def getinfo(self) -> Reply:
        """Send the first request and return its reply."""
        metadata = {
            "action": "getinfo",
            "preview": False,
            "streaming_command_will_restart": False,
            "searchinfo": self.job.searchinfo(self.dispatch_dir),
        }
        encoded = json.dumps(metadata).encode()
        self.send(b"chunked 1.0,%d,0\n" % len(encoded) + encoded)
        return self.receive()

    def ask(self) -> None:
        """Send an execute request as splunkd 8.2 does: finished, with an empty table."""
        metadata = b'{"action":"execute","finished":true}'
        body = b"_raw,_time,host,index\n"
        self.send(b"chunked 1.0,%d,%d\n" % (len(metadata), len(body)) + metadata + body)

    def execute(self) -> Reply:
        """Send an execute request and return its reply."""
        self.ask()
        return self.receive()

    def hand(self, rows: Sequence[Mapping[str, Value]], finished: bool) -> None:
        """Send an execute request with rows; ``finished``: there are no more."""
        metadata = json.dumps({"action": "execute", "finished": finished}).encode()
        body = encoded_rows(rows)
        self.send(b"chunked 1.0,%d,%d\n" % (len(metadata), len(body)) + metadata + body)

    def run_on(self, rows: Iterable[Mapping[str, Value]], most_rows: int = MOST_ROWS) -> Iterator[Reply]:
        """Yield every reply of a streaming command that is handed these rows, from getinfo to the last.

        Ends when all is answered, or when the child left after a failure. Raises `ProtocolError` for a reply that ends
        too early or too late.
        """
        yield self.getinfo()
        left = iter(rows)
        chunk = list(islice(left, most_rows))
        finished = False
        while not finished:
            following = list(islice(left, most_rows))
            finished = not following
            try:
                self.hand(chunk, finished)
                reply = self.receive()
            except (BrokenPipeError, EOFError):
                return
            if reply.finished != finished and not reply.failed:
                raise ProtocolError(f"splunkd's rows were finished: {finished}; the command said: {reply.finished}")
            yield reply
            chunk = following

    def run(self) -> Iterator[Reply]:
        """Yield every reply from getinfo to the last; ends when the child finished, or left after a failure."""
        yield self.getinfo()
        while True:
            try:
                reply = self.execute()
            except (BrokenPipeError, EOFError):
                return
            yield reply
            if reply.finished:
                return

    def send(self, data: bytes) -> None:
        """Write bytes to the child as they are."""
        self._requests.write(data)
        self._requests.flush()

    def receive(self) -> Reply:
        """Read one reply. Raises `EOFError` when the child is gone, `ProtocolError` for anything else."""
        header = self._replies.readline()
        if not header:
            raise EOFError("the command sent nothing more")
        match = _HEADER.fullmatch(header)
        if match is None:
            raise ProtocolError(f"not a chunk header: {header[:200]!r}")
        metadata = self._replies.read(int(match.group(1)))
        body = self._replies.read(int(match.group(2)))
        return Reply(json.loads(metadata), body)

    def close_input(self) -> None:
        """End the child's input, as splunkd does when it wants no more."""
        self._requests.close()

    def close_output(self) -> None:
        """Close the reading end of the child's output."""
        self._replies.close()

    def cancel(self) -> None:
        """End the child as splunkd does when a user cancels the search: it closes what it has open in the cluster."""
        self.process.terminate()
        try:
            self.wait(CANCEL_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()

    def wait(self, timeout_s: float = 60.0) -> int:
        """Return the exit status once the child has ended."""
        return self.process.wait(timeout_s)

    def stderr(self) -> str:
        """Return what the child wrote to stderr so far; splunkd would show it as errors in search.log."""
        return self._stderr_file.read_text(encoding="utf-8", errors="replace")

    def log(self, name: str) -> str:
        """Return a file that the child wrote into Splunk's folder of logs; empty when there is none."""
        log = self.home / "var" / "log" / "splunk" / name
        return log.read_text(encoding="utf-8") if log.exists() else ""

    def write_status(self, state: str, finalized: int = 0) -> None:
        """Write the job's ``status.csv``, where a command can see that its job was finalized."""
        status = f"state,user,done,finalized\n{state},{self.job.user},0,{finalized}\n"
        temporary = self.dispatch_dir / "status.csv.tmp"
        temporary.write_text(status, encoding="utf-8")
        temporary.replace(self.dispatch_dir / "status.csv")
