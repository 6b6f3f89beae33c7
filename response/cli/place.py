"""Which instance a sub-command is about, who asks AWS, and where its states are saved."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import NamedTuple

from aws_bridge.accounts.account import Account, Role
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from es_bridge.backoff import Backoff
from es_bridge.cli.reporting import UsageError
from response.aws.saved_state import SavedStates
from response.core.target import Target, target_of

#: Waits between attempts of a call: an isolation has to be quick.
BACKOFF = Backoff(0.2, 3.0)


class Place(NamedTuple):
    """One instance, the area it is in, and the bucket with its saved states."""

    target: Target
    area: Area
    states: SavedStates


def add_role_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that say as whom AWS is asked."""
    parser.add_argument("--role-arn", default="", metavar="ARN", help="a role to assume in its account")
    parser.add_argument("--external-id", default="", metavar="TEXT", help="what the role's trust policy asks for")


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the instance, and the options that say where it is and where its states are."""
    parser.add_argument("instance", metavar="INSTANCE", help="the id (i-...) or the ARN of the instance")
    parser.add_argument("--region", default="", metavar="NAME", help="its region, where the ARN does not say it")
    parser.add_argument("--bucket", required=True, metavar="NAME", help="the evidence bucket, where states are saved")
    parser.add_argument("--bucket-region", default="", metavar="NAME", help="the bucket's, if another")
    add_role_arguments(parser)


def caller_of(arguments: argparse.Namespace) -> Caller:
    """Return who asks AWS. Raises `UsageError`, `aws_bridge.errors.AwsError`."""
    account = Account("the instance's")
    if arguments.role_arn:
        role = Role(arguments.role_arn, arguments.external_id)
        account = replace(account, roles=(role,), partition=role.partition)
    elif arguments.external_id:
        raise UsageError("--external-id goes with --role-arn")
    return Caller(AwsSession(account), wait_s=BACKOFF.wait_s)


def place_of(arguments: argparse.Namespace) -> Place:
    """Return what the options say. Raises `UsageError`, `response.errors.BadTarget`, `aws_bridge.errors.AwsError`."""
    caller = caller_of(arguments)
    target = _target(arguments, caller)
    area = Area(caller, target.account, target.region)
    bucket_area = area._replace(region=arguments.bucket_region or area.region)
    return Place(target, area, SavedStates(bucket_area, arguments.bucket))


def _target(arguments: argparse.Namespace, caller: Caller) -> Target:
    if arguments.instance.startswith("arn:"):
        return target_of("", "", arguments.region, arn=arguments.instance)
    if not arguments.region:
        raise UsageError(f"in which region is {arguments.instance}? Give --region, or the ARN of the instance")
    # A malformed id is told before anybody is asked.
    Target("0" * 12, arguments.region, arguments.instance)
    account = caller.call("sts", arguments.region, "GetCallerIdentity")["Account"]
    return Target(account, arguments.region, arguments.instance)
