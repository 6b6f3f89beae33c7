"""``respond plan``: say what isolate would change, and change nothing."""

from __future__ import annotations

import argparse

from response.cli import isolate
from response.cli.outcome import run_response

add_arguments = isolate.add_arguments


def run(arguments: argparse.Namespace) -> int:
    """Say what would change; return the exit status."""
    return run_response(lambda: isolate.isolate(arguments, dry_run=True))
