"""The option that chooses which of CloudTrail's objects are indexed: for ``templates`` and ``load``."""

from __future__ import annotations

import argparse

from collectors.errors import CollectorError
from collectors.store.object_fields import ALL, NONE, OBJECTS, parse_choice


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add ``--index-objects``; `collectors.store.object_fields.parse_choice` reads it."""
    parser.add_argument(
        "--index-objects",
        metavar="NAMES",
        type=_choice,
        help=f"which of CloudTrail's objects are searchable by any member, in indices made from now on: {ALL}, {NONE}, "
        f"or names separated by commas: {', '.join(OBJECTS)} (default: as chosen before, else {ALL})",
    )


def _choice(text: str) -> str:
    try:
        parse_choice(text)
    except CollectorError as exc:
        raise argparse.ArgumentTypeError(str(exc)) from exc
    return text
