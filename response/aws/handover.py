"""Objects that an instance fetches by an address that lasts minutes: the job, and the capture tool.

Needs ``s3:PutObject``, ``GetObject`` and ``DeleteObject`` on ``<jobs bucket>/volatile-jobs/*``, ``s3:GetObject`` on the
tools, and ``ssm:GetParameter`` on the parameter that pins them.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Dict, Mapping, NamedTuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem
from response.errors import BadSettings

JOBS = "volatile-jobs/"
_HEX = frozenset("0123456789abcdef")


class Tool(NamedTuple):
    """A capture tool in the bucket of tools."""

    key: str
    #: In hexadecimal; the host compares it before the tool runs.
    sha256: str
    version: str = ""


class Job(NamedTuple):
    """A job in its bucket."""

    key: str
    version: str
    sha256: str


class Handover:
    """Two buckets, in the instance's region where they can be: an endpoint leads to buckets of its region alone."""

    def __init__(self, jobs: Area, jobs_bucket: str, tools: Area, tools_bucket: str) -> None:
        self._jobs, self._jobs_bucket = jobs, jobs_bucket
        self._tools, self._tools_bucket = tools, tools_bucket

    def put(self, name: str, text: str) -> Job:
        """Write a job; return where it is."""
        body = text.encode()
        given = {"Key": f"{JOBS}{name}", "Body": body, "ContentType": "text/plain"}
        answer = self._jobs.ask("s3", "PutObject", Bucket=self._jobs_bucket, **given)
        return Job(given["Key"], answer.get("VersionId", ""), hashlib.sha256(body).hexdigest())  # type: ignore[arg-type]

    def delete(self, job: Job) -> None:
        """Delete a job for good; where that fails, its address is over soon and the bucket's rule deletes it."""
        version = {"VersionId": job.version} if job.version else {}
        try:
            self._jobs.ask("s3", "DeleteObject", Bucket=self._jobs_bucket, Key=job.key, **version)
        except CallProblem:
            pass

    def job_url(self, job: Job, expires_s: int) -> str:
        """Return the address of a job."""
        return _url(self._jobs, self._jobs_bucket, job.key, expires_s)

    def tool_url(self, tool: Tool, expires_s: int) -> str:
        """Return the address of a tool."""
        return _url(self._tools, self._tools_bucket, tool.key, expires_s)

    def tool_sha256(self, tool: Tool) -> str:
        """Return the sha256 of what is in the bucket under a tool's key, read to its end. Raises `CallProblem`."""
        body = self._tools.ask("s3", "GetObject", Bucket=self._tools_bucket, Key=tool.key)["Body"]
        digest = hashlib.sha256()
        try:
            for chunk in iter(lambda: body.read(1 << 20), b""):
                digest.update(chunk)
        finally:
            body.close()
        return digest.hexdigest()


def _url(area: Area, bucket: str, key: str, expires_s: int) -> str:
    return area.caller.session.presigned_url("s3", area.region, "GetObject", expires_s, Bucket=bucket, Key=key)


def read_tools(area: Area, parameter: str) -> Dict[str, Tool]:
    """Return architecture -> its capture tool: ``{"x86_64": {"key": "avml", "sha256": "...", "version": "0.20.0"}}``.

    Raises `BadSettings` for a parameter that pins nothing, `CallProblem` for one that cannot be read.
    """
    text = area.ask("ssm", "GetParameter", Name=parameter)["Parameter"]["Value"]
    try:
        known = json.loads(text)
        return {name: _tool(each) for name, each in known.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        needed = '{"x86_64": {"key": "...", "sha256": "..."}}'
        raise BadSettings(f"the parameter {parameter} names no capture tools: {needed} is needed") from exc


def _tool(known: Mapping[str, Any]) -> Tool:
    found = Tool(str(known["key"]), str(known["sha256"]).lower(), str(known.get("version") or ""))
    if len(found.sha256) != 64 or not set(found.sha256) <= _HEX:
        raise ValueError("no sha256")
    return found
