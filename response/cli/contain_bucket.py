"""``respond contain-bucket``: a bucket closed to all but the responder."""

from __future__ import annotations

import argparse

from response.actions.contain_bucket import BucketContainment
from response.aws.parts import Parts
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.principals import Where, add_where_arguments, incident_of, where_of
from response.core.target import Subject


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_bucket_arguments(parser)
    parser.add_argument(
        "--responder", action="append", default=[], metavar="ARN", required=True,
        help="role or user that may still use the bucket; may be repeated. Name the one you are, too",
    )  # fmt: skip


def add_bucket_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what closing and opening have in common."""
    parser.add_argument("contained", metavar="BUCKET", help="the bucket's name")
    add_where_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Close; return the exit status."""
    return run_response(lambda: _contain(arguments))


def containment_of(arguments: argparse.Namespace, where: Where) -> BucketContainment:
    """Return where the bucket is closed."""
    return BucketContainment(where.area, where.bucket_area, arguments.bucket)


def bucket_incident(arguments: argparse.Namespace, where: Where, *, new: bool) -> str:
    """Return the incident of a bucket. Raises `response.errors.NoSavedState`."""
    subject = Subject(where.area.account, where.area.region, f"bucket-{arguments.contained}")
    return incident_of(Parts(where.bucket_area, arguments.bucket, subject), arguments.incident, subject, new=new)


def _contain(arguments: argparse.Namespace) -> int:
    where = where_of(arguments)
    incident = bucket_incident(arguments, where, new=True)
    way = containment_of(arguments, where)
    found = way.contain(arguments.contained, incident, arguments.responder, dry_run=arguments.dry_run)
    return show(found, arguments.result)
