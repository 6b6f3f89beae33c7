"""``aws-siem-bridge lab run``: one command of the app through its own script, without a Splunk.

Rows go to stdout, as JSON lines or in another format, messages to stderr; the exit status is how the job would end: 0
done, 1 failed; 2 is wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from typing import List, Optional

from es_bridge import times
from es_bridge.cli.connection import add_connection_arguments, cluster_from
from es_bridge.cli.reporting import WRONG_USAGE
from es_bridge.cli.rows import JSONL, Rows, add_format_argument
from es_bridge.config import ClusterConfig
from es_bridge.errors import BridgeError
from es_bridge.terminal import put_error
from lab.app_command import AppCommand
from savedsearches.runner.app_commands import COMMANDS, STREAMING
from savedsearches.runner.local_settings import LocalSettings
from splunk_bridge.chunked import CommandProcess, Job, ProtocolError
from splunk_bridge.command_line import CommandLine, CommandLineError, parse_command_line

#: Its name in `source` and in messages. Not "default": in a conf file that is the stanza every other one inherits.
CLUSTER = "lab"
_EXAMPLES = """\
examples:
  aws-siem-bridge lab run '| elasticsearch index="*cloudtrail*" query="errorCode:AccessDenied" start_time=now-30m'
  aws-siem-bridge lab run '| elasticsearch index=aws-waf-* fields=action,httpRequest.*' --earliest -1d@d --latest now
  aws-siem-bridge lab run '| elasticsearch index=x size=0 output=raw' --url https://search:9200 --username reader
  aws-siem-bridge lab run '| elasticfields index=aws-dns-* top=3'

A whole pipeline: aws-siem-bridge spl.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``lab run``."""
    parser.epilog = _EXAMPLES
    parser.add_argument("line", help="the command line, in one pair of single quotes")
    parser.add_argument("--earliest", default="0", metavar="TIME", help="what the time picker says (default: All time)")
    parser.add_argument("--latest", default="0", metavar="TIME", help="the picker's other side (default: no bound)")
    parser.add_argument(
        "--time-zone", default="", metavar="NAME", help="that of the user's Splunk preferences, such as Asia/Seoul"
    )
    add_format_argument(parser, JSONL)
    parser.add_argument("--python", default=sys.executable, help="interpreter that runs the script; default: this one")
    add_connection_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run one command line; return 0 when the job would be done, 1 when it would have failed, 2 for wrong usage."""
    try:
        line = own_command_line(arguments.line)
        now_ms = times.now_ms()
        picker = [_picked(text, now_ms, arguments.time_zone) for text in (arguments.earliest, arguments.latest)]
        cluster = cluster_from(arguments)
    except (CommandLineError, BridgeError) as exc:
        put_error(f"aws-siem-bridge: {exc}")
        return WRONG_USAGE
    return _run_line(line, picker, cluster, arguments)


def own_command_line(text: str) -> CommandLine:
    """Return the parts of a line that calls a command of this app. Raises `CommandLineError` for any other."""
    line = parse_command_line(text)
    check_beginning(line.command)
    return line


def check_beginning(command: str, *others: str) -> None:
    """Raise `CommandLineError` unless this is a command of the app that begins a search, or one of ``others``."""
    beginning = [name for name in COMMANDS if name not in STREAMING]
    if command not in (*beginning, *others):
        raise CommandLineError(f"a search does not begin with {command!r} here: write | {', | '.join(beginning)}")


def _run_line(line: CommandLine, picker: List[str], cluster: ClusterConfig, arguments: argparse.Namespace) -> int:
    with LocalSettings(replace(cluster, name=CLUSTER), user="admin", tz=arguments.time_zone) as settings:
        job = Job(line.args, line.raw_args, settings.uri, settings.session_key, earliest=picker[0], latest=picker[1])
        job.command = line.command
        try:
            with AppCommand(job, python=arguments.python, home=settings.home) as command:
                try:
                    return _print_replies(command, Rows(arguments.format))
                except (ProtocolError, EOFError) as exc:
                    put_error(f"aws-siem-bridge: {exc}. It wrote to stderr:", *command.stderr().split("\n"))
        except OSError as exc:
            put_error(f"aws-siem-bridge: {arguments.python} could not be started: {exc.strerror}")
        return 1


def _print_replies(command: CommandProcess, rows: Rows) -> int:
    finished = False
    for reply in command.run():
        for level, text in reply.messages:
            put_error(f"{level} {text}")
        for row in reply.rows():
            rows.add(row)
        finished = reply.finished
    rows.end()
    sys.stdout.flush()
    status = command.wait()
    if command.stderr():
        put_error(*command.stderr().rstrip("\n").split("\n"))
    return 0 if finished and status == 0 else 1


def _picked(text: str, now_ms: int, tz: str) -> str:
    """Return a time as the picker hands it to a command: epoch seconds as text, ``"0"`` for no bound."""
    ms: Optional[int] = times.parse_time(text, now_ms=now_ms, zone=times.zone_named(tz))
    return "0" if ms is None else f"{ms // 1000}.{ms % 1000:03d}"
