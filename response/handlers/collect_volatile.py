"""``collect_volatile``: memory, connections and processes of the instance, by SSM. Called again until it has ended.

Settings: those of `response.handlers.step`; ``DOCUMENT`` (name or ARN of the SSM document), ``UPLOAD_ROLE`` (ARN of the
role whose sessions write evidence and sign its addresses), ``JOBS_BUCKET`` and ``TOOLS_BUCKET`` (``{region}`` in a name
is the instance's), ``TOOLS_PARAMETER`` (which capture tools there are), ``EVIDENCE_KEY`` (ARN of the bucket's KMS key,
empty for none), ``LOCK_MODE`` and ``LOCK_DAYS``, ``WORK_FOLDER`` on the host, ``PARTITION``. Options of the request:
``volatile`` (no: nothing is collected), ``volatile_deadline_s``, ``work_folder``, ``evidence_volume`` (no: none is
attached where the host has no room; without it ``EVIDENCE_VOLUME`` counts, yes unless it says no).
"""

from __future__ import annotations

import os
from typing import Any, Dict, Mapping

from aws_bridge.functions.json_log import JsonLog
from response.actions.collect_volatile import STEP, VolatileCollection, known_tools
from response.aws.evidence import EvidenceStore, folder_of, lock_of
from response.aws.handover import Handover
from response.aws.uploads import Uploads, writer
from response.core.result import DONE, ActionResult
from response.core.volatile import upload_policy
from response.errors import BadRequest
from response.handlers.areas import BACKOFF
from response.handlers.options import answered, chosen, option
from response.handlers.step import Step, step_of
from response.plans.document import WORK_FOLDER, is_work_folder

REQUIRED = ("BUCKET", "PARAMETER", "DOCUMENT", "UPLOAD_ROLE", "JOBS_BUCKET", "TOOLS_BUCKET", "TOOLS_PARAMETER")


def collect_volatile(event: Any, context: Any) -> Dict[str, Any]:
    """Go on with the collection of an incident; return `response.core.result.ActionResult.to_json`.

    Raises `response.errors.StillRunning` until it has ended.
    """
    return do(event, os.environ)


def do(event: Any, environment: Mapping[str, str]) -> Dict[str, Any]:
    """Do what `collect_volatile` does, with these settings."""
    step = step_of(event, environment, REQUIRED)
    target = step.target
    if not chosen(step, "volatile", True):
        says = f"{target}: memory and processes were not asked for (volatile=no), so nothing of them is collected"
        return answered(ActionResult(STEP, target, step.incident, DONE, says))
    collection = _collection(step)
    usual = step.variables.text("EVIDENCE_VOLUME", "yes") != "no"
    result = collection.collect(
        target, step.incident, dry_run=step.is_dry_run(), deadline_s=_seconds(step), folder=_work_folder(step),
        volume=chosen(step, "evidence_volume", usual),
    )  # fmt: skip
    JsonLog().info(STEP, incident=step.incident, target=target.key, result=result.result, says=result.says)
    return result.to_json()


def _collection(step: Step) -> VolatileCollection:
    target, variables, here = step.target, step.variables, step.areas.here
    bucket = variables.text("BUCKET")
    bucket_area = here._replace(region=variables.text("BUCKET_REGION") or here.region)
    folder = folder_of(target.account, target.region, target.instance, step.incident)
    lock = lock_of(variables.text("LOCK_MODE"), variables.number("LOCK_DAYS"))
    store = EvidenceStore(bucket_area, bucket, folder, lock)
    partition = variables.text("PARTITION", "aws")
    policy = upload_policy(bucket, f"{folder}{STEP}/", partition, variables.text("EVIDENCE_KEY"))
    # Buckets of the instance's region, where there are some: the endpoint in its VPC leads to those alone.
    jobs, tools = (variables.text(name) for name in ("JOBS_BUCKET", "TOOLS_BUCKET"))
    near = [here._replace(region=target.region) if "{region}" in each else bucket_area for each in (jobs, tools)]
    handover = Handover(
        near[0], jobs.replace("{region}", target.region), near[1], tools.replace("{region}", target.region)
    )
    uploads = Uploads(writer(bucket_area, variables.text("UPLOAD_ROLE"), policy, BACKOFF.wait_s), store)
    return VolatileCollection(
        step.areas.of(target.account, target.region), store, uploads, handover,
        known_tools(here, variables.text("TOOLS_PARAMETER")), variables.text("DOCUMENT"),
    )  # fmt: skip


def _seconds(step: Step) -> float:
    text = option(step, "volatile_deadline_s")
    if text and not (text.isdecimal() and 60 <= int(text) <= 3_300):
        raise BadRequest(f"volatile_deadline_s is {text[:40]!r}: seconds from 60 to 3300 are needed")
    return float(text or 0)


def _work_folder(step: Step) -> str:
    found = option(step, "work_folder") or step.variables.text("WORK_FOLDER", WORK_FOLDER)
    if not is_work_folder(found):
        raise BadRequest(f"work_folder is {found[:80]!r}: an absolute path of letters, digits and /._- is needed")
    return found
