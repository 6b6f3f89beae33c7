"""What ``respond collect`` needs for memory and processes: options, and the collection that is made of them.

The function of the workflow signs the addresses that the host sends to as a role of its own. Here it is whoever runs
the command: an address takes one part of one upload, whoever signed it.
"""

from __future__ import annotations

import argparse
from typing import Any, Dict

from aws_bridge.accounts.account import Role
from es_bridge.cli.reporting import UsageError
from response.actions.collect_volatile import STEP, Tools, VolatileCollection, known_tools
from response.aws.evidence import EvidenceStore
from response.aws.handover import Handover
from response.aws.uploads import Uploads, writer
from response.cli.place import BACKOFF, Place
from response.core.volatile import LONGEST_S, upload_policy
from response.plans.document import DOCUMENT, WORK_FOLDER, is_work_folder

#: Where the templates have the pins of the capture tools.
TOOLS_PARAMETER = "/siem-bridge/capture-tools"
_LEAST_S = 60


def add_volatile_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("memory and processes")
    group.add_argument("--jobs-bucket", default="", metavar="NAME", help="where the host fetches its job; needed")
    group.add_argument("--tools-bucket", default="", metavar="NAME", help="where AVML is; without it: no memory")
    group.add_argument(
        "--tools-parameter", default=TOOLS_PARAMETER, metavar="NAME",
        help=f"parameter that pins AVML (default: {TOOLS_PARAMETER})",
    )  # fmt: skip
    group.add_argument("--document", default=DOCUMENT, metavar="NAME", help=f"SSM document (default: {DOCUMENT})")
    group.add_argument("--upload-role", default="", metavar="ARN", help="role that writes; default: whoever runs this")
    group.add_argument("--evidence-key", default="", metavar="ARN", help="the bucket's KMS key, with --upload-role")
    group.add_argument("--deadline-seconds", type=int, metavar="N", help="what the host has; default: by its memory")
    group.add_argument(
        "--work-folder", default=WORK_FOLDER, metavar="PATH", help=f"folder on the host (default: {WORK_FOLDER})"
    )
    group.add_argument(
        "--no-evidence-volume", action="store_true", help="attach no volume where no disk of the host has room"
    )


def check_volatile(arguments: argparse.Namespace) -> None:
    """Raise `UsageError` for what cannot be: nothing is begun then."""
    if not arguments.jobs_bucket and not arguments.dry_run:
        raise UsageError(
            "volatile needs --jobs-bucket, where the host fetches what it is to do (the output JobsBucketName of the "
            "stack); or leave it out: --steps context,snapshot,logs,archive"
        )
    if arguments.evidence_key and not arguments.upload_role:
        raise UsageError("--evidence-key goes with --upload-role")
    seconds = arguments.deadline_seconds
    if seconds is not None and not _LEAST_S <= seconds <= LONGEST_S:
        raise UsageError(f"--deadline-seconds {seconds}: {_LEAST_S} to {LONGEST_S} are possible")
    if not is_work_folder(arguments.work_folder):
        raise UsageError(f"--work-folder {arguments.work_folder}: an absolute path of letters, digits and /._-")


def volatile_of(arguments: argparse.Namespace, place: Place, store: EvidenceStore) -> VolatileCollection:
    """Return the collection. Raises `aws_bridge.errors.BadAccount` for what is no role."""
    region = place.target.region
    buckets = place.area._replace(region=arguments.bucket_region or region)
    jobs, tools = arguments.jobs_bucket, arguments.tools_bucket
    # A bucket that is named after the region is there: an endpoint in a VPC leads to buckets of its region alone.
    near = [place.area if "{region}" in each else buckets for each in (jobs, tools)]
    handover = Handover(near[0], jobs.replace("{region}", region), near[1], tools.replace("{region}", region))
    known = Tools({}, "no bucket of capture tools was given (--tools-bucket)")
    if tools and not arguments.dry_run:
        known = known_tools(buckets, arguments.tools_parameter)
    writing = buckets
    if arguments.upload_role:
        partition = Role(arguments.upload_role).partition
        policy = upload_policy(store.bucket, f"{store.folder}{STEP}/", partition, arguments.evidence_key)
        writing = writer(buckets, arguments.upload_role, policy, BACKOFF.wait_s)
    uploads = Uploads(writing, store)
    return VolatileCollection(place.area, store, uploads, handover, known, arguments.document)


def options_of(arguments: argparse.Namespace) -> Dict[str, Any]:
    """Return what `VolatileCollection.collect` is called with."""
    return {
        "deadline_s": arguments.deadline_seconds, "folder": arguments.work_folder, "dry_run": arguments.dry_run,
        "volume": not arguments.no_evidence_volume,
    }  # fmt: skip
