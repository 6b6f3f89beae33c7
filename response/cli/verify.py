"""``respond verify``: compare the evidence of an incident with its signed manifest, offline."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from aws_bridge.accounts.area import Area
from aws_bridge.object_ref import split_uri
from es_bridge.cli.reporting import DONE, FAILED, UsageError, tell
from es_bridge.cli.rows import as_json
from es_bridge.terminal import put
from response.cli.outcome import add_result_argument, run_response
from response.cli.place import add_role_arguments, caller_of
from response.errors import BadEvidence
from response.verify.copies import BucketCopy, Copy, FolderCopy
from response.verify.verification import Verdict, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument(
        "place",
        metavar="FOLDER|s3://BUCKET/incidents/...",
        help="the evidence of one incident: a download, or the bucket",
    )
    parser.add_argument(
        "--public-key", default="", metavar="FILE", help="the signer's key (PEM or DER), kept elsewhere"
    )
    parser.add_argument("--incident", default="", metavar="ID", help="the incident that it has to be")
    parser.add_argument("--region", default="", metavar="NAME", help="of the bucket (default: the environment's)")
    add_role_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Verify; return the exit status."""
    return run_response(lambda: _verify(arguments))


def _verify(arguments: argparse.Namespace) -> int:
    try:
        trusted = Path(arguments.public_key).read_bytes() if arguments.public_key else None
        found = verify(_copy(arguments), trusted, arguments.incident)
    except (BadEvidence, OSError) as exc:
        raise UsageError(str(exc)) from exc
    if arguments.result == "json":
        put(as_json(found.to_json()))
    else:
        _show(found)
    return FAILED if found.problems else DONE


def _copy(arguments: argparse.Namespace) -> Copy:
    if not arguments.place.startswith("s3://"):
        root = Path(arguments.place)
        if not root.is_dir():
            raise UsageError(
                f"{arguments.place} is no folder: give a download of the evidence, or s3://bucket/incidents/..."
            )
        return FolderCopy(root)
    bucket, folder = split_uri(arguments.place)
    region = arguments.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or ""
    if not region:
        raise UsageError(f"in which region is the bucket {bucket}? Give --region")
    return BucketCopy(Area(caller_of(arguments), "", region), bucket, folder.rstrip("/") + "/")


def _show(found: Verdict) -> None:
    what = f"{found.objects} objects, {found.bytes:,} bytes, of the incident {found.incident}, closed {found.closed_at}"
    put(f"{'NOT as collected' if found.problems else 'verified'}: {what}")
    if found.key:
        put(f"  signed with the key of the sha256 {found.key}")
    for each in found.problems:
        put(f"  {each}")
    for each in found.lacking:
        put(f"  not in the evidence: {each}")
    for each in found.notes:
        tell(f"note: {each}")
