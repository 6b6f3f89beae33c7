"""The ``aws-siem-bridge`` command line: one name for what the packages offer.

Every package brings its own sub-commands; this module only lists them. A package is imported when one of its
commands is used, so that ``aws-siem-bridge search`` never pays for the lab.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import List, Optional

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
COMMANDS = {
    "search": ("es_bridge.cli.search", "search an index pattern, newest first, as JSON lines or a table"),
    "indices": ("es_bridge.cli.indices", "list the indices a pattern names, with documents and time field"),
    "ping": ("es_bridge.cli.ping", "say what a cluster is, what it supports and what is missing"),
    "load": ("collectors.cli.load", "load AWS logs into the store: files, a bucket prefix, or a queue for good"),
    "audit": ("collectors.cli.audit", "compare the records of S3 objects with what is stored, and list the gaps"),
    "dlq": ("collectors.cli.dlq", "list, explain and replay what could not be stored"),
    "digest": ("collectors.cli.digest", "verify CloudTrail's digest chain: that no log file was changed or removed"),
    "templates": ("collectors.cli.templates", "show and apply index templates and lifecycle policies"),
    "spl": ("savedsearches.runner.cli", "run a pipeline of SPL on a cluster, without a Splunk: a strict subset"),
    "lab": ("lab.cli", "what stands in for the systems a user owns: engine, splunkd, story, one-line runner"),
}


#: Sub-commands that start what is no part of a wheel: engines, stand-ins, the app's own scripts.
ONLY_IN_A_CLONE = ("lab", "spl")
_APP = Path(__file__).resolve().parent / "splunk_app"


def build_parser(argv: List[str]) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the one sub-command that ``argv`` names."""
    from es_bridge.terminal import Parser  # here, so that importing this module loads nothing else

    parser = Parser(
        prog="aws-siem-bridge",
        description="Search raw AWS logs in OpenSearch or Elasticsearch, load them, and run the lab.",
        epilog="Every sub-command has its own --help with examples.",
    )
    subparsers = parser.add_subparsers(dest="command", metavar="<command>")
    named = next((word for word in argv if not word.startswith("-")), None)
    for name, (module, line) in COMMANDS.items():
        sub = subparsers.add_parser(
            name, help=line, description=line, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == named:
            importlib.import_module(module).add_arguments(sub)
    return parser


def main(argv: Optional[List[str]] = None) -> int:
    """Run one sub-command; return the exit status (0 done, 1 failed, 2 wrong usage)."""
    from es_bridge.terminal import put_error, show_failures

    show_failures()
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] in ONLY_IN_A_CLONE and not _APP.is_dir():
        put_error(
            f"aws-siem-bridge: {argv[0]} is not in the installed package, because it works on the project's source. "
            f"Get a clone of the repository, run script/setup lab in it, then .venv/bin/aws-siem-bridge {argv[0]}"
        )
        return 2
    parser = build_parser(argv)
    arguments = parser.parse_args(argv)
    if not arguments.command:
        parser.print_help()
        return 2
    module = importlib.import_module(COMMANDS[arguments.command][0])
    try:
        return module.run(arguments)
    except KeyboardInterrupt:
        put_error("aws-siem-bridge: stopped")
        return 130


if __name__ == "__main__":
    sys.exit(main())
