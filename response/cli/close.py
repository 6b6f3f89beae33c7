"""``respond close``: how an incident ended, written down, and the finding it came from updated."""

from __future__ import annotations

import argparse
import re
import sys
import time
from dataclasses import replace
from typing import Union

from es_bridge.cli.reporting import DONE, UsageError
from response.actions.closure import ClosingRecords
from response.actions.update_finding import update_finding
from response.aws.capture_volumes import left_volumes
from response.cli.outcome import add_result_argument, run_response, show
from response.cli.place import add_role_arguments
from response.cli.principals import where_of
from response.core.closure import NOT_NEEDED, NOT_ROTATED, ROTATED, Closure
from response.core.findings import PRODUCTS, STATES, finding_of
from response.core.result import ALREADY_DONE, PLANNED_RESULT
from response.core.result import DONE as CLOSED
from response.core.target import Subject, Target
from response.errors import BadRequest

EXAMPLES = """\
examples:
  aws-siem-bridge respond close i-0b5e0f1c2d3a4b5c6-1 --region eu-west-1 --bucket security-evidence
  aws-siem-bridge respond close i-0b5e0f1c2d3a4b5c6-1 --region eu-west-1 --bucket security-evidence \\
      --cause "Log4Shell on the shop" --restore-point ami-0abc --keys-rotated yes \\
      --finding 16afba5c5c43e07c9e3e5e2e544e95df

At a terminal it asks for what is not given. The record is written once, beside the incident's evidence.
"""
_INSTANCE = re.compile(r"(i-[0-9a-f]+)-\d+", re.ASCII)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("incident", metavar="INCIDENT", help="the incident's id")
    parser.add_argument("--region", required=True, metavar="NAME", help="where it was")
    parser.add_argument("--bucket", required=True, metavar="NAME", help="the evidence bucket")
    parser.add_argument("--bucket-region", default="", metavar="NAME", help="the bucket's, if another")
    parser.add_argument("--target", default="", metavar="NAME", help="user-NAME, role-NAME ..., if no instance")
    parser.add_argument("--cause", default="", metavar="TEXT", help="how it came to it")
    parser.add_argument("--restore-point", default="", metavar="TEXT", help="what was restored, or why nothing was")
    parser.add_argument("--keys-rotated", choices=(ROTATED, NOT_ROTATED, NOT_NEEDED), help="of keys that were exposed")
    parser.add_argument("--finding", default="", metavar="ID", help="also set this finding to --state")
    parser.add_argument("--product", choices=PRODUCTS, default="", help="whose finding it is (default: GuardDuty)")
    parser.add_argument("--product-arn", default="", metavar="ARN", help="of a finding of Security Hub CSPM")
    parser.add_argument("--state", choices=sorted(STATES), default="RESOLVED", help="default: RESOLVED")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    add_role_arguments(parser)
    add_result_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Close; return the exit status."""
    return run_response(lambda: _close(arguments))


def _close(arguments: argparse.Namespace) -> int:
    cause = arguments.cause or _asked("Cause", "--cause")
    restore_point = arguments.restore_point or _asked("Restored from (or why nothing)", "--restore-point")
    rotated = arguments.keys_rotated or _asked("Exposed keys rotated? yes, no, not-needed", "--keys-rotated")
    where = where_of(arguments)
    by = str(where.area.ask("sts", "GetCallerIdentity")["Arn"])
    try:
        closure = Closure(arguments.incident, cause, restore_point, rotated, by, int(time.time()))
    except BadRequest as exc:
        raise UsageError(str(exc)) from exc
    found = _INSTANCE.fullmatch(arguments.incident)
    target: Union[Target, Subject]
    if found and not arguments.target:
        target = Target(where.area.account, arguments.region, found[1])
    else:
        name = arguments.target or arguments.incident.rpartition("-")[0]
        target = Subject(where.area.account, "", name)
    records = ClosingRecords(where.bucket_area, arguments.bucket)
    closed = records.close(target, closure, dry_run=arguments.dry_run)
    if isinstance(target, Target):
        closed = replace(closed, notes=(*closed.notes, *left_volumes(where.area, arguments.incident)))
    status = show(closed, arguments.result)
    finding = arguments.finding
    if not finding and closed.result == CLOSED and sys.stdin.isatty():
        finding = input("Id of the finding to set to RESOLVED, empty for none: ").strip()
    if not finding or closed.result not in (CLOSED, ALREADY_DONE, PLANNED_RESULT):
        return status
    options = {"finding": finding, "product": arguments.product, "product_arn": arguments.product_arn}
    try:
        meant = finding_of({"options": options})
    except BadRequest as exc:
        raise UsageError(str(exc)) from exc
    updated = update_finding(where.area, meant, arguments.incident, arguments.state, dry_run=arguments.dry_run)
    return max(status, show(updated, arguments.result), DONE)


def _asked(question: str, option: str) -> str:
    """Return the answer of a person at a terminal. Raises `UsageError` where there is none."""
    if not sys.stdin.isatty():
        raise UsageError(f"{option} is needed where nobody can be asked")
    return input(f"{question}: ").strip()
