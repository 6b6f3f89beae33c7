"""``respond revoke``: the credentials of an instance, a user or a role."""

from __future__ import annotations

import argparse

from response.actions.revoke import Revocation, Selection, named
from response.aws.parts import Parts
from response.aws.saved_state import SavedStates
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.principals import (
    add_where_arguments,
    incident_of,
    instance_incident,
    principal_named,
    until_done,
    where_of,
    yes,
)
from response.core.target import Target, target_of

EXAMPLES = """\
examples:
  aws-siem-bridge respond revoke i-0b5e0f1c2d3a4b5c6 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond revoke i-0b5e0f1c2d3a4b5c6 --deny --everybody --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond revoke AKIAIOSFODNN7EXAMPLE --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond revoke role/web --deny --region eu-west-1 --bucket security-evidence

Of an instance: an empty profile and no metadata service, so that it gets no new keys; --deny voids those it has.
Capture its memory first. respond release and release-principal undo it. docs/contain.md has the permissions.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "what", metavar="WHAT", help="an instance (id or ARN), an access key, an ARN, user/NAME or role/NAME"
    )
    add_where_arguments(parser)
    add_result_argument(parser)
    yes(parser, "profile", "leave the instance its profile")
    yes(parser, "metadata", "leave the instance its metadata service")
    yes(parser, "keys", "leave the user's access keys active")
    parser.add_argument("--deny", action="store_true", help="deny what was issued before now")
    parser.add_argument("--everybody", action="store_true", help="deny a role although others use it")


def run(arguments: argparse.Namespace) -> int:
    """Revoke; return the exit status."""
    return run_response(lambda: _revoke(arguments))


def _revoke(arguments: argparse.Namespace) -> int:
    where = where_of(arguments)
    chosen = Selection(arguments.profile, arguments.metadata, arguments.deny, arguments.keys, arguments.everybody)
    way = Revocation(where.area, where.bucket_area, arguments.bucket)
    dry_run, what, account = arguments.dry_run, arguments.what, where.area.account
    if what.startswith("i-") or ":instance/" in what:
        arn = what if what.startswith("arn:") else ""
        target: Target = target_of("" if arn else what, "" if arn else account, arguments.region, arn=arn)
        incident = arguments.incident or instance_incident(SavedStates(where.bucket_area, arguments.bucket), target)
        found = until_done(lambda: way.revoke_instance(target, incident, chosen, dry_run=dry_run))
    else:
        principal = named(where.area, principal_named(what, account))
        parts = Parts(where.bucket_area, arguments.bucket, principal.subject)
        incident = incident_of(parts, arguments.incident, principal.subject, new=True)
        found = until_done(lambda: way.revoke_principal(principal, incident, chosen, dry_run=dry_run))
    return show(found, arguments.result)
