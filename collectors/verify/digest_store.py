"""Where digests and the log files they name are: a bucket, or a folder that was copied from one."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import AbstractSet, Any, Iterator, Optional

from aws_bridge.clients import errors, said
from aws_bridge.errors import ObjectUnreadable
from aws_bridge.object_ref import ObjectRef
from aws_bridge.objects import LocalObjects, S3Objects
from collectors.errors import CollectorError, DamagedFile
from collectors.reading.unpack import unpacked
from collectors.verify.digest import DigestObject, Place, digest_object, log_file

FOLDER = "CloudTrail-Digest/"
LOG_FOLDER = "CloudTrail/"
#: Beside a local copy of a digest: the hexadecimal text that S3 has in its metadata.
SIGNATURE_SUFFIX = ".signature"

_REGION = re.compile(f"(?:{FOLDER}|/{LOG_FOLDER})[^/]+/$")


class S3Digests:
    """The digests below ``s3://bucket/prefix`` that cover a part of a period (epoch milliseconds).

    Needs s3:ListBucket and s3:GetObject. Only the folders of digests are listed, from the day the period begins.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, since_ms: Optional[int], until_ms: Optional[int]) -> None:
        self.objects = S3Objects(client)
        self._client = client
        self._bucket = bucket
        self._prefix = prefix
        self._since_ms = since_ms
        self._until_ms = until_ms

    def digests(self) -> Iterator[DigestObject]:
        """Yield the digests. Raises `CollectorError` when the bucket cannot be listed."""
        for folder in self._digest_folders(self._prefix):
            for region in self._folders(folder) if folder.endswith(FOLDER) else (folder,):
                for page in self._pages(Prefix=region, StartAfter=self._start(region)):
                    for entry in page.get("Contents", ()):
                        digest = digest_object(ObjectRef(self._bucket, entry["Key"]))
                        if digest is not None and digest.meets(self._since_ms, self._until_ms):
                            yield digest

    def logs_of_others(self, known: AbstractSet[Place], end_ms: int) -> Iterator[ObjectRef]:
        """Yield as `DigestStore` says. Raises `CollectorError` when the bucket cannot be listed."""
        for folder in self._digest_folders(self._prefix):
            if not folder.endswith(FOLDER):
                continue
            for region in self._folders(folder[: -len(FOLDER)] + LOG_FOLDER):
                place = tuple(region.rstrip("/").split("/")[-3::2])  # of account/CloudTrail/region
                found = None if place in known else self._first_log(region, end_ms)
                if found is not None:
                    yield found

    def _first_log(self, region: str, end_ms: int) -> Optional[ObjectRef]:
        """Return the first log file of the period in a region's folder, which is sorted by date."""
        for page in self._pages(Prefix=region, StartAfter=self._start(region)):
            for entry in page.get("Contents", ()):
                found = log_file(entry["Key"])
                if found is None:
                    continue
                _, at_ms = found
                if at_ms >= end_ms:
                    return None
                if self._since_ms is None or at_ms >= self._since_ms:
                    return ObjectRef(self._bucket, entry["Key"])
        return None

    def signature(self, digest: DigestObject) -> str:
        """Return the signature in the metadata of the digest's object."""
        try:
            found = self._client.head_object(Bucket=digest.ref.bucket, Key=digest.ref.key)
        except errors() as exc:
            raise ObjectUnreadable(f"the metadata of {digest.ref.uri} cannot be read: {said(exc)}") from exc
        return found["Metadata"].get("signature", "")

    def _digest_folders(self, prefix: str) -> Iterator[str]:
        folder = prefix if not prefix or prefix.endswith("/") else prefix + "/"
        if FOLDER in folder:
            return iter((folder,))
        return self._below(folder if "AWSLogs/" in folder else folder + "AWSLogs/")

    def _below(self, folder: str) -> Iterator[str]:
        """Yield the digest folders of the accounts below ``folder``, which may hold organisations or accounts."""
        name = folder.rstrip("/").rpartition("/")[2]
        if name.isdigit():
            yield folder + FOLDER
            return
        for each in self._folders(folder):
            inner = each.rstrip("/").rpartition("/")[2]
            if inner.isdigit() or inner.startswith("o-"):
                yield from self._below(each)

    def _folders(self, prefix: str) -> Iterator[str]:
        for page in self._pages(Prefix=prefix, Delimiter="/"):
            yield from (entry["Prefix"] for entry in page.get("CommonPrefixes", ()))

    def _start(self, folder: str) -> str:
        """Return the key before the first one wanted in a folder, which is sorted by date if it is a region's."""
        if self._since_ms is None or not _REGION.search(folder):
            return ""
        day = datetime.fromtimestamp(self._since_ms / 1000, timezone.utc) - timedelta(days=1)
        return folder + day.strftime("%Y/%m/%d/")

    def _pages(self, **what: str) -> Iterator[Any]:
        try:
            yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **what)
        except errors() as exc:
            raise CollectorError(
                f"s3://{self._bucket}/{what['Prefix']} cannot be listed: {said(exc)}. Check the bucket's name, and "
                "that the credentials may do s3:ListBucket on it"
            ) from exc


