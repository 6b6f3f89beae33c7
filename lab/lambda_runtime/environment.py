"""One execution environment of a function: an emulator with the runtime in it, one event at a time.

The emulator answers everything with HTTP 200 and goes on after a timeout; two events at once crash it. So an
environment takes one event at a time, tells the answers apart by their bodies, and ends where AWS ends one: at a
timeout, out of memory, when the process exits and when its initialisation fails.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, Iterator, List, Mapping

from lab.engine.process import free_ports
from lab.lambda_runtime.errors import LambdaRuntimeUnavailable

INVOCATIONS = "/2015-03-31/functions/function/invocations"
START_TIMEOUT_S = 30
PORT_ATTEMPTS = 5
#: How much longer than the function's timeout the emulator may take to say so.
GRACE_S = 5
WATCH_EVERY_S = 0.05
#: How the emulator's answer to a timeout begins, and what AWS calls the error.
TIMEOUT_TEXT = "Task timed out after"
TIMED_OUT = "Sandbox.Timedout"
#: Not those of whoever runs this: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
PROGRAMS = "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin"
#: A folder that is not there, so that nothing of whoever runs this is read, such as an AWS configuration.
NO_HOME = "/home/sbx_user1051"
#: What AWS calls the end of a process that nobody asked for: it exited, was killed, took too much memory.
EXITED = "Runtime.ExitError"


@dataclass(frozen=True)
class Answer:
    """What came of one event."""

    #: What the handler returned; None when it failed.
    payload: Any = None
    #: ``ValueError``, `TIMED_OUT`, `EXITED`, ...; empty when the handler returned.
    error_type: str = ""
    error_message: str = ""
    #: The whole answer of a handler that failed, with ``requestId`` and ``stackTrace``, as Lambda passes it on.
    error: Mapping[str, Any] = field(default_factory=dict)
    #: Seconds, from the request to the answer.
    seconds: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether AWS would call it a function error."""
        return bool(self.error_type)


class ExecutionEnvironment:
    """A started environment; stop it with ``kill()``. Raises LambdaRuntimeUnavailable when it cannot start."""

    def __init__(
        self,
        emulator: Path,
        handler: str,
        path: List[Path],
        environment: Mapping[str, str],
        timeout_s: int,
        memory_mb: int,
        log: IO[bytes],
        log_format: str = "Text",
    ) -> None:
        self._timeout_s, self._memory_mb = timeout_s, memory_mb
        variables = {
            "PATH": PROGRAMS,
            "HOME": NO_HOME,
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": str(path[0]),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "AWS_LAMBDA_LOG_FORMAT": log_format,
            **environment,
        }
        for _ in range(PORT_ATTEMPTS):
            self._port, api_port = free_ports(2)
            command = [str(emulator), "--log-level", "error"]
            command += ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
            command += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
            command += [sys.executable, "-S", "-m", "awslambdaric", handler]
            self._process = subprocess.Popen(
                command,
                cwd=path[0],
                env=variables,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            if self._listens():
                return
            self.kill()
        raise LambdaRuntimeUnavailable(f"{emulator} does not listen after {PORT_ATTEMPTS} attempts")

    @property
    def pid(self) -> int:
        """The emulator's process, the runtime's parent."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take another event."""
        return self._process.poll() is None

    def invoke(self, event: bytes) -> Answer:
        """Hand over one event and wait for what comes of it. Never two at the same time."""
        started = time.monotonic()
        with self._watched(started) as verdict:
            status, body = self._ask(event)
        answer = self._read(status, body, verdict)
        if answer.error_type == TIMED_OUT or answer.error_type.startswith("Runtime."):
            self.kill()
        return replace(answer, seconds=time.monotonic() - started)

    def kill(self) -> None:
        """End all its processes at once, as ``kill -9`` does."""
        # The emulator gives the runtime a group of its own. Stopped first, it starts no other one meanwhile.
        self._process.send_signal(signal.SIGSTOP)
        for pid in [*children_of(self._process.pid), self._process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def _ask(self, event: bytes) -> tuple[int, bytes]:
        """Return status and body; status 0 when the connection broke, as it does when the process is killed."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port)
        try:
            connection.request("POST", INVOCATIONS, event, {"Content-Type": "application/json"})
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    @staticmethod
    def _read(status: int, body: bytes, verdict: List[str]) -> Answer:
        if verdict:
            return Answer(None, TIMED_OUT if verdict[0].startswith(TIMEOUT_TEXT) else EXITED, verdict[0])
        if not status:
            return Answer(None, EXITED, "Runtime exited with error: signal: killed")
        text = body.decode("utf-8", "replace")
        if text.startswith(TIMEOUT_TEXT):
            return Answer(None, TIMED_OUT, text)
        try:
            payload = json.loads(text, parse_constant=_no_json) if text else None
        except ValueError:
            return Answer(None, "Runtime.MarshalError", text)
        if isinstance(payload, dict) and "errorType" in payload and "errorMessage" in payload:
            return Answer(None, payload["errorType"], payload["errorMessage"], payload)
        return Answer(payload)

    @contextlib.contextmanager
    def _watched(self, started: float) -> Iterator[List[str]]:
        """Kill the processes when they take too much memory or time; yield the list that then says which."""
        verdict: List[str] = []
        done = threading.Event()

        def watch() -> None:
            while not done.wait(WATCH_EVERY_S):
                if resident_mb(self._process.pid) > self._memory_mb:
                    verdict.append(f"Runtime exited with error: signal: killed (more than {self._memory_mb} MB memory)")
                elif time.monotonic() - started > self._timeout_s + GRACE_S:
                    verdict.append(f"{TIMEOUT_TEXT} {self._timeout_s:.2f} seconds")
                else:
                    continue
                self.kill()
                return

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        try:
            yield verdict
        finally:
            done.set()
            watcher.join()

    def _listens(self) -> bool:
        deadline = time.monotonic() + START_TIMEOUT_S
        while self.alive and time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self._port)
            try:
                connection.connect()
                return True
            except OSError:
                time.sleep(0.02)
            finally:
                connection.close()
        return False


def _no_json(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def resident_mb(emulator: int) -> float:
    """Return what the runtime in this emulator holds in memory, in MB; 0 when it has not started yet."""
    pages = 0
    for child in children_of(emulator):
        with contextlib.suppress(OSError, ValueError, IndexError):
            pages += int(Path(f"/proc/{child}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def children_of(pid: int) -> List[int]:
    """Return the processes that this one started: the runtime, of an emulator."""
    found: List[int] = []
    for thread in Path(f"/proc/{pid}/task").glob("*"):
        with contextlib.suppress(OSError):
            found += map(int, (thread / "children").read_text().split())
    return found
