"""The name of one object of S3."""

from __future__ import annotations

import base64
import hashlib
from typing import NamedTuple, Tuple

from aws_bridge.errors import NotAnAddress

#: Stands for the bucket of files that belong to none: no bucket's name has a colon.
NO_BUCKET = "file:"


class ObjectRef(NamedTuple):
    """One object of S3. ``key`` is the decoded key, ``version_id`` is empty for a bucket without versions."""

    bucket: str
    key: str
    version_id: str = ""
    #: Bytes as stored; -1 where nobody said.
    size_bytes: int = -1
    #: Where it is read from, if that is a file of this machine.
    path: str = ""

    @property
    def uri(self) -> str:
        """How a person names it: by its address, or its key alone when it is a file that stands for no object."""
        return self.key if self.bucket == NO_BUCKET else f"s3://{self.bucket}/{self.key}"

    @property
    def identity(self) -> str:
        """16 characters that stand for bucket and key in the ids of the documents: 96 bits of a SHA-256.

        The version is left out: AWS writes a log object once, and a copy put back under its key is the same log.
        """
        digest = hashlib.sha256(f"{self.bucket}/{self.key}".encode("utf-8", "surrogatepass")).digest()
        return base64.urlsafe_b64encode(digest[:12]).decode()


def split_uri(uri: str) -> Tuple[str, str]:
    """Return bucket and key (or prefix) of ``s3://bucket/key``. Raises `NotAnAddress` for anything else."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise NotAnAddress(f"{uri!r} is no address in S3: give it as s3://bucket/prefix")
    return bucket, key
