"""``aws-siem-bridge``, run in the tests' own process."""

from __future__ import annotations

from typing import Any, Tuple

import aws_siem_bridge


def run(capsys: Any, *argv: str) -> Tuple[int, str, str]:
    """Return the exit status, and what was written to standard output and standard error."""
    capsys.readouterr()
    try:
        status = aws_siem_bridge.main(list(argv))
    except SystemExit as exc:  # argparse
        status = int(exc.code or 0)
    return (status, *capsys.readouterr())
