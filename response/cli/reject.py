"""``respond reject``: refuse what an incident waits for. What was isolated softly stays so until it is released."""

from __future__ import annotations

import argparse

from response.cli.approve import answer
from response.cli.desk import add_desk_arguments
from response.cli.outcome import run_response

add_arguments = add_desk_arguments


def run(arguments: argparse.Namespace) -> int:
    """Refuse; return the exit status."""
    return run_response(lambda: answer(arguments, agreed=False))
