"""``respond release``: put an isolated instance back to its saved state."""

from __future__ import annotations

import argparse
from dataclasses import replace

from response.actions.release import Release
from response.aws.capture_volumes import left_volumes
from response.aws.parts import Parts
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.place import Place, add_place_arguments, place_of
from response.cli.principals import until_done
from response.errors import NoSavedState


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_place_arguments(parser)
    add_result_argument(parser)
    parser.add_argument("--incident", default="", metavar="ID", help="default: the open one")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def run(arguments: argparse.Namespace) -> int:
    """Release; return the exit status."""
    return run_response(lambda: _release(arguments))


def _release(arguments: argparse.Namespace) -> int:
    place = place_of(arguments)
    incident = arguments.incident or _incident(place)
    release = Release(place.area, place.states)
    found = until_done(lambda: release.release(place.target, incident, dry_run=arguments.dry_run))
    return show(replace(found, notes=(*found.notes, *left_volumes(place.area, incident))), arguments.result)


def _incident(place: Place) -> str:
    revoked = Parts(place.states.area, place.states.bucket, place.target).incidents()
    known = (*place.states.incidents(place.target), *revoked)
    still_open = [each.id for each in known if not each.released]
    if still_open:
        return still_open[-1]
    raise NoSavedState(
        f"no saved state of {place.target} in this bucket is left to restore: there is none, or it was released. To "
        "release once more, name the incident with --incident"
    )
