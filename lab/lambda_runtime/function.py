"""A function as it is configured, and its execution environments: one process for each event that is worked on."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, List, Mapping, Optional, Tuple, Type

from lab.lambda_runtime.emulator import find_emulator
from lab.lambda_runtime.environment import Answer, ExecutionEnvironment
from lab.lambda_runtime.package import RUNTIME_LIBRARIES, link_libraries

#: A small machine is full with so many.
MOST_ENVIRONMENTS = 10


@dataclass(frozen=True)
class Function:
    """What ``CreateFunction`` is told."""

    name: str
    #: ``package.module.function``.
    handler: str
    #: The folder with its code, as the deployment's archive unpacks.
    code: Path
    timeout_s: int = 3
    memory_mb: int = 512
    environment: Mapping[str, str] = field(default_factory=dict)
    #: ``Text`` or ``JSON``, of the runtime's own lines: an exception that leaves the handler, records of `logging`.
    log_format: str = "Text"
    #: Folders whose ``python`` sub-folder comes behind the code.
    layers: Tuple[Path, ...] = ()


class Environments:
    """The environments of one function: started when needed, used again, replaced when they ended.

    A context manager. Raises LambdaRuntimeUnavailable when the runtime cannot be set up.
    """

    def __init__(self, function: Function, most: int = MOST_ENVIRONMENTS) -> None:
        if not 1 <= most <= MOST_ENVIRONMENTS:
            raise ValueError(f"1 to {MOST_ENVIRONMENTS} environments, not {most}")
        self.function, self.most = function, most
        self._emulator = find_emulator()
        self._runtime = tempfile.TemporaryDirectory(prefix="lambda-runtime-")
        link_libraries(RUNTIME_LIBRARIES, Path(self._runtime.name))
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the environments
        self._slots = threading.BoundedSemaphore(most)
        self._lock = threading.Lock()
        self._idle: List[ExecutionEnvironment] = []
        self._busy: List[ExecutionEnvironment] = []
        self.started = 0

    def __enter__(self) -> Environments:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def invoke(self, event: bytes) -> Answer:
        """Run the function on one event, in a process of its own, and return what came of it."""
        with self._slots:
            environment = self._lease()
            try:
                return environment.invoke(event)
            finally:
                with self._lock:
                    self._busy.remove(environment)
                    if environment.alive:
                        self._idle.append(environment)

    def busy(self) -> List[ExecutionEnvironment]:
        """Return those that work on an event now."""
        with self._lock:
            return list(self._busy)

    def alive(self) -> List[ExecutionEnvironment]:
        """Return those that can take an event, now or when they are done."""
        with self._lock:
            return [each for each in (*self._idle, *self._busy) if each.alive]

    def log(self) -> str:
        """Return what the function has written so far, in all environments."""
        self._log.flush()
        return Path(f"/proc/self/fd/{self._log.fileno()}").read_bytes().decode("utf-8", "replace")

    def stop(self) -> None:
        """End all."""
        with self._lock:
            for environment in [*self._idle, *self._busy]:
                environment.kill()
            self._idle.clear()
        self._log.close()
        self._runtime.cleanup()

    def _lease(self) -> ExecutionEnvironment:
        with self._lock:
            while self._idle:
                environment = self._idle.pop()
                if environment.alive:
                    self._busy.append(environment)
                    return environment
        function = self.function
        path = [function.code, *(layer / "python" for layer in function.layers), Path(self._runtime.name)]
        environment = ExecutionEnvironment(
            self._emulator,
            function.handler,
            path,
            {"AWS_LAMBDA_FUNCTION_NAME": function.name, **function.environment},
            function.timeout_s,
            function.memory_mb,
            self._log,
            function.log_format,
        )
        with self._lock:
            self._busy.append(environment)
            self.started += 1
        return environment
