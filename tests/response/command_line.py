"""``aws-siem-bridge respond``, run in this process."""

from __future__ import annotations

from typing import Any, Tuple

from tests import command_line


def run(capsys: Any, *argv: str) -> Tuple[int, str, str]:
    """Return the exit status, and what was written to standard output and standard error."""
    return command_line.run(capsys, "respond", *argv)
