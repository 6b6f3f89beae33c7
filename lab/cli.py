"""``aws-siem-bridge lab``: what stands in for the systems a user owns."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

from es_bridge.cli.parser import Parser

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
COMMANDS = {
    "engine": ("lab.engine.cli", "start and stop a real OpenSearch or Elasticsearch on this machine"),
    "splunkd": ("lab.splunkd.cli", "open the app's pages and call splunkd's REST interface, without a Splunk"),
    "story": ("lab.story.cli", "write the logs of one attack in AWS's own file formats"),
    "aws": ("lab.aws.cli", "S3, SNS, SQS, EventBridge and Lambda's queue mappings on this machine, until Ctrl-C"),
    "demo": ("lab.demo.cli", "engine, story and a tour of searches, then a prompt of your own"),
    "run": ("lab.run_cli", "run one '| elasticsearch ...' command line as Splunk would, and print its rows"),
}

_EXAMPLES = """\
examples:
  aws-siem-bridge lab engine start
  aws-siem-bridge lab engine status
  aws-siem-bridge lab engine stop

Every sub-command has its own --help with examples.
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
    subparsers = parser.add_subparsers(dest="lab_command", metavar="<command>", required=True, parser_class=_LazyParser)
    for name, (_, line) in COMMANDS.items():
        subparsers.add_parser(name, help=line, description=line, formatter_class=argparse.RawDescriptionHelpFormatter)


def run(arguments: argparse.Namespace) -> int:
    """Run the chosen sub-command and return its exit status."""
    return importlib.import_module(COMMANDS[arguments.lab_command][0]).run(arguments)
