"""``respond update-finding``: a finding of GuardDuty archived, one of Security Hub RESOLVED or NOTIFIED."""

from __future__ import annotations

import argparse

from aws_bridge.accounts.area import Area
from es_bridge.cli.reporting import UsageError
from response.actions.update_finding import update_finding
from response.cli.block_ip import BY_HAND
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.place import add_role_arguments, caller_of
from response.core.findings import PRODUCTS, STATES, finding_of
from response.errors import BadRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("finding", metavar="ID", help="GuardDuty's id, Security Hub's Id, or metadata.uid")
    parser.add_argument("--region", required=True, metavar="NAME", help="where the finding is")
    parser.add_argument("--product", choices=PRODUCTS, default="", help="whose finding it is (default: GuardDuty)")
    parser.add_argument("--product-arn", default="", metavar="ARN", help="of a finding of Security Hub CSPM")
    parser.add_argument("--state", choices=sorted(STATES), default="RESOLVED", help="default: RESOLVED")
    parser.add_argument("--incident", default=BY_HAND, metavar="ID", help="goes into the note (default: by-hand)")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    add_role_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Update; return the exit status."""
    return run_response(lambda: _update(arguments))


def _update(arguments: argparse.Namespace) -> int:
    given = {"finding": arguments.finding, "product": arguments.product, "product_arn": arguments.product_arn}
    try:
        finding = finding_of({"options": given})
    except BadRequest as exc:
        raise UsageError(str(exc)) from exc
    caller = caller_of(arguments)
    account = str(caller.call("sts", arguments.region, "GetCallerIdentity")["Account"])
    area = Area(caller, account, arguments.region)
    found = update_finding(area, finding, arguments.incident, arguments.state, dry_run=arguments.dry_run)
    return show(found, arguments.result)
