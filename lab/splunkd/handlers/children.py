"""Child processes that run an app's scripts with the stub package ``splunk`` on their path.

Stand-in and child exchange frames: four bytes with the length, then JSON. This is the stand-in's own; between splunkd
and its processes other formats are spoken. The child's input stays open as long as it may live: its end, also when
the stand-in is killed, ends the child.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Mapping, Set

from splunk_bridge.environment import passed_on

STUBS = Path(__file__).resolve().parents[1] / "splunk_stubs"
#: A folder for compiled modules that several stand-ins share; else each has its own.
PYCACHE_VARIABLE = "AWS_SIEM_BRIDGE_LAB_PYCACHE"
_LENGTH = struct.Struct(">I")


class ChildError(RuntimeError):
    """A child ended before it answered."""


@dataclass(frozen=True)
class Surroundings:
    """What every child is started with."""

    splunk_home: Path
    app: str
    splunkd_uri: str
    python: str
    #: What splunkd's own environment has beside ours.
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def bin_dir(self) -> Path:
        """The app's scripts at the path they have in Splunk; libraries find the app's name in it."""
        return self.splunk_home / "etc" / "apps" / self.app / "bin"

    @property
    def environment(self) -> Dict[str, str]:
        """Return the environment of a child."""
        environment = {**passed_on(), **self.variables}
        environment["SPLUNK_HOME"] = str(self.splunk_home)
        environment["PYTHONPATH"] = str(STUBS)
        # Nothing is written into the app's folder, and still each module is compiled only once.
        compiled = os.environ.get(PYCACHE_VARIABLE) or str(self.splunk_home / "var" / "pycache")
        environment["PYTHONPYCACHEPREFIX"] = compiled
        # Read by the stubs alone: a script finds splunkd through its arguments or server.conf and web.conf.
        environment["STAND_IN_SPLUNKD_URI"] = self.splunkd_uri
        return environment


class Child:
    """One process. Requests are answered one after the other."""

    def __init__(self, arguments: List[str], surroundings: Surroundings) -> None:
        log = surroundings.splunk_home / "var" / "log" / "splunk" / "splunkd.log"
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [surroundings.python, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                env=surroundings.environment,
                cwd=str(surroundings.bin_dir),
            )
        self._lock = threading.Lock()

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self.process.poll() is None

    def ask(self, request: Dict[str, Any]) -> Dict[str, Any]:
        """Return the child's answer. Raises `ChildError` when it ended instead."""
        body = json.dumps(request).encode()
        assert self.process.stdin and self.process.stdout
        with self._lock:
            try:
                self.process.stdin.write(_LENGTH.pack(len(body)) + body)
                self.process.stdin.flush()
                answer = self._read(_LENGTH.unpack(self._read(_LENGTH.size))[0])
                decoded: Dict[str, Any] = json.loads(answer)
            except (OSError, EOFError, ValueError) as exc:
                self.end()
                raise ChildError(f"the process ended with status {self.process.returncode}") from exc
        return decoded

    def end(self) -> None:
        """End the process, if it has not."""
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                if stream:
                    stream.close()
            except OSError:
                pass

    def _read(self, count: int) -> bytes:
        assert self.process.stdout
        data = self.process.stdout.read(count)
        if len(data) < count:
            raise EOFError
        return data


class Nursery:
    """The children of one stand-in; `end_all` leaves none."""

    def __init__(self, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._children: Set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(self, *arguments: str) -> Child:
        """Start a Python process. Raises `ChildError` when that cannot be, or everything is about to end."""
        with self._lock:
            if self._closed:
                raise ChildError("the stand-in is stopping")
            try:
                child = Child(list(arguments), self.surroundings)
            except OSError as exc:
                raise ChildError(f"{self.surroundings.python} could not be started: {exc.strerror}") from exc
            self._children = {other for other in self._children if other.is_alive} | {child}
        return child

    def end_all(self) -> None:
        """End every child; there will be no new ones."""
        with self._lock:
            self._closed = True
            children, self._children = self._children, set()
        for child in children:
            child.end()
