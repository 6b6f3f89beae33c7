"""The option that chooses which of CloudTrail's objects are indexed: for ``templates`` and ``load``."""

from __future__ import annotations

import argparse

from collectors.object_fields import ALL, NONE, OBJECTS


def add_choice(parser: argparse.ArgumentParser) -> None:
    """Add ``--index-objects``; `collectors.object_fields.parse_choice` reads it."""
    parser.add_argument(
        "--index-objects",
        metavar="NAMES",
        help=f"which of CloudTrail's objects are searchable by any member, in indices made from now on: {ALL}, {NONE}, "
        f"or names separated by commas: {', '.join(OBJECTS)} (default: as chosen before, else {ALL})",
    )
