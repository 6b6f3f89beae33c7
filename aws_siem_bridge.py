"""The ``aws-siem-bridge`` command line: one name for what the packages offer.

Every package brings its own sub-commands; this module only lists them. A package is imported when one of its
commands is used, so that ``aws-siem-bridge search`` never pays for the lab.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import List, Optional

#: Sub-command -> (module, one line of help). The module offers ``add_arguments(parser)`` and ``run(arguments) -> int``.
COMMANDS = {
    "search": ("es_bridge.cli.search", "search an index pattern, newest first, as JSON, a table or CSV"),
    "stats": ("es_bridge.cli.stats", "count and aggregate in the cluster: one row a group, without moving documents"),
    "indices": ("es_bridge.cli.indices", "list the indices a pattern names: documents, times, size, health, lifecycle"),
    "fields": ("es_bridge.cli.fields", "list the fields of a pattern's documents: types, how frequent, top values"),
    "ping": ("es_bridge.cli.ping", "say what a cluster is, what it supports and what is missing"),
    "load": ("collectors.cli.load", "load AWS logs into the store: files, a bucket prefix, or a queue for good"),
    "audit": ("collectors.cli.audit", "compare the records of S3 objects with what is stored, and list the gaps"),
    "dlq": ("collectors.cli.dlq", "list, explain and replay what could not be stored"),
    "digest": ("collectors.cli.digest", "verify CloudTrail's digest chain: that no log file was changed or removed"),
    "threats": ("collectors.cli.threats", "import threat lists (addresses, domains, hashes) into Splunk's KV store"),
    "enrichment": ("collectors.cli.enrichment", "import AWS's published ranges and build dates into Splunk's KV store"),
    "templates": ("collectors.cli.templates", "show and apply index templates and lifecycle policies"),
    "respond": ("response.cli.respond", "isolate an EC2 instance, release it, and look before either"),
    "spl": ("savedsearches.runner.cli", "run a pipeline of SPL on a cluster, without a Splunk: a strict subset"),
    "detections": ("savedsearches.cli.detections", "list detections, and try them on a cluster before scheduling them"),
    "report": ("splunk_app.dashboards.report", "write the monthly report of a Splunk as CSV files for Excel"),
    "sigma": ("savedsearches.sigma.cli", "turn rules of Sigma into detections, each with a verdict"),
    "completion": ("es_bridge.cli.completion", "print what makes a shell complete commands and options"),
    "lab": ("lab.cli", "what stands in for the systems a user owns: engine, splunkd, story, one-line runner"),
}


#: Sub-commands that start what is no part of a wheel: engines, stand-ins, the app's own scripts.
ONLY_IN_A_CLONE = ("lab", "spl", "detections", "report")
_APP = Path(__file__).resolve().parent / "splunk_app"

FIRST_STEPS = """\
first steps:
  aws-siem-bridge lab engine start                 an engine on this machine to try with; says what to type next
  aws-siem-bridge ping --url https://search:9200   what a cluster is, and what this account may do there
  aws-siem-bridge load AWSLogs/                    bring AWS's log files into it
  aws-siem-bridge search 'aws-*' --format table    look at them

Every command has its own --help with examples. Exit status: 0 done, 1 failed, 2 wrong usage.
"""


def build_parser(argv: List[str], everything: bool = False) -> argparse.ArgumentParser:
    """Return the parser, with the arguments of the sub-command that ``argv`` names, or of all that can be loaded."""
    from es_bridge.cli.parser import Parser  # here, so that importing this module loads nothing else

    parser = Parser(
        prog="aws-siem-bridge",
        description="Search raw AWS logs in OpenSearch or Elasticsearch, load them, and run the lab.",
        epilog=FIRST_STEPS,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    subparsers = parser.add_subparsers(dest="command", metavar="<command>")
    named = next((word for word in argv if not word.startswith("-")), None)
    for name, (module, line) in COMMANDS.items():
        sub = subparsers.add_parser(
            name, help=line, description=line, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        if name == named or everything:
            _add_arguments(module, sub, everything)
    return parser


def _add_arguments(module: str, parser: argparse.ArgumentParser, everything: bool) -> None:
    """Add a sub-command's arguments; to complete them those of its own sub-commands, as far as they are installed."""
    try:
        importlib.import_module(module).add_arguments(parser)
        for action in parser._subparsers._group_actions if everything and parser._subparsers else ():
            for inner in (action.choices or {}).values():  # type: ignore[attr-defined]
                getattr(inner, "load", lambda: None)()
    except ImportError:
        if not everything:
            raise


def main(argv: Optional[List[str]] = None) -> int:
    """Run one sub-command; return the exit status (0 done, 1 failed, 2 wrong usage)."""
    from es_bridge.cli import reporting
    from es_bridge.terminal import put, put_error, show_failures

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
    if arguments.version:
        put(f"aws-siem-bridge {version()}")
        return 0
    if not arguments.command:
        parser.print_help()
        return 2
    reporting.unreachable_hint = lambda: engine_elsewhere(arguments)
    module = importlib.import_module(COMMANDS[arguments.command][0])
    try:
        return module.run(arguments)
    except KeyboardInterrupt:
        put_error("aws-siem-bridge: stopped")
        return 130


def version() -> str:
    """Return the version that is installed."""
    from importlib import metadata

    try:
        return metadata.version("aws-siem-bridge")
    except metadata.PackageNotFoundError:
        return "unknown: it is not installed, it runs from its folder"


def engine_elsewhere(arguments: argparse.Namespace) -> str:
    """Return where an engine of the lab runs, for whoever did not say which cluster is meant; nothing if none does."""
    from es_bridge.cli.connection import URL_VARIABLE

    if getattr(arguments, "url", None) or os.environ.get(URL_VARIABLE):
        return ""
    try:
        from lab.engine.running import running_urls
    except ImportError:  # installed without the lab
        return ""
    urls = running_urls()
    if not urls:
        return f"no cluster was named: give --url, or set {URL_VARIABLE}. To try: aws-siem-bridge lab engine start"
    return f"an engine of the lab runs at {urls[0]}. To use it: export {URL_VARIABLE}={urls[0]}"


if __name__ == "__main__":
    sys.exit(main())