class LocalDigests:
    """The digests in a folder that was copied from a bucket, such as with ``aws s3 sync``.

    Signatures are not in such a copy. Each digest holds that of the one before it; that of the newest can be put beside
    it, as a file of the same name and `SIGNATURE_SUFFIX`.
    """

    def __init__(self, folder: Path, since_ms: Optional[int], until_ms: Optional[int]) -> None:
        self._folder = folder
        self._since_ms = since_ms
        self._until_ms = until_ms
        self.objects = self._standing_for()

    def digests(self) -> Iterator[DigestObject]:
        """Yield the digests of the period."""
        for path in self._paths():
            digest = digest_object(self.objects.ref(path))
            if digest is not None and digest.meets(self._since_ms, self._until_ms):
                yield digest._replace(ref=ObjectRef(digest.ref.bucket, digest.ref.key))

    def logs_of_others(self, known: AbstractSet[Place], end_ms: int) -> Iterator[ObjectRef]:
        """Yield as `DigestStore` says."""
        seen = set(known)
        for parent, folders, names in os.walk(self._folder):
            folders.sort()
            for name in sorted(names):
                ref = self.objects.ref(Path(parent, name))
                found = log_file(ref.key)
                if found is None or found[0] in seen or found[1] >= end_ms:
                    continue
                if self._since_ms is None or found[1] >= self._since_ms:
                    seen.add(found[0])
                    yield ObjectRef(ref.bucket, ref.key)

    def signature(self, digest: DigestObject) -> str:
        """Return what is in the file beside the digest."""
        path = self._folder / (digest.ref.key[len(self.objects.prefix) :] + SIGNATURE_SUFFIX)
        return path.read_text("ascii", "replace").strip().strip('"') if path.is_file() else ""

    def _paths(self) -> Iterator[Path]:
        for parent, folders, names in os.walk(self._folder):
            folders.sort()
            for name in sorted(names):
                if digest_object(ObjectRef("", name)) is not None:
                    yield Path(parent, name)

    def _standing_for(self) -> LocalObjects:
        """Return the folder as the bucket and prefix that the first readable digest says it is of."""
        path = None
        for path in self._paths():
            place = _own_place(path)
            inside = path.relative_to(self._folder).as_posix()
            if place is not None and ("/" + place.key).endswith("/" + inside):
                return LocalObjects(self._folder, place.bucket, place.key[: -len(inside)])
        if path is None:
            raise CollectorError(
                f"there is no digest in {self._folder}, so nothing is verified. CloudTrail writes them below {FOLDER} "
                "while log file validation is enabled: give a folder that holds AWSLogs/ as the bucket does"
            )
        raise CollectorError(
            f"no digest in {self._folder} is where it says it was: give a folder that holds AWSLogs/ as the bucket does"
        )


def _own_place(path: Path) -> Optional[ObjectRef]:
    try:
        with path.open("rb") as stream:
            fields = json.loads(b"".join(unpacked(stream)))
        return ObjectRef(str(fields["digestS3Bucket"]), str(fields["digestS3Object"]))
    except (OSError, DamagedFile, ValueError, KeyError, TypeError, RecursionError):
        return None
