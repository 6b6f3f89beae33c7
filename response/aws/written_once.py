"""Objects of S3 that are written once and never again.

Needs ``s3:PutObject`` and ``s3:GetObject`` on them, and ``s3:ListBucket``, by which S3 tells "gone" from "denied".
"""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallRejected

#: There is such an object already; or another writer is at it. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_THERE = ("PreconditionFailed", "ConditionalRequestConflict")
_NOT_THERE = "NoSuchKey"


def as_bytes(record: Mapping[str, Any]) -> bytes:
    """Return a record as it is written: the same record is the same bytes."""
    return json.dumps(record, sort_keys=True, indent=1).encode()


def write_once(area: Area, bucket: str, key: str, body: bytes) -> bool:
    """Write JSON unless there is an object of this key; return whether it was written now. Raises `CallProblem`."""
    how = {"IfNoneMatch": "*", "ContentType": "application/json", "ChecksumAlgorithm": "SHA256"}
    try:
        area.ask("s3", "PutObject", Bucket=bucket, Key=key, Body=body, **how)
        return True
    except CallRejected as exc:
        if not any(code in str(exc) for code in _THERE):
            raise
        return False


def read_if_there(area: Area, bucket: str, key: str) -> Optional[bytes]:
    """Return an object, or nothing where there is none. Raises `CallProblem`."""
    try:
        found: bytes = area.ask("s3", "GetObject", Bucket=bucket, Key=key)["Body"].read()
        return found
    except CallRejected as exc:
        if _NOT_THERE not in str(exc):
            raise
        return None
