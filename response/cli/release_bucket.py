"""``respond release-bucket``: a bucket that was closed, opened as it was."""

from __future__ import annotations

import argparse

from response.cli.contain_bucket import add_bucket_arguments, bucket_incident, containment_of
from response.cli.outcome import run_response, show
from response.cli.principals import where_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_bucket_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Open; return the exit status."""
    return run_response(lambda: _release(arguments))


def _release(arguments: argparse.Namespace) -> int:
    where = where_of(arguments)
    incident = bucket_incident(arguments, where, new=False)
    found = containment_of(arguments, where).release(arguments.contained, incident, dry_run=arguments.dry_run)
    return show(found, arguments.result)
