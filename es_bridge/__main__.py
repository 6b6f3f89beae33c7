"""``python -m es_bridge``: the bridge's commands without the rest of the project, as the Splunk app carries it."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import List, Optional

from es_bridge.cli.parser import Parser
from es_bridge.terminal import put_error, show_failures

COMMANDS = {
    "search": "search an index pattern, newest first, as JSON, a table or CSV",
    "stats": "count and aggregate in the cluster: one row a group, without moving the documents",
    "indices": "list the indices a pattern names: documents, times, size, health, lifecycle",
    "fields": "list the fields of a pattern's documents: types, how frequent, top values",
    "ping": "say what a cluster is, what it supports and what is missing",
}


def main(argv: Optional[List[str]] = None) -> int:
    """Run one command; return the exit status (0 done, 1 failed, 2 wrong usage)."""
    parser = Parser(prog="python -m es_bridge", epilog="Every command has its own --help.")
    subparsers = parser.add_subparsers(dest="command", metavar="<command>", required=True)
    for name, text in COMMANDS.items():
        command = subparsers.add_parser(
            name, help=text, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        importlib.import_module(f"es_bridge.cli.{name}").add_arguments(command)
    show_failures()
    arguments = parser.parse_args(argv)
    try:
        return importlib.import_module(f"es_bridge.cli.{arguments.command}").run(arguments)
    except KeyboardInterrupt:
        put_error("aws-siem-bridge: stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
