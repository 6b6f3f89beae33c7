"""Objects of S3 as streams: from S3 itself, or from a local folder that stands for a bucket's prefix.

==============================================  ================================================================
what S3 says                                    what is raised
==============================================  ================================================================
NoSuchKey, NoSuchVersion, NoSuchBucket, 404,    `ObjectGone`
405 for a version that is a delete marker
403 AccessDenied, KMS.*, InvalidObjectState     `ObjectUnreadable`, with the permission or the step that is missing
SlowDown, 5xx, timeouts, no credentials         `ObjectUnreadable`, after the client's own retries
a body that is cut                              read on from there by ``Range`` and ``If-Match``; `ObjectUnreadable`
                                                when that fails too
==============================================  ================================================================

https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
"""

from __future__ import annotations

import io
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterator, Optional, Protocol, Tuple, Type

from urllib3.exceptions import HTTPError

from aws_bridge.accounts.refusals import refusal
from aws_bridge.clients import code_and_status, errors, said
from aws_bridge.errors import ObjectGone, ObjectProblem, ObjectUnreadable
from aws_bridge.object_ref import ObjectRef, split_uri

#: Bytes asked of the connection at once.
BUFFER_BYTES = 256 * 1024
#: How often a body is taken up again without a byte of progress in between.
RESUMES = 3
GONE = ("NoSuchKey", "NoSuchVersion", "NoSuchBucket", "NotFound", "404")


class Objects(Protocol):
    """Where objects are read from."""

    def open(self, ref: ObjectRef) -> AbstractContextManager[BinaryIO]:
        """Return a context manager that gives the object's bytes, as stored, as a stream.

        Raises `ObjectGone` or `ObjectUnreadable` on entering; reading from the stream may raise `ObjectUnreadable`.
        """


class S3Objects:
    """Objects of S3, read with a boto3 client that may be shared by threads.

    Needs ``s3:GetObject``, for a ref with a version ``s3:GetObjectVersion``, and ``kms:Decrypt`` on the key of
    encrypted objects. With ``s3:ListBucket`` S3 tells an object that is gone from one it refuses.
    """

    def __init__(self, client: Any) -> None:
        self._client = client

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[BinaryIO]:
        """See `Objects.open`."""
        stream = _Body(self._client, ref)
        try:
            yield io.BufferedReader(stream, BUFFER_BYTES)
        finally:
            stream.close()


