"""``respond release-principal``: what was taken from a user or role, given back."""

from __future__ import annotations

import argparse

from response.actions.contain import Containment
from response.aws.parts import Parts
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.principals import (
    add_principal_argument,
    add_where_arguments,
    incident_of,
    principal_named,
    until_done,
    where_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_principal_argument(parser)
    add_where_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Release; return the exit status."""
    return run_response(lambda: _release(arguments))


def _release(arguments: argparse.Namespace) -> int:
    where = where_of(arguments)
    principal = principal_named(arguments.principal, where.area.account)
    way = Containment(where.area, where.bucket_area, arguments.bucket)
    parts = Parts(where.bucket_area, arguments.bucket, principal.subject)
    incident = incident_of(parts, arguments.incident, principal.subject, new=False)
    found = until_done(lambda: way.release(principal, incident, dry_run=arguments.dry_run))
    return show(found, arguments.result)
