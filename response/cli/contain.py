"""``respond contain``: all rights of a user, a role or an Identity Center user."""

from __future__ import annotations

import argparse

from response.actions.contain import Chosen, Containment
from response.actions.revoke import named
from response.aws.parts import Parts
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.principals import (
    add_principal_argument,
    add_where_arguments,
    incident_of,
    principal_named,
    until_done,
    where_of,
    yes,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_principal_argument(parser)
    add_where_arguments(parser)
    add_result_argument(parser)
    yes(parser, "keys", "leave the user's access keys active")
    yes(parser, "password", "leave the console password: once deleted it cannot be put back")
    yes(parser, "deny", "write no policy that denies everything")
    parser.add_argument("--everybody", action="store_true", help="deny a role although others use it")


def run(arguments: argparse.Namespace) -> int:
    """Contain; return the exit status."""
    return run_response(lambda: _contain(arguments))


def _contain(arguments: argparse.Namespace) -> int:
    where = where_of(arguments)
    principal = named(where.area, principal_named(arguments.principal, where.area.account))
    chosen = Chosen(arguments.keys, arguments.password, arguments.deny, arguments.everybody)
    way = Containment(where.area, where.bucket_area, arguments.bucket)
    parts = Parts(where.bucket_area, arguments.bucket, principal.subject)
    incident = incident_of(parts, arguments.incident, principal.subject, new=True)
    found = until_done(lambda: way.contain(principal, incident, chosen, dry_run=arguments.dry_run))
    return show(found, arguments.result)
