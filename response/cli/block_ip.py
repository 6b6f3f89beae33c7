"""``respond block-ip``: addresses into the IP sets of AWS WAF."""

from __future__ import annotations

import argparse
from typing import List

from aws_bridge.accounts.area import Area
from es_bridge.cli.reporting import UsageError
from response.actions.block import SET_NAMES, Blocking
from response.aws.blocks import Blocks
from response.aws.ip_sets import CLOUDFRONT, REGIONAL, IpSets
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.place import add_role_arguments, caller_of
from response.core.addresses import WIDEST_V4, WIDEST_V6, Rules, network_of, networks_of

#: Whoever acts at a command line has no incident of the workflow.
BY_HAND = "by-hand"
NO_RULES = Rules()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_block_arguments(parser)
    parser.add_argument("--hours", type=float, default=24.0, metavar="N", help="for how long, 0 for ever (default: 24)")
    parser.add_argument("--trusted", default="", metavar="NET,...", help="networks that are never blocked")
    parser.add_argument("--own", default="", metavar="NET,...", help="your own, beside the account's Elastic IPs")
    parser.add_argument("--widest-v4", type=int, default=WIDEST_V4, metavar="N", help="default: /24")
    parser.add_argument("--widest-v6", type=int, default=WIDEST_V6, metavar="N", help="default: /48")


def add_block_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what blocking and its end have in common."""
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS", help="203.0.113.7, 203.0.113.0/24, 2001:db8::/64")
    parser.add_argument("--region", required=True, metavar="NAME", help="region of the web ACL and of your addresses")
    parser.add_argument("--table", required=True, metavar="NAME", help="the table that notes what was blocked")
    parser.add_argument("--table-region", default="", metavar="NAME", help="the table's, if another")
    parser.add_argument("--scope", choices=(REGIONAL, CLOUDFRONT), default=REGIONAL, help="default: REGIONAL")
    for version in (4, 6):
        name = SET_NAMES[version]
        parser.add_argument(f"--set-v{version}", default=name, metavar="NAME", help=f"IP set (default: {name})")
    parser.add_argument("--incident", default=BY_HAND, metavar="ID", help="default: by-hand")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    add_role_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Block; return the exit status."""
    return run_response(lambda: _block(arguments))


def blocking_of(arguments: argparse.Namespace, rules: Rules = NO_RULES) -> Blocking:
    """Return where the options say that addresses are blocked. Raises `aws_bridge.errors.AwsError`."""
    caller = caller_of(arguments)
    account = str(caller.call("sts", arguments.region, "GetCallerIdentity")["Account"])
    area = Area(caller, account, arguments.region)
    table = Blocks(area._replace(region=arguments.table_region or area.region), arguments.table)
    names = {4: arguments.set_v4, 6: arguments.set_v6}
    return Blocking(area, IpSets(area, arguments.scope), table, rules, names)


def _block(arguments: argparse.Namespace) -> int:
    if arguments.hours < 0:
        raise UsageError("--hours is below 0: 0 blocks for ever")
    own = tuple((each, "one of your own networks") for each in networks_of(_split(arguments.own)))
    rules = Rules(networks_of(_split(arguments.trusted)), own, arguments.widest_v4, arguments.widest_v6)
    for each in arguments.addresses:
        network_of(each)  # what is none at all is wrong usage, before anybody is asked
    found = blocking_of(arguments, rules).block(
        arguments.addresses, arguments.incident, hours=arguments.hours, dry_run=arguments.dry_run
    )
    return show(found, arguments.result)


def _split(text: str) -> List[str]:
    return [each.strip() for each in text.split(",") if each.strip()]
