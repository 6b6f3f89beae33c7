"""AWS's log objects in the bucket they are delivered to: listed by day, read, and copied with their versions.

Needs ``s3:ListBucket``, ``s3:GetObject`` and ``s3:GetObjectVersion`` on the buckets of the logs, and ``kms:Decrypt`` on
their keys.
"""

from __future__ import annotations

import gzip
import io
import zlib
from datetime import datetime
from typing import Iterator, NamedTuple, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import NotAnAddress, Unavailable
from aws_bridge.object_ref import ObjectRef, split_uri
from response.errors import BadSettings

_PAGES = {"NextContinuationToken": "ContinuationToken"}
_CHUNK_BYTES = 1 << 20
#: Where AWS's own folders begin.
_BASE = "AWSLogs/"


class LogObject(NamedTuple):
    """One object. ``stored``: when AWS delivered it."""

    ref: ObjectRef
    stored: datetime


class Delivery(NamedTuple):
    """Where one log is delivered: ``prefix`` ends with ``AWSLogs/``, or with an organization's id behind it."""

    area: Area
    bucket: str
    prefix: str

    def below(self, folder: str, after: str = "") -> Iterator[LogObject]:
        """Yield the objects of a folder (`response.core.traces.folders_of`) by their keys, those after one if given."""
        before, star, day = (self.prefix + folder).partition("*/")
        starts = [before] if not star else [found + day for found in self._folders(before)]
        for start in starts:
            given = {"Bucket": self.bucket, "Prefix": start, **({"StartAfter": after} if after else {})}
            for each in self.area.each("s3", "ListObjectsV2", "Contents", _PAGES, **given):
                yield LogObject(ObjectRef(self.bucket, each["Key"], size_bytes=int(each["Size"])), each["LastModified"])

    def opened(self, ref: ObjectRef) -> Tuple[ObjectRef, Iterator[bytes]]:
        """Return an object with its version, and its bytes as they are stored."""
        given = {"VersionId": ref.version_id} if ref.version_id else {}
        answer = self.area.ask("s3", "GetObject", Bucket=ref.bucket, Key=ref.key, **given)
        return ref._replace(version_id=answer.get("VersionId", "")), _chunks(answer["Body"], ref)

    def text(self, ref: ObjectRef) -> bytes:
        """Return the content of an object, unpacked. Raises `Unavailable` for one that is cut."""
        body = b"".join(self.opened(ref)[1])
        if not body.startswith(b"\x1f\x8b"):
            return body
        try:
            return gzip.GzipFile(fileobj=io.BytesIO(body)).read()
        except (OSError, EOFError, zlib.error) as exc:
            raise Unavailable(f"{ref.uri} cannot be unpacked: {exc}", call="s3:GetObject") from exc

    def _folders(self, start: str) -> Iterator[str]:
        given = {"Bucket": self.bucket, "Prefix": start, "Delimiter": "/"}
        for each in self.area.each("s3", "ListObjectsV2", "CommonPrefixes", _PAGES, **given):
            yield each["Prefix"]


def delivery_of(area: Area, place: str) -> Delivery:
    """Return where ``s3://bucket/[prefix/]AWSLogs/[o-id/]`` is. Raises `BadSettings`."""
    try:
        bucket, prefix = split_uri(place)
    except NotAnAddress as exc:
        raise BadSettings(str(exc)) from exc
    prefix = prefix.rstrip("/") + "/" if prefix.strip("/") else _BASE
    if _BASE not in prefix:
        prefix += _BASE
    return Delivery(area, bucket, prefix)


def _chunks(stream: object, ref: ObjectRef) -> Iterator[bytes]:
    from botocore.exceptions import BotoCoreError
    from urllib3.exceptions import HTTPError

    try:
        while True:
            chunk = stream.read(_CHUNK_BYTES)  # type: ignore[attr-defined]
            if not chunk:
                return
            yield chunk
    except (BotoCoreError, HTTPError, OSError) as exc:
        raise Unavailable(f"{ref.uri} was cut while it was read: {exc}", call="s3:GetObject") from exc
    finally:
        stream.close()  # type: ignore[attr-defined]
