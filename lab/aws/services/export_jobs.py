"""Security Hub's export of findings to S3.

What the objects are called and how each is cut is documented nowhere we found; this stand-in writes one gzip file of
JSON lines below the prefix.
"""

from __future__ import annotations

import gzip
import json
import re
import time
from dataclasses import dataclass
from typing import Any, Dict, List

from lab.aws.services.contract import Refused, Request, answers
from lab.aws.services.securityhub_v2 import matching
from lab.aws.services.store import STORE


@dataclass
class Job:
    """An export that was asked for. It runs until it is looked at for the second time."""

    id: str
    account: str
    region: str
    given: Dict[str, Any]
    lines: List[Dict[str, Any]]
    started_at: float
    looks: int = 0
    status: str = "RUNNING"
    ended_at: float = 0.0
    failure: str = ""


_JOBS: Dict[str, Job] = {}


@answers("securityhub", "StartExportJobV2")
def start_export_job_v2(request: Request) -> Dict[str, Any]:
    """One running job an account. The bucket and the key must be named by their ARNs.

    https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_StartExportJobV2.html
    """
    destination = request.given["Destination"].get("S3")
    findings = request.given["OutputConfiguration"].get("Findings")
    if not destination or not findings:
        raise Refused("ValidationException", "Specify exactly one destination and one output type")
    key = f"arn:aws:kms:{request.region}:{request.account}:key/"
    if not destination["KmsKeyArn"].startswith(key) or "/mrk-" in destination["KmsKeyArn"]:
        raise Refused("ValidationException", f"KmsKeyArn must be a single-Region key, as {key}...")
    if findings["Format"] != "OCSF_JSON":
        raise Refused("ValidationException", "this stand-in writes OCSF_JSON only")
    if any(job.status == "RUNNING" and job.account == request.account for job in _JOBS.values()):
        raise Refused("ServiceQuotaExceededException", "An export job is already running for this account")
    lines = matching(request, findings.get("Filters", {}), request.given.get("Scopes", {}))
    job = Job(f"{STORE.number():032x}", request.account, request.region, request.given, list(lines), time.time())
    _JOBS[job.id] = job
    return {"ExportJobId": job.id}


@answers("securityhub", "GetExportJobV2")
def get_export_job_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_GetExportJobV2.html."""
    job = _job(request)
    job.looks += 1
    if job.status == "RUNNING" and job.looks > 1:
        _finish(job)
    found = {
        "ExportJobId": job.id,
        "Status": job.status,
        "DataType": "FINDINGS",
        "OutputConfiguration": job.given["OutputConfiguration"],
        "Destination": job.given["Destination"],
        "StartedAt": _time(job.started_at),
    }
    if "Name" in job.given:
        found["Name"] = job.given["Name"]
    if job.ended_at:
        found["EndedAt"] = _time(job.ended_at)
    if job.failure:
        found.update(FailureCode="RESOURCE_NOT_FOUND", FailureMessage=job.failure)
    return found


@answers("securityhub", "CancelExportJobV2")
def cancel_export_job_v2(request: Request) -> Dict[str, Any]:
    """https://docs.aws.amazon.com/securityhub/1.0/APIReference/API_CancelExportJobV2.html."""
    job = _job(request)
    if job.status != "RUNNING":
        raise Refused("ConflictException", "The export job is not running")
    job.status, job.ended_at = "CANCELLED", time.time()
    return {"ExportJobId": job.id, "Status": job.status}


def _job(request: Request) -> Job:
    job = _JOBS.get(request.given["ExportJobId"])
    if job is None or (job.account, job.region) != (request.account, request.region):
        raise Refused("ResourceNotFoundException", "The export job was not found")
    return job


def _finish(job: Job) -> None:
    from moto.s3.models import s3_backends

    destination = job.given["Destination"]["S3"]
    bucket = destination["BucketArn"].rpartition(":")[2]
    backend = s3_backends[job.account]["aws"]
    job.ended_at = time.time()
    if bucket not in backend.buckets:
        job.status, job.failure = "FAILED", f"The bucket {bucket} does not exist"
        return
    prefix = re.sub(r"(?<=[^/])$", "/", destination.get("ObjectPrefix", ""))
    text = "".join(json.dumps(line) + "\n" for line in job.lines)
    backend.put_object(bucket, f"{prefix}{job.id}/part-00000.json.gz", gzip.compress(text.encode()))
    job.status = "SUCCEEDED"


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
