"""What sub-commands about users, roles and buckets have in common: whom they are about, where states are, waiting."""

from __future__ import annotations

import argparse
import time
from typing import Callable, NamedTuple

from aws_bridge.accounts.area import Area
from es_bridge.cli.reporting import tell
from response.aws.parts import Parts
from response.aws.saved_state import SavedStates
from response.cli.place import add_role_arguments, caller_of
from response.core.principal import KINDS, Principal, principal_of_arn
from response.core.result import ActionResult
from response.core.target import Subject, Target
from response.errors import BadTarget, NoSavedState, StillRunning

#: AWS takes seconds to minutes for the metadata service and for Identity Center.
WAIT_S, MOST_WAITS = 5.0, 60


class Where(NamedTuple):
    """The area that is acted in, and where the bucket is."""

    area: Area
    bucket_area: Area


def add_where_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what every such sub-command needs."""
    parser.add_argument("--region", required=True, metavar="NAME", help="where it is; of IAM: any region of yours")
    parser.add_argument("--bucket", required=True, metavar="NAME", help="the evidence bucket, where states are saved")
    parser.add_argument("--bucket-region", default="", metavar="NAME", help="the bucket's, if another")
    parser.add_argument("--incident", default="", metavar="ID", help="default: the open one, or a new number")
    parser.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")
    add_role_arguments(parser)


def add_principal_argument(parser: argparse.ArgumentParser) -> None:
    """Add the principal."""
    parser.add_argument(
        "principal", metavar="PRINCIPAL",
        help="an ARN of a user, role or session, or user/NAME, role/NAME, identity_center_user/NAME",
    )  # fmt: skip


def where_of(arguments: argparse.Namespace) -> Where:
    """Return where the options say that it acts. Raises `aws_bridge.errors.AwsError`."""
    caller = caller_of(arguments)
    account = str(caller.call("sts", arguments.region, "GetCallerIdentity")["Account"])
    area = Area(caller, account, arguments.region)
    return Where(area, area._replace(region=arguments.bucket_region or area.region))


def principal_named(text: str, account: str) -> Principal:
    """Return the principal of an ARN, or of a kind and a name. Raises `BadTarget`, also for another account's ARN."""
    if text.startswith("arn:"):
        found = principal_of_arn(text)
        if found.account != account:
            raise BadTarget(f"{text} is of another account than {account}: enter it with --role-arn")
        return found
    if text.startswith("AKIA"):
        return Principal(account, "user", "", text)
    kind, _, name = text.partition("/")
    if kind not in KINDS or not name:
        raise BadTarget(f"which kind is {text[:80]!r}? Give an ARN, user/NAME, role/NAME or identity_center_user/NAME")
    return Principal(account, kind, name)


def incident_of(parts: Parts, given: str, subject: Subject, *, new: bool) -> str:
    """Return the incident that is given, the open one, or the next number. Raises `NoSavedState`."""
    if given:
        return given
    known = parts.incidents()
    still_open = [each.id for each in known if not each.released]
    if still_open:
        return still_open[-1]
    if not new:
        raise NoSavedState(f"no saved state of {subject} in this bucket is left to put back; name it with --incident")
    return f"{subject.name}-{len(known) + 1}"


def instance_incident(states: SavedStates, target: Target) -> str:
    """Return the open incident of an instance, be it of its isolation or of its credentials, or the next number."""
    isolated = states.incidents(target)
    revoked = Parts(states.area, states.bucket, target).incidents()
    still_open = [each.id for each in (*isolated, *revoked) if not each.released]
    return still_open[0] if still_open else f"{target.instance}-{max(len(isolated), len(revoked)) + 1}"


def until_done(act: Callable[[], ActionResult], sleep: Callable[[float], None] = time.sleep) -> ActionResult:
    """Act again while AWS is at it. Raises `StillRunning` when that takes too long."""
    for _ in range(MOST_WAITS):
        try:
            return act()
        except StillRunning as exc:
            tell(str(exc))
            sleep(WAIT_S)
    return act()


def yes(parser: argparse.ArgumentParser, name: str, help: str) -> None:
    """Add an option that leaves a part out."""
    parser.add_argument(f"--no-{name}", dest=name, action="store_false", help=help)
