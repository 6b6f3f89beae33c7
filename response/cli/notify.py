"""``respond notify``: people told of an incident from the command line, with the channels of the functions."""

from __future__ import annotations

import argparse
import time

from aws_bridge.accounts.area import Area
from response.actions.notify import tell
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.place import add_role_arguments, caller_of
from response.core.notices import MESSAGE


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("incident", metavar="INCIDENT", help="the incident's id, or any word to try the channels")
    parser.add_argument("--region", required=True, metavar="NAME", help="of secret and table")
    parser.add_argument("--channels", required=True, metavar="SECRET", help="the secret with the channels")
    parser.add_argument("--table", required=True, metavar="NAME", help="the table that threads are kept in")
    parser.add_argument("--text", default="", metavar="TEXT", help="what to say")
    add_role_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Tell; return the exit status."""
    return run_response(lambda: _notify(arguments))


def _notify(arguments: argparse.Namespace) -> int:
    caller = caller_of(arguments)
    account = str(caller.call("sts", arguments.region, "GetCallerIdentity")["Account"])
    area = Area(caller, account, arguments.region)
    event = {
        "kind": MESSAGE, "incident": arguments.incident, "account": account, "region": arguments.region,
        "result": "done", "says": arguments.text, "dry_run": False,
    }  # fmt: skip
    return show(tell(area, arguments.channels, arguments.table, event, time.time()), arguments.result)
