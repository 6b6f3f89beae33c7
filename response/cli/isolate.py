"""``respond isolate``: cut an instance off, after its state was saved."""

from __future__ import annotations

import argparse

from response.actions.isolate import Isolation
from response.aws.quarantine import HARD, SOFT
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.place import Place, add_place_arguments, place_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place_arguments(parser)
    add_result_argument(parser)
    parser.add_argument("--incident", default="", metavar="ID", help="default: the open one, or a new number")
    parser.add_argument(
        "--mode", choices=(HARD, SOFT), default=HARD,
        help="hard: no way in or out. soft: what leads to VPC endpoints of SSM and S3 stays, hard where there are none "
             "(default: hard)",
    )  # fmt: skip
    parser.add_argument(
        "--cut-flows", action="store_true",
        help="end flows that are open, too: for an instant the instance is open to everybody, at most 5 seconds",
    )  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Isolate; return the exit status."""
    return run_response(lambda: _isolate(arguments))


def _isolate(arguments: argparse.Namespace) -> int:
    place = place_of(arguments)
    incident = arguments.incident or incident_of(place)
    isolation = Isolation(place.area, place.states)
    found = isolation.isolate(place.target, incident, mode=arguments.mode, cut_flows=arguments.cut_flows)
    return show(found, arguments.result)


def incident_of(place: Place) -> str:
    """Return the incident that is open, or the next number."""
    known = place.states.incidents(place.target)
    still_open = [each.id for each in known if not each.released]
    return still_open[-1] if still_open else f"{place.target.instance}-{len(known) + 1}"
