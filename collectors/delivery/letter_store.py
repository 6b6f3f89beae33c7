"""Where dead letters are kept: a prefix of S3, encrypted, or a folder with the same names in it."""

from __future__ import annotations

import contextlib
import os
import uuid
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Protocol

from aws_bridge.clients import client, code_and_status, errors, said
from aws_bridge.object_ref import split_uri
from aws_bridge.objects import GONE
from collectors.errors import CollectorError


class LetterStoreError(CollectorError):
    """The dead-letter store cannot be read or written: nothing may be acknowledged that ought to be in it."""


class LetterStore(Protocol):
    """Small files by name. A name is made of segments with ``/`` between them, none of them attacker-controlled."""

    #: As a person names it.
    uri: str

    def put(self, name: str, content: bytes) -> None:
        """Write a file as a whole, in place of one of the same name."""

    def get(self, name: str) -> Optional[bytes]:
        """Return the content, ``None`` if there is no such file."""

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """Yield the names that begin with ``prefix`` and are greater than ``after``, in order."""

    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is no error."""


def letter_store(place: str, kms_key_id: str = "", s3: Any = None) -> LetterStore:
    """Return the store at ``place``: ``s3://bucket/prefix``, or a folder. ``kms_key_id`` as in `S3Letters`."""
    if place.startswith("s3://"):
        bucket, prefix = split_uri(place)
        return S3Letters(s3 or client("s3"), bucket, prefix, kms_key_id)
    if kms_key_id:
        raise CollectorError(f"a KMS key encrypts dead letters in S3; {place} is a folder, which its disk encrypts")
    return FolderLetters(Path(place))


class S3Letters:
    """Files under ``s3://bucket/prefix``, encrypted with the KMS key ``kms_key_id``, or with S3's own keys (AES256).

    Needs ``s3:PutObject`` and, with a key, ``kms:GenerateDataKey``; to list and replay also ``s3:ListBucket``,
    ``s3:GetObject``, ``s3:DeleteObject`` and ``kms:Decrypt``.
    """

    def __init__(self, s3: Any, bucket: str, prefix: str = "", kms_key_id: str = "") -> None:
        self._s3, self._bucket = s3, bucket
        self._prefix = prefix.strip("/") + "/" if prefix.strip("/") else ""
        self._encryption: Dict[str, str] = {"ServerSideEncryption": "AES256"}
        if kms_key_id:
            self._encryption = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": kms_key_id}
        self.uri = f"s3://{bucket}/{self._prefix}"

    def put(self, name: str, content: bytes) -> None:
        """See `LetterStore.put`."""
        with self._explained("written", "s3:PutObject on it, and kms:GenerateDataKey where a KMS key encrypts it"):
            self._s3.put_object(Bucket=self._bucket, Key=self._prefix + name, Body=content, **self._encryption)

    def get(self, name: str) -> Optional[bytes]:
        """See `LetterStore.get`."""
        with self._explained("read", "s3:GetObject on it, and kms:Decrypt where a KMS key encrypts it"):
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=self._prefix + name)["Body"].read()
            except errors() as exc:
                if code_and_status(exc)[0] in GONE:
                    return None
                raise

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """See `LetterStore.names`; a page of 1,000 a request."""
        start = {"StartAfter": self._prefix + after} if after else {}
        with self._explained("listed", "s3:ListBucket on the bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._prefix + prefix, **start
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    yield entry["Key"][len(self._prefix) :]

    def delete(self, name: str) -> None:
        """See `LetterStore.delete`."""
        with self._explained("cleared", "s3:DeleteObject on it"):
            self._s3.delete_object(Bucket=self._bucket, Key=self._prefix + name)

    @contextlib.contextmanager
    def _explained(self, what: str, permission: str) -> Iterator[None]:
        try:
            yield
        except errors() as exc:
            raise LetterStoreError(
                f"the dead-letter store {self.uri} cannot be {what}: {said(exc)}. It takes {permission}"
            ) from exc


class FolderLetters:
    """Files in a folder. A file is there as a whole or not at all: it is written under another name and renamed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.uri = str(folder)

    def put(self, name: str, content: bytes) -> None:
        """See `LetterStore.put`."""
        path = self._folder / name
        half_written = path.with_name(f".{uuid.uuid4().hex}")
        with self._explained("written"):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with half_written.open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                half_written.replace(path)
            except BaseException:
                half_written.unlink(missing_ok=True)
                raise

    def get(self, name: str) -> Optional[bytes]:
        """See `LetterStore.get`."""
        with self._explained("read"):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return None

    def names(self, prefix: str = "", after: str = "") -> Iterator[str]:
        """See `LetterStore.names`."""
        with self._explained("listed"):
            if self._folder.is_file():
                raise NotADirectoryError(f"{self._folder} is a file")
            found = [
                path.relative_to(self._folder).as_posix()
                for path in self._folder.rglob("*")
                if not path.name.startswith(".") and path.is_file()
            ]
        yield from sorted(name for name in found if name.startswith(prefix) and name > after)

    def delete(self, name: str) -> None:
        """See `LetterStore.delete`."""
        with self._explained("cleared"):
            (self._folder / name).unlink(missing_ok=True)

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise LetterStoreError(f"the dead-letter store {self.uri} cannot be {what}: {exc.strerror or exc}") from exc
