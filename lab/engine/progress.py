"""What a user sees while something is downloaded or prepared."""

from __future__ import annotations

import sys
from typing import Callable

from es_bridge.terminal import overwrite, put_error

#: Called with what is being done and, when it has parts, how many are done of how many (else 0, 0).
Progress = Callable[[str, int, int], None]


def to_stderr(what: str, done: int = 0, total: int = 0) -> None:
    """Show progress on stderr: one line that counts up on a terminal, every tenth part in a log."""
    if not total:
        put_error(what)
        return
    line = f"{what}: {done} of {total}"
    if sys.stderr.isatty():
        overwrite(line, end="\n" if done == total else "")
    elif done % 10 == 0 or done == total:
        put_error(line)


def silent(what: str, done: int = 0, total: int = 0) -> None:
    """Show nothing."""
