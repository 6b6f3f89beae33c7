"""Uploads that somebody else fills, part by part, through addresses that take one part each and nothing else.

Whoever has such an address can neither read an object nor make or replace one: only `seal` does, once, and never over
an object that is there. Begun, signed and sealed by sessions of one role, since S3 lets nobody but who began an upload
add to it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions

Needs what `response.core.volatile.upload_policy` allows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List, Optional

from aws_bridge.accounts.account import Role
from aws_bridge.accounts.area import Area
from aws_bridge.accounts.caller import Caller
from aws_bridge.accounts.session import AwsSession
from aws_bridge.errors import CallProblem, CallRejected
from response.aws.evidence import EvidenceStore

_NO_UPLOAD = "NoSuchUpload"
_THERE = "PreconditionFailed"
_NOT_THERE = "NoSuchKey"
_PAGES = {"NextPartNumberMarker": "PartNumberMarker"}


class Uploads:
    """Uploads into the folder of an incident."""

    def __init__(self, area: Area, store: EvidenceStore) -> None:
        """``area``: signed in as the role that writes, where the bucket is."""
        self._area = area
        self._store = store

    def begin(self, key: str) -> str:
        """Begin an upload; return its id. S3 makes the checksum of the whole by itself."""
        how = {"ChecksumAlgorithm": "CRC64NVME", "ChecksumType": "FULL_OBJECT", **self._store.hold()}
        return str(self._ask("CreateMultipartUpload", Key=key, **how)["UploadId"])

    def address(self, key: str, upload: str, number: int, expires_s: int) -> str:
        """Return the address that takes one part. It is a secret until it is over."""
        given = {"Bucket": self._store.bucket, "Key": key, "UploadId": upload, "PartNumber": number}
        session, region = self._area.caller.session, self._area.region
        return session.presigned_url("s3", region, "UploadPart", expires_s, **given)

    def arrived(self, key: str, upload: str) -> Optional[List[Dict[str, Any]]]:
        """Return the parts that arrived, in order; None when the upload was sealed or dropped before."""
        given = {"Bucket": self._store.bucket, "Key": key, "UploadId": upload}
        try:
            return list(self._area.each("s3", "ListParts", "Parts", _PAGES, **given))
        except CallRejected as exc:
            if _NO_UPLOAD not in str(exc):
                raise
            return None

    def seal(self, key: str, upload: str, parts: List[Dict[str, Any]]) -> None:
        """Make the object of the parts that are there, unless there is one."""
        listed = [{"PartNumber": each["PartNumber"], "ETag": each["ETag"]} for each in parts]
        try:
            self._ask(
                "CompleteMultipartUpload", Key=key, UploadId=upload, MultipartUpload={"Parts": listed}, IfNoneMatch="*"
            )
        except CallRejected as exc:
            # The answer to the first attempt was lost: it is read back either way.
            if not any(code in str(exc) for code in (_NO_UPLOAD, _THERE)):
                raise

    def drop(self, key: str, upload: str) -> None:
        """Give an upload up; where that fails, the bucket's rule for incomplete uploads takes it away."""
        try:
            self._ask("AbortMultipartUpload", Key=key, UploadId=upload)
        except CallProblem:
            pass

    def _ask(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("s3", operation, Bucket=self._store.bucket, **given)


def writer(area: Area, role_arn: str, policy: str, wait_s: Callable[[int], float]) -> Area:
    """Return the same place, entered by a role whose session is limited to what the policy allows."""
    account = area.caller.session.account
    role = Role(role_arn, session_policy=policy)
    session = AwsSession(replace(account, roles=(*account.roles, role), partition=role.partition))
    return area._replace(caller=Caller(session, wait_s=wait_s))
