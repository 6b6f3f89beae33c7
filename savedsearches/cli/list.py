"""``aws-siem-bridge detections list``."""

from __future__ import annotations

import argparse

from es_bridge.cli.reporting import DONE, run_reported, tell
from es_bridge.cli.rows import Column, Rows, add_format_argument
from savedsearches.cli.choice import add_choice, chosen

_EXAMPLES = """\
examples:
  aws-siem-bridge detections list --pack cloudtrail
  aws-siem-bridge detections list cloudtrail_root_use --format json

window is how much time of arrival a run looks at, lag how far behind now it ends. needs: data of Splunk's index that
backtest takes from --events.
"""
_COLUMNS = [Column(name, name) for name in ("name", "severity", "data", "every", "window", "lag", "attack", "title")]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``list``."""
    parser.epilog = _EXAMPLES
    add_choice(parser)
    add_format_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the detections; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    printed = Rows(arguments.format, _COLUMNS)
    found = chosen(arguments)
    for each in found:
        printed.add(
            {
                "name": each.name,
                "severity": each.severity,
                "data": " ".join(each.data),
                "every": each.schedule.every,
                "window": each.schedule.window,
                "lag": each.schedule.lag,
                "attack": " ".join(each.attack),
                "title": each.title,
            }
        )
    printed.end()
    tell(f"{len(found)} detections. All ship switched off: docs/detections.md")
    return DONE
