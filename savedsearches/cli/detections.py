"""``aws-siem-bridge detections``: list, try on a real cluster, switch on, and except from."""

from __future__ import annotations

import argparse

from es_bridge.cli.sub_commands import add_sub_commands, run_sub_command

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
COMMANDS = {
    "list": ("savedsearches.cli.list", "list the detections: what they read, how often they run, what they are about"),
    "run": ("savedsearches.cli.run", "run detections once, now or as at another time, and print their rows"),
    "backtest": ("savedsearches.cli.backtest", "what each would have raised over a period, day by day"),
    "enable": ("savedsearches.cli.switch", "switch detections of a Splunk on, by name or pack, with an owner"),
    "disable": ("savedsearches.cli.switch", "switch detections of a Splunk off"),
    "exceptions": ("savedsearches.cli.exceptions", "list, add and remove what alerts are not raised for"),
    "office-zone": ("savedsearches.cli.office_zone", "print the macro that says what time it is in your office"),
}
_EXAMPLES = """\
examples:
  aws-siem-bridge detections list
  aws-siem-bridge detections backtest --pack cloudtrail --since=-7d@d --until=@d --url https://search.example:9200
  aws-siem-bridge detections run cloudtrail_root_use --url https://search.example:9200

Every sub-command has its own --help with examples. Nothing here writes into a cluster. docs/detections.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    parser.epilog = _EXAMPLES
    add_sub_commands(parser, COMMANDS, "detections_command")


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command and return its exit status."""
    return run_sub_command(arguments, COMMANDS, "detections_command")