class _Body(io.RawIOBase):
    """The body of one object, read in order; a connection that breaks in the middle is replaced by another one."""

    def __init__(self, client: Any, ref: ObjectRef) -> None:
        super().__init__()
        self._client, self._ref = client, ref
        self._cut: Tuple[Type[Exception], ...] = (*errors(), HTTPError, OSError)
        self._position = 0
        first = self._get({})
        self._etag = first.get("ETag", "")
        self._size = int(first["ContentLength"])
        self.last_modified = first.get("LastModified")
        self._stream = first["Body"]

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer; see `io.RawIOBase.readinto`."""
        for _ in range(RESUMES + 1):
            try:
                data = self._stream.read(len(buffer))
                if data or self._position >= self._size:
                    break
                problem = f"the body ends after {self._position:,} of {self._size:,} bytes"
            except self._cut as exc:
                problem = said(exc)
                if self._position >= self._size:  # nothing is missing: the checksum S3 keeps is another one
                    raise ObjectUnreadable(f"{self._ref.uri} was changed on its way: {problem}") from exc
            self._resume()
        else:
            raise ObjectUnreadable(f"{self._ref.uri} cannot be read to its end: {problem}")
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        if not self.closed and hasattr(self, "_stream"):
            self._stream.close()
        super().close()

    def _resume(self) -> None:
        self._stream.close()
        # If-Match: the rest of another object of the same name would be glued to the beginning of this one.
        found = self._get({"Range": f"bytes={self._position}-", "IfMatch": self._etag})
        self._stream = found["Body"]

    def _get(self, how: Dict[str, str]) -> Dict[str, Any]:
        ref = self._ref
        if ref.version_id:
            how = {**how, "VersionId": ref.version_id}
        try:
            return self._client.get_object(Bucket=ref.bucket, Key=ref.key, **how)
        except errors() as exc:
            raise _problem(ref, exc) from exc


def _problem(ref: ObjectRef, exc: Exception) -> ObjectProblem:
    code, status = code_and_status(exc)
    what = f"{ref.uri} (version {ref.version_id})" if ref.version_id else ref.uri
    if code in GONE or status == 404:
        return ObjectGone(f"{what} is not there: {said(exc)}")
    if status == 405:
        return ObjectGone(f"{what} is not there: this version is a delete marker")
    problem = refusal(exc, _action(ref), ref.uri, known_elsewhere=False)
    hint = _hint(ref, code, status) if problem.call == _action(ref) else str(problem)  # or a role was not assumed
    return ObjectUnreadable(f"{what} cannot be read: {said(exc)}. {hint}").about(
        problem, "kms:Decrypt" if code.startswith("KMS.") else ""
    )


def _action(ref: ObjectRef) -> str:
    return "s3:GetObjectVersion" if ref.version_id else "s3:GetObject"


def _hint(ref: ObjectRef, code: str, status: int) -> str:
    if code == "InvalidObjectState":
        return "It is archived: restore it (s3:RestoreObject), then it is read"
    if code.startswith("KMS."):
        return "Its KMS key is disabled, being deleted, or of another account: enable it, or have its policy allow this"
    if code == "PreconditionFailed":
        return "It was replaced while it was being read; the next attempt reads it from the beginning"
    if code in ("ExpiredToken", "InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "RequestTimeTooSkewed"):
        return "Check this machine's AWS credentials and its clock"
    if status == 403:
        return (
            f"This account needs {_action(ref)} on it and, where it is encrypted with SSE-KMS, kms:Decrypt on its key; "
            "when they belong to another account, in the bucket's and the key's policy too. Without s3:ListBucket on "
            "the bucket S3 gives the same answer for an object that is not there"
        )
    if code == "SlowDown" or status >= 500:
        return "S3 is overloaded or unwell: it is tried again"
    if not status:
        return "Check the way to S3 (endpoint, proxy, VPC endpoint) and that AWS credentials are there"
    return "It is tried again"


class LocalObjects:
    """A folder that stands for ``s3://bucket/prefix``: its files have the ids the bucket's objects would have."""

    def __init__(self, folder: Path, bucket: str, prefix: str = "") -> None:
        self.folder = Path(folder)
        self.bucket = bucket
        self.prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""

    @classmethod
    def standing_for(cls, folder: Path, uri: str) -> LocalObjects:
        """Return the folder as ``s3://bucket/prefix``. Raises `AwsError` for another URI."""
        bucket, prefix = split_uri(uri)
        return cls(folder, bucket, prefix)

    def ref(self, path: Path) -> ObjectRef:
        """Return what stands for the file at ``path``, which is in the folder."""
        key = self.prefix + path.relative_to(self.folder).as_posix()
        return ObjectRef(self.bucket, key, size_bytes=path.stat().st_size)

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[BinaryIO]:
        """See `Objects.open`."""
        path = self._path(ref)
        if path is None:
            raise ObjectGone(f"{ref.uri} is not there: {self.folder} stands for s3://{self.bucket}/{self.prefix} only")
        try:
            stream = path.open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
            raise ObjectGone(f"{ref.uri} is not there: no file {path}") from exc
        except (OSError, ValueError) as exc:
            raise ObjectUnreadable(f"{ref.uri} cannot be read: {path}: {exc}") from exc
        with stream:
            yield stream

    def _path(self, ref: ObjectRef) -> Optional[Path]:
        if ref.bucket != self.bucket or not ref.key.startswith(self.prefix):
            return None
        parts = ref.key[len(self.prefix) :].split("/")
        if ".." in parts or not parts[0]:  # a key is a name, a path would lead out of the folder
            return None
        return self.folder.joinpath(*parts)
