"""``respond readiness``: ask whether a response would work, here and now; change nothing."""

from __future__ import annotations

import argparse
from typing import List

from aws_bridge.accounts.area import Area
from es_bridge.cli.reporting import DONE, FAILED
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from response.actions.readiness import NOT_READY, Check, Home, of_area, of_home
from response.aws.handover import Handover
from response.cli.outcome import add_result_argument, run_response
from response.cli.place import add_role_arguments, caller_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--region", required=True, metavar="NAME", help="of the instances, and of what is at home")
    parser.add_argument("--bucket", required=True, metavar="NAME", help="the evidence bucket")
    parser.add_argument("--bucket-region", default="", metavar="NAME", help="the bucket's, if another")
    parser.add_argument("--parameter", required=True, metavar="NAME", help="the parameter that says what is allowed")
    parser.add_argument("--tools-parameter", required=True, metavar="NAME", help="the one that pins the capture tools")
    parser.add_argument("--tools-bucket", required=True, metavar="NAME", help="the bucket of the capture tools")
    parser.add_argument("--state-machine", required=True, metavar="ARN", help="the workflow's")
    parser.add_argument("--key", action="append", default=[], metavar="ARN", help="a KMS key; may be repeated")
    add_role_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Ask; return the exit status: 1 when something is not ready."""
    return run_response(lambda: _readiness(arguments))


def _readiness(arguments: argparse.Namespace) -> int:
    caller = caller_of(arguments)
    account = str(caller.call("sts", arguments.region, "GetCallerIdentity")["Account"])
    area = Area(caller, account, arguments.region)
    home = Home(
        area, arguments.parameter, arguments.tools_parameter, arguments.state_machine, arguments.bucket,
        area._replace(region=arguments.bucket_region or area.region), tuple(arguments.key),
        Handover(area, "", area, arguments.tools_bucket),
    )  # fmt: skip
    checks, tools = of_home(home)
    checks += of_area(area, tools)
    _show(checks, arguments.result)
    return FAILED if any(each.state == NOT_READY for each in checks) else DONE


def _show(checks: List[Check], form: str) -> None:
    if form == "json":
        put(as_json({"checks": [each.to_json() for each in checks]}))
        return
    for each in checks:
        put(f"{each.state}: {each.what}{f' ({each.target})' if each.target else ''}: {each.says}")
