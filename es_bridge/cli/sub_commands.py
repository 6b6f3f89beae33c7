"""Commands that are a group of others: a sub-command's module is imported when it is used."""

from __future__ import annotations

import argparse
import importlib
from typing import Any, Mapping, Tuple

from es_bridge.cli.parser import Parser

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
Commands = Mapping[str, Tuple[str, str]]


class _LazyParser(Parser):
    """A sub-command's parser that imports its module when its arguments are about to be parsed."""

    def __init__(self, *args: Any, module: str = "", **options: Any) -> None:
        super().__init__(*args, **options)
        self._module = module

    def load(self) -> None:
        """Add the module's arguments, once."""
        module, self._module = self._module, ""
        if module:
            importlib.import_module(module).add_arguments(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Add the module's arguments first."""
        self.load()
        return super().parse_known_args(args, namespace)


def add_sub_commands(parser: argparse.ArgumentParser, commands: Commands, dest: str) -> None:
    """Add the sub-commands; the name of the one that is used will be in ``dest``."""
    added = parser.add_subparsers(dest=dest, metavar="<command>", required=True, parser_class=_LazyParser)
    for name, (module, line) in commands.items():
        added.add_parser(name, module=module, help=line, description=line)


def run_sub_command(arguments: argparse.Namespace, commands: Commands, dest: str) -> int:
    """Run the sub-command that was used and return its exit status."""
    module, _ = commands[getattr(arguments, dest)]
    return int(importlib.import_module(module).run(arguments))
