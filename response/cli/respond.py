"""``aws-siem-bridge respond``: isolate an instance, release it, and look before either."""

from __future__ import annotations

import argparse
from dataclasses import replace

from aws_bridge.accounts.account import Account, Role
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import AwsError, BadAccount
from es_bridge.backoff import Backoff
from es_bridge.cli.reporting import DONE, FAILED, UsageError, run_reported, say, tell
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from response.actions.isolate import Isolation
from response.actions.release import Release
from response.aws.instances import Instances
from response.aws.quarantine import HARD, SOFT, QuarantineGroups
from response.aws.saved_state import SavedStates
from response.core import result as results
from response.core.result import ActionResult
from response.core.target import Target, target_of
from response.errors import BadTarget, NoSavedState, ResponseError

EXAMPLES = """\
examples:
  aws-siem-bridge respond plan i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond isolate i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond isolate i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence --mode soft
  aws-siem-bridge respond status i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond release i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence

plan changes nothing and says what isolate would change. isolate first writes how everything is to the bucket, once, and
release puts exactly that back; it refuses when somebody changed anything since. Both can be repeated. Credentials come
from where the AWS SDK looks for them; --role-arn enters another account. docs/response.md has the permissions.
Exit status: 0 it is as asked, read back from AWS; 1 it is not, and what is not is named; 2 wrong usage.
"""
#: Waits between attempts of a call: an isolation has to be quick.
BACKOFF = Backoff(0.2, 3.0)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands and their options."""
    parser.epilog = EXAMPLES
    commands = parser.add_subparsers(dest="respond_command", metavar="plan|isolate|release|status", required=True)
    for name, line in (
        ("plan", "say what isolate would change, and change nothing"),
        ("isolate", "cut an instance off, after its state was saved"),
        ("release", "put an isolated instance back to its saved state"),
        ("status", "say whether an instance is isolated, and which states of it are saved"),
    ):
        command = commands.add_parser(name, help=line, description=line)
        command.add_argument("instance", metavar="INSTANCE", help="the id (i-...) or the ARN of the instance")
        command.add_argument("--region", default="", metavar="NAME", help="its region, where the ARN does not say it")
        command.add_argument(
            "--bucket", required=True, metavar="NAME", help="the evidence bucket, where states are saved"
        )
        command.add_argument("--bucket-region", default="", metavar="NAME", help="the bucket's, if another")
        command.add_argument("--role-arn", default="", metavar="ARN", help="a role to assume in its account")
        command.add_argument("--external-id", default="", metavar="TEXT", help="what the role's trust policy asks for")
        command.add_argument(
            "--result", choices=("text", "json"), default="text", help="how it is printed (default: text)"
        )
        if name != "status":
            command.add_argument("--incident", default="", metavar="ID", help="default: the open one, or a new number")
        if name in ("plan", "isolate"):
            command.add_argument(
                "--mode", choices=(HARD, SOFT), default=HARD,
                help="hard: no way in or out. soft: what leads to VPC endpoints of SSM and S3 stays (default: hard)",
            )  # fmt: skip
        if name == "release":
            command.add_argument("--dry-run", action="store_true", help="say what would change, and change nothing")


def run(arguments: argparse.Namespace) -> int:
    """Run one sub-command; return the exit status."""
    return run_reported(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    try:
        caller = Caller(AwsSession(_account(arguments)), wait_s=BACKOFF.wait_s)
        target = _target(arguments, caller)
        area = Area(caller, target.account, target.region)
        states = SavedStates(replace_region(area, arguments.bucket_region), arguments.bucket)
        if arguments.respond_command == "status":
            return _status(area, states, target, arguments.result)
        incident = arguments.incident or _incident(arguments.respond_command, states, target)
        if arguments.respond_command == "release":
            found = Release(area, states).release(target, incident, dry_run=arguments.dry_run)
        else:
            dry_run = arguments.respond_command == "plan"
            found = Isolation(area, states).isolate(target, incident, mode=arguments.mode, dry_run=dry_run)
    except (BadTarget, BadAccount) as exc:
        raise UsageError(str(exc)) from exc
    except (AwsError, ResponseError) as exc:
        say(str(exc))
        return FAILED
    _show(found, arguments.result)
    return FAILED if found.result in (results.FAILED_RESULT, results.REFUSED) else DONE


def replace_region(area: Area, region: str) -> Area:
    """Return the area in another region, or as it is."""
    return area._replace(region=region) if region else area


def _account(arguments: argparse.Namespace) -> Account:
    account = Account("the instance's")
    if arguments.role_arn:
        role = Role(arguments.role_arn, arguments.external_id)
        return replace(account, roles=(role,), partition=role.partition)
    if arguments.external_id:
        raise UsageError("--external-id goes with --role-arn")
    return account


def _target(arguments: argparse.Namespace, caller: Caller) -> Target:
    if arguments.instance.startswith("arn:"):
        return target_of("", "", arguments.region, arn=arguments.instance)
    if not arguments.region:
        raise UsageError(f"in which region is {arguments.instance}? Give --region, or the ARN of the instance")
    # A malformed id is told before anybody is asked.
    Target("0" * 12, arguments.region, arguments.instance)
    account = caller.call("sts", arguments.region, "GetCallerIdentity")["Account"]
    return Target(account, arguments.region, arguments.instance)


def _incident(command: str, states: SavedStates, target: Target) -> str:
    """Return the incident that is open, or for an isolation the next number."""
    known = states.incidents(target)
    still_open = [each.id for each in known if not each.released]
    if still_open:
        return still_open[-1]
    if command == "release":
        raise NoSavedState(
            f"no saved state of {target} in this bucket is left to restore: there is none, or it was released. To "
            "release once more, name the incident with --incident"
        )
    return f"{target.instance}-{len(known) + 1}"


def _status(area: Area, states: SavedStates, target: Target, form: str) -> int:
    instance = Instances(area).read(target)
    ours = QuarantineGroups(area).ids(instance.vpcs) if instance.interfaces else frozenset()
    interfaces = [
        {"interface": each.id, "groups": list(each.groups), "isolated": set(each.groups) <= ours}
        for each in instance.interfaces
    ]
    isolated = bool(interfaces) and all(each["isolated"] for each in interfaces)
    incidents = states.incidents(target)
    saved = [{"incident": each.id, "released": each.released} for each in incidents]
    known = {"instance": target.instance, "account": target.account, "region": target.region, "state": instance.state,
             "isolated": isolated, "interfaces": interfaces, "saved_states": saved}  # fmt: skip
    if form == "json":
        put(as_json(known))
        return DONE
    put(f"{target} is {instance.state} and {'isolated' if isolated else 'NOT isolated'}")
    for each in instance.interfaces:
        put(f"  {each.id}: {', '.join(each.groups)}")
    named = [f"{each.id}{' (released)' if each.released else ''}" for each in incidents]
    put(f"  saved states: {', '.join(named) or 'none'}")
    return DONE


def _show(found: ActionResult, form: str) -> None:
    if form == "json":
        put(as_json(found.to_json()))
        return
    put(found.says)
    for each in found.outcomes:
        put(f"  {each.result}: {each.change.says}" + (f": {each.why}" if each.why else ""))
    put(f"  incident: {found.incident}")
    for note in found.notes:
        put(f"  note: {note}")
    if found.undo and found.result != results.FAILED_RESULT:
        tell(f"to undo it: {found.undo} with the same --region and --bucket")
