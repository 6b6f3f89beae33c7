"""Search commands without the start of a Python: a process that has imported them forks one for each run.

What runs is the command's script, as a process of its own with its own environment, folder, pipes and session. Imports
are half of the CPU time of a run, and there are thousands of runs here; that scripts start by themselves is tried where
commands are tested.
"""

from __future__ import annotations

import atexit
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from pathlib import Path
from typing import IO, Any, Dict, List, Mapping, NoReturn, Optional, Sequence

_LARGEST_REQUEST = 1_000_000
_LENGTH_BYTES = 4


class Forked:
    """A running command; has of ``subprocess.Popen`` what `splunk_bridge.chunked` asks for."""

    def __init__(self, status: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self.stdin, self.stdout = stdin, stdout
        self.returncode: Optional[int] = None
        self._status = os.fdopen(status, "rb", buffering=0)
        self.pid = int.from_bytes(self._status.read(_LENGTH_BYTES) or b"", "big")
        if not self.pid:
            raise RuntimeError("the process that forks commands has ended")

    def poll(self) -> Optional[int]:
        """Return the exit status, None while it runs."""
        return self._ended(0)

    def wait(self, timeout: Optional[float] = None) -> int:
        """Return the exit status once it has ended. Raises ``subprocess.TimeoutExpired``."""
        found = self._ended(timeout)
        if found is None:
            raise subprocess.TimeoutExpired("forked command", timeout or 0)
        return found

    def terminate(self) -> None:
        """Send SIGTERM."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    def _ended(self, timeout: Optional[float]) -> Optional[int]:
        if self.returncode is None and select.select([self._status], [], [], timeout)[0]:
            said = self._status.read(_LENGTH_BYTES)
            self.returncode = int.from_bytes(said, "big") if said else -signal.SIGKILL
            self._status.close()
        return self.returncode


class ForkServer:
    """The process that forks; its ``popen`` takes the place of ``subprocess.Popen``. A context manager."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(theirs.fileno())], pass_fds=[theirs.fileno()], start_new_session=True
            )
        self._lock = threading.Lock()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._process.wait()

    def popen(
        self,
        args: Sequence[str],
        *,
        stderr: IO[bytes],
        env: Mapping[str, str],
        cwd: str,
        **as_always: Any,
    ) -> Forked:
        """Run ``[python, script]``, with pipes for its input and output, in a session of its own."""
        their_input, our_output = os.pipe()
        our_input, their_output = os.pipe()
        our_status, their_status = os.pipe()
        request = json.dumps({"script": args[1], "env": dict(env), "cwd": cwd}).encode()
        given = [their_input, their_output, stderr.fileno(), their_status]
        try:
            with self._lock:
                socket.send_fds(self._socket, [request], given)
        finally:
            for end in (their_input, their_output, their_status):
                os.close(end)
        return Forked(our_status, os.fdopen(our_output, "wb"), os.fdopen(our_input, "rb"))


def serve(asked: socket.socket) -> None:
    """Fork a process for each request until nobody can ask any more."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits: each says itself how it ended
    while True:
        request, ends, _, _ = socket.recv_fds(asked, _LARGEST_REQUEST, 4)
        if not request:
            return
        if os.fork() == 0:
            asked.close()
            _run(json.loads(request), ends)
        for end in ends:
            os.close(end)


def _run(request: Dict[str, Any], ends: List[int]) -> NoReturn:
    """Be the command, and end."""
    status = ends[3]
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, end in enumerate(ends[:3]):
        os.dup2(end, number)
        os.close(end)
    os.write(status, os.getpid().to_bytes(_LENGTH_BYTES, "big"))
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = [request["script"]]
    end_at_once = os._exit

    def end(code: int) -> NoReturn:
        os.write(status, (code & 0xFF).to_bytes(_LENGTH_BYTES, "big"))
        end_at_once(code & 0xFF)

    os._exit = end  # commands end so
    code = 0
    try:
        runpy.run_path(request["script"], run_name="__main__")
    except SystemExit as exc:
        code = exc.code if isinstance(exc.code, int) else 0 if exc.code is None else 1
    except BaseException:
        traceback.print_exc()
        code = 1
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1
    end(code)


def main() -> None:
    """Import what commands import, and serve."""
    from savedsearches.runner.app_commands import COMMANDS, SCRIPTS

    asked = socket.socket(fileno=int(sys.argv[1]))
    sys.path.insert(0, str(SCRIPTS))
    for script in COMMANDS.values():
        runpy.run_path(str(SCRIPTS / script), run_name=Path(script).stem)
    _import_all("search_command")
    _import_all("es_bridge")
    serve(asked)


def _import_all(package: str) -> None:
    """Import a package with all in it but its command line: much of it is imported when it is first needed."""
    for found in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if found.ispkg and not found.name.endswith(".cli"):
            _import_all(found.name)
        elif not found.ispkg:
            importlib.import_module(found.name)


if __name__ == "__main__":
    main()
