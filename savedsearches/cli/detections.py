"""``aws-siem-bridge detections``: list, try on a real cluster, switch on, and except from."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from es_bridge.cli.parser import Parser

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


class _LazyParser(Parser):
    """A sub-command's parser that imports the sub-command's module when its arguments are about to be parsed."""

    _is_loaded = False

    def load(self) -> None:
        """Add the module's arguments."""
        if not self._is_loaded:
            self._is_loaded = True
            importlib.import_module(COMMANDS[self.prog.split()[-1]][0]).add_arguments(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Add the module's arguments first."""
        self.load()
        return super().parse_known_args(args, namespace)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands; a module is imported when its sub-command is used."""
    parser.epilog = _EXAMPLES
    commands = parser.add_subparsers(
        dest="detections_command", metavar="<command>", required=True, parser_class=_LazyParser
    )
    for name, (_, line) in COMMANDS.items():
        commands.add_parser(name, help=line, description=line, formatter_class=argparse.RawDescriptionHelpFormatter)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command and return its exit status."""
    return importlib.import_module(COMMANDS[arguments.detections_command][0]).run(arguments)
