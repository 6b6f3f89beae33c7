"""``respond resume``: start a workflow again that broke: an incident's first, or one that was begun beside it."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE
from es_bridge.terminal import put
from response.actions.resume import resume
from response.aws.executions import Executions
from response.cli.desk import add_desk_arguments, desk_of
from response.cli.outcome import run_response


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_desk_arguments(parser)
    parser.add_argument("--state-machine", required=True, metavar="ARN", help="the workflow")
    parser.add_argument("--agree", action="store_true", help="agree to what the incident waits for")


def run(arguments: argparse.Namespace) -> int:
    """Resume; return the exit status."""
    return run_response(lambda: _resume(arguments))


def _resume(arguments: argparse.Namespace) -> int:
    desk = desk_of(arguments)
    executions = Executions(desk.here, arguments.state_machine)
    begun = desk.incidents.execution(arguments.incident) or desk.incident(arguments.incident)
    found = resume(desk.incidents, executions, begun, agreed=arguments.agree)
    put(f"{found.id} goes on as the execution {found.execution}")
    return DONE
