"""All functions of a stack: each in its own process, started when it is first called and kept warm."""

from __future__ import annotations

import threading
from functools import partial
from types import TracebackType
from typing import Callable, Dict, Iterable, List, NamedTuple, Optional, Type

from lab.lambda_runtime.environment import Answer
from lab.lambda_runtime.function import Environments, Function

#: What the emulator writes itself; on AWS these are lines of the platform's, in the format of the others.
_PLATFORM = ("START RequestId: ", "END RequestId: ", "REPORT RequestId: ")


class Answered(NamedTuple):
    """One event of one function, and what came of it."""

    function: str
    answer: Answer


class Deployment:
    """A context manager. ``most``: environments of one function at a time; further events wait.

    Raises LambdaRuntimeUnavailable, with the first event of a function, when the runtime cannot be set up.
    """

    def __init__(self, functions: Iterable[Function], most: int = 1) -> None:
        self.functions = {each.name: each for each in functions}
        self._most = most
        self._lock = threading.Lock()
        self._environments: Dict[str, Environments] = {}
        #: In the order in which they ended.
        self.answers: List[Answered] = []

    def __enter__(self) -> Deployment:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    @property
    def handlers(self) -> Dict[str, Callable[[bytes], Answer]]:
        """Name -> what answers its events, as `lab.lambda_runtime.front` wants it."""
        return {name: partial(self.invoke, name) for name in self.functions}

    def invoke(self, name: str, event: bytes) -> Answer:
        """Run a function on one event. Raises KeyError for one that is not there."""
        with self._lock:
            if name not in self._environments:
                self._environments[name] = Environments(self.functions[name], self._most)
        answer = self._environments[name].invoke(event)
        with self._lock:
            self.answers.append(Answered(name, answer))
        return answer

    @property
    def environments(self) -> Dict[str, Environments]:
        """Name -> the environments of every function that was called."""
        with self._lock:
            return dict(self._environments)

    def log(self, name: str) -> List[str]:
        """Return the lines that a function has written, without the emulator's own."""
        lines = self.environments[name].log().splitlines()
        return [line for line in lines if line and not line.startswith(_PLATFORM)]

    def stop(self) -> None:
        """End all."""
        with self._lock:
            for each in self._environments.values():
                each.stop()
            self._environments.clear()
