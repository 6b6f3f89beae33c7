"""Something that is done in a thread while this one does something else."""

from __future__ import annotations

import threading
from typing import Any, Callable, Generic, List, Optional, TypeVar

Result = TypeVar("Result")


class Background(Generic[Result]):
    """Calls a function in a thread of its own, at once.

    Not `concurrent.futures`: what it imports would be waited for first.
    """

    def __init__(self, function: Callable[..., Result], *arguments: Any) -> None:
        self._function = function
        self._arguments = arguments
        self._results: List[Result] = []
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, daemon=True, name=function.__name__)
        self._thread.start()

    def result(self) -> Result:
        """Wait, and return what the function returned, or raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._results[0]

    def _run(self) -> None:
        try:
            self._results.append(self._function(*self._arguments))
        except BaseException as exc:
            self._error = exc
