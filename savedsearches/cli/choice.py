"""Which detections are meant: by name, by pack, or all."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import Any, List

from es_bridge.cli.reporting import UsageError
from savedsearches.content.detection import Detection
from savedsearches.content.reading import FOLDER, ContentError, read_detections


def add_choice(parser: Any) -> None:
    """Add the names and ``--pack``."""
    parser.add_argument("name", nargs="*", help="a detection; without any: all, or those of the packs")
    parser.add_argument(
        "--pack",
        action="append",
        default=[],
        metavar="PACK",
        help="all that read cloudtrail, vpc_flow, route53_resolver, waf, linux, findings, assets; repeat it for more",
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, metavar="FOLDER", help="detections of your own, or imported ones"
    )


def chosen(arguments: argparse.Namespace) -> List[Detection]:
    """Return the detections that the options name. Raises `UsageError` for one that is not there."""
    try:
        known = read_detections(arguments.folder)
    except ContentError as exc:
        raise UsageError(f"the detections cannot be read:\n{exc}") from None
    if not known:
        raise UsageError(f"there is no detection in {arguments.folder}")
    names = [each.name for each in known]
    packs = sorted({pack for each in known for pack in each.all_packs})
    for what, given, there in (("detection", arguments.name, names), ("pack", arguments.pack, packs)):
        for each in given:
            if each not in there:
                close = difflib.get_close_matches(each, there, 1)
                meant = f"Did you mean {close[0]}?" if close else "aws-siem-bridge detections list shows what there is"
                raise UsageError(f"there is no {what} {each!r}. {meant}")
    if not arguments.name and not arguments.pack:
        return known
    return [each for each in known if each.name in arguments.name or set(each.all_packs) & set(arguments.pack)]
