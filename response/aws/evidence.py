"""Where evidence is kept: objects of S3 that are written once, read back, and cannot be deleted for a time.

::

    incidents/<account>/<region>/<target>/<incident>/<step>/<name>

An object is never written over. What is there already under a name is read: the same content is the same evidence,
other content gets the next name (``console-2.txt``). S3 compares the checksum of what arrives; what is stored is read
again and hashed here, too, so that a record of custody rests on no answer but the bytes.

Needs ``s3:PutObject``, ``s3:PutObjectRetention``, ``s3:GetObject``, ``s3:GetObjectVersion``,
``s3:AbortMultipartUpload`` on ``<bucket>/incidents/*``; ``s3:PutObject`` and ``s3:GetObject`` on
``<bucket>/progress/*``; ``s3:GetBucketObjectLockConfiguration`` and ``s3:ListBucket`` on the bucket.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, CallRejected, Unavailable
from response.core.evidence import COLLECTED, EMPTY, Item
from response.core.part_hashes import Hashes, hashes_of
from response.errors import BadEvidence, BadSettings

GOVERNANCE, COMPLIANCE, NO_LOCK = "GOVERNANCE", "COMPLIANCE", "NONE"
#: How long nobody may delete evidence, unless the owner says otherwise.
LOCKED_DAYS = 365
#: Longest retention of S3: 100 years. https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
MOST_DAYS = 36_500
#: A body of up to so many bytes is one request; a longer one is sent in parts of this size, one at a time in memory.
PART_BYTES = 16 << 20
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
_MOST_PARTS = 10_000
#: Asked of a connection at once.
_CHUNK_BYTES = 1 << 20
#: Objects under one name; a step that finds more other contents than that is not repeating itself.
_MOST_NAMES = 100
_THERE = ("PreconditionFailed",)
#: Another writer of the same key is at it. https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
_CONFLICT = "ConditionalRequestConflict"
_CONFLICTS = 5
_NO_LOCK_THERE = "ObjectLockConfigurationNotFound"
_NO_UPLOAD = "NoSuchUpload"
_PROGRESS = "progress/"
_PAGES = {"NextContinuationToken": "ContinuationToken"}


class Lock(NamedTuple):
    """How evidence is held: ``mode`` is `GOVERNANCE`, `COMPLIANCE` or `NO_LOCK`. `lock_of` makes one."""

    mode: str = GOVERNANCE
    days: int = LOCKED_DAYS


class Stored(NamedTuple):
    """An object of evidence, as it was read back. ``sha256`` is in hexadecimal."""

    key: str
    version: str
    sha256: str
    bytes: int
    #: Whether it was there before, with the same content.
    already: bool = False

    def item(self, name: str, why: str = "") -> Item:
        """Return it as an item of a step."""
        return Item(name, COLLECTED if self.bytes else EMPTY, self.key, self.version, self.sha256, self.bytes, why)


class Part(NamedTuple):
    """Some bytes of an object: its version and entity tag, their sha256, and how many the whole object has."""

    version: str
    etag: str
    sha256: str
    of_bytes: int


class Found(NamedTuple):
    """An object in the folder of an incident."""

    key: str
    bytes: int
    #: When S3 stored it, by S3's clock.
    stored: datetime


def lock_of(mode: str, days: Optional[float] = None) -> Lock:
    """Return the lock that settings name, ``governance`` without any. Raises `BadSettings`."""
    name = (mode or GOVERNANCE).upper()
    if name not in (GOVERNANCE, COMPLIANCE, NO_LOCK):
        raise BadSettings(f"{mode!r} is no mode of Object Lock: governance, compliance or none is needed")
    wanted = LOCKED_DAYS if days is None else int(days)
    if name != NO_LOCK and not 1 <= wanted <= MOST_DAYS:
        raise BadSettings(f"evidence cannot be locked for {wanted} days: 1 to {MOST_DAYS:,} are possible")
    return Lock(name, wanted)


class EvidenceStore:
    """The evidence of one incident. Raises `CallProblem` where S3 refuses, `BadEvidence` for bytes that are others."""

    def __init__(
        self,
        area: Area,
        bucket: str,
        folder: str,
        lock: Lock = Lock(),  # noqa: B008 - never changed
        *,
        part_bytes: int = PART_BYTES,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        """``area``: whose the bucket is, and where it is. ``folder``: see `folder_of`."""
        self.bucket = bucket
        self.folder = folder
        #: How its objects are held.
        self.lock = lock
        #: What a person has to know of how this evidence is held.
        self.notes: List[str] = []
        self._area = area
        self._part_bytes = part_bytes
        self._now = now
        self._held: Optional[Dict[str, Any]] = None

    def put(self, step: str, name: str, body: bytes, kind: str = "application/octet-stream") -> Stored:
        """Keep some bytes as ``<step>/<name>``, or as the next name where that holds others."""
        return self.put_stream(step, name, lambda: iter((body,)), kind)

    def put_only(self, step: str, name: str, body: bytes, kind: str = "application/octet-stream") -> Optional[Stored]:
        """Keep some bytes under this name and no other; None where that holds others."""
        return self._put(f"{self.folder}{step}/{name}", lambda: iter((body,)), kind)

    def put_json(self, step: str, name: str, value: Any) -> Stored:
        """Keep an answer of AWS, or whatever else JSON can hold; times are written as ISO 8601."""
        text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, default=_as_text)
        return self.put(step, name, text.encode("utf-8", "surrogatepass"), "application/json")

    def put_stream(
        self, step: str, name: str, body: Callable[[], Iterable[bytes]], kind: str = "application/octet-stream"
    ) -> Stored:
        """Keep what ``body`` yields; it is called again when the bytes are needed again, and must give the same."""
        for number in range(1, _MOST_NAMES):
            stored = self._put(f"{self.folder}{step}/{numbered(name, number)}", body, kind)
            if stored:
                return stored
        raise BadEvidence(f"there are {_MOST_NAMES} objects called {step}/{name} already, each with other content")

    def read_back(self, key: str, version: str = "") -> Stored:
        """Read an object to its end and hash it."""
        found, read_version = self.hashes(key, version)
        return Stored(key, read_version, found.sha256, found.bytes)

    def hashes(self, key: str, version: str = "", part_bytes: int = 0) -> Tuple[Hashes, str]:
        """Read an object to its end; return its hashes, of its parts too where asked for, and its version."""
        answer = self._ask("GetObject", Key=key, **({"VersionId": version} if version else {}))
        found = hashes_of(self._chunks(answer["Body"], key), part_bytes)
        if found.bytes != int(answer["ContentLength"]):
            raise BadEvidence(
                f"s3://{self.bucket}/{key} ends after {found.bytes:,} of {answer['ContentLength']:,} bytes"
            )
        return found, answer.get("VersionId", "")

    def read_part(
        self, key: str, first: int, most: int, version: str = "", etag: str = "", whole: Optional[Any] = None
    ) -> Part:
        """Read ``most`` bytes of an object from ``first`` on, or what is left of it, and hash them.

        ``version`` and ``etag``: of the parts before, so that all are of the same bytes; another is refused by S3.
        ``whole``: a hash that gets the bytes, too.
        """
        exact = {**({"VersionId": version} if version else {}), **({"IfMatch": etag} if etag else {})}
        answer = self._ask("GetObject", Key=key, Range=f"bytes={first}-{first + most - 1}", **exact)
        digest, size = hashlib.sha256(), 0
        for chunk in self._chunks(answer["Body"], key):
            digest.update(chunk)
            size += len(chunk)
            if whole is not None:
                whole.update(chunk)
        # bytes 0-1073741823/274877906944
        of_bytes = int(str(answer.get("ContentRange") or "").rpartition("/")[2] or 0)
        if size != min(most, of_bytes - first):
            raise BadEvidence(f"s3://{self.bucket}/{key}: of the {most:,} bytes from {first:,} on came {size:,}")
        return Part(answer.get("VersionId", ""), str(answer.get("ETag") or ""), digest.hexdigest(), of_bytes)

    def read(self, key: str, version: str = "", most_bytes: int = 64 << 20) -> bytes:
        """Return an object that is no longer than ``most_bytes``: a record, not evidence."""
        answer = self._ask("GetObject", Key=key, **({"VersionId": version} if version else {}))
        if int(answer["ContentLength"]) > most_bytes:
            raise BadEvidence(
                f"s3://{self.bucket}/{key} has {answer['ContentLength']:,} bytes: it is no record of ours"
            )
        return b"".join(self._chunks(answer["Body"], key))

    def write_progress(self, step: str, body: bytes) -> None:
        """Keep, below ``progress/`` and not as evidence, how far a step came; written over each time."""
        self._ask("PutObject", Key=f"{_PROGRESS}{self.folder}{step}.json", Body=body, ChecksumAlgorithm="SHA256")

    def read_progress(self, step: str) -> bytes:
        """Return what `write_progress` kept. Raises `CallRejected` with NoSuchKey where there is nothing."""
        return self.read(f"{_PROGRESS}{self.folder}{step}.json")

    def listed(self, below: str = "") -> Iterator[Found]:
        """Yield the objects of the incident, or of one step (``context/``), by their keys."""
        start = self.folder + below
        for each in self._area.each("s3", "ListObjectsV2", "Contents", _PAGES, Bucket=self.bucket, Prefix=start):
            yield Found(each["Key"], int(each["Size"]), each["LastModified"])

    def _put(self, key: str, body: Callable[[], Iterable[bytes]], kind: str) -> Optional[Stored]:
        """Write an object unless there is one; None where there is one with other content."""
        sent, stored = self._write(key, body, kind)
        if stored is None:
            stored = self.read_back(key)._replace(already=True)
        if stored.sha256 == sent:
            return stored
        if stored.already:
            return None
        raise BadEvidence(
            f"s3://{self.bucket}/{key} is stored with the sha256 {stored.sha256}, and {sent} was sent: it was changed "
            "on its way. Collect it again; the object that is wrong cannot be deleted"
        )

    def _write(self, key: str, body: Callable[[], Iterable[bytes]], kind: str) -> Tuple[str, Optional[Stored]]:
        """Return the sha256 of what was sent, and what is stored now, None where an object was there before."""
        parts = _in_parts(body(), self._part_bytes)
        first = next(parts)
        second = next(parts, None)
        if second is None:
            return self._whole(key, first, kind)
        return self._multipart(key, first, second, parts, kind)

    def _whole(self, key: str, body: bytes, kind: str) -> Tuple[str, Optional[Stored]]:
        digest = hashlib.sha256(body)
        # Without the algorithm S3 takes no object with a retention period.
        checksum = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": _base64(digest.digest())}
        how = {"Body": body, "ContentType": kind, **checksum, **self.hold()}
        answer = self._once("PutObject", Key=key, **how)
        stored = None if answer is None else self.read_back(key, answer.get("VersionId", ""))
        return digest.hexdigest(), stored

    def _multipart(
        self, key: str, first: bytes, second: bytes, more: Iterator[bytes], kind: str
    ) -> Tuple[str, Optional[Stored]]:
        given = {"ContentType": kind, "ChecksumAlgorithm": "SHA256", **self.hold()}
        upload = self._ask("CreateMultipartUpload", Key=key, **given)["UploadId"]
        digest = hashlib.sha256()
        sent: List[Dict[str, Any]] = []
        try:
            for part in _chained(first, second, more):
                if len(sent) == _MOST_PARTS:
                    most = self._part_bytes * _MOST_PARTS
                    raise BadEvidence(f"{key} is larger than {most:,} bytes: give a larger part size")
                digest.update(part)
                number, checksum = len(sent) + 1, _base64(hashlib.sha256(part).digest())
                about = {"PartNumber": number, "ChecksumSHA256": checksum}
                answer = self._ask("UploadPart", Key=key, UploadId=upload, Body=part, **about)
                sent.append({**about, "ETag": answer["ETag"]})
            done = self._once("CompleteMultipartUpload", Key=key, UploadId=upload, MultipartUpload={"Parts": sent})
        except BaseException:
            self._abort(key, upload)
            raise
        if done is None:
            self._abort(key, upload)
            return digest.hexdigest(), None
        return digest.hexdigest(), self.read_back(key, done.get("VersionId", ""))

    def _once(self, operation: str, **given: Any) -> Optional[Dict[str, Any]]:
        """Write unless there is such an object; None when there is one."""
        for attempt in range(_CONFLICTS):
            try:
                return self._ask(operation, IfNoneMatch="*", **given)
            except CallRejected as exc:
                # The answer to the first attempt may be lost: then the upload is complete, and no longer known.
                if any(code in str(exc) for code in (*_THERE, _NO_UPLOAD)):
                    return None
                if _CONFLICT not in str(exc) or attempt == _CONFLICTS - 1:
                    raise
        return None

    def _abort(self, key: str, upload: str) -> None:
        """Give up an upload; where that fails, the bucket's rule for incomplete uploads takes it away."""
        try:
            self._ask("AbortMultipartUpload", Key=key, UploadId=upload)
        except CallProblem:
            pass

    def hold(self) -> Dict[str, Any]:
        """Return the parameters that lock an object from the moment it is stored."""
        if self._held is None:
            self._held = {"ObjectLockMode": self.lock.mode} if self._is_lockable() else {}
            if self.lock.mode == COMPLIANCE and self._held:
                self.notes.append(
                    f"evidence is locked in COMPLIANCE mode: nobody, not even the root user, can delete it for "
                    f"{self.lock.days} days"
                )
        if not self._held:
            return {}
        return {**self._held, "ObjectLockRetainUntilDate": self._now() + timedelta(days=self.lock.days)}

    def _is_lockable(self) -> bool:
        if self.lock.mode == NO_LOCK:
            self.notes.append("evidence is not locked: whoever may delete objects of the bucket can delete it")
            return False
        try:
            self._ask("GetObjectLockConfiguration")
        except CallRejected as exc:
            if _NO_LOCK_THERE not in str(exc):
                raise
            self.notes.append(
                f"the bucket {self.bucket} has no Object Lock: whoever may delete its objects can delete evidence. "
                "Object Lock can be switched on for it: aws s3api put-object-lock-configuration"
            )
            return False
        return True

    def _chunks(self, stream: Any, key: str) -> Iterator[bytes]:
        from botocore.exceptions import BotoCoreError, FlexibleChecksumError
        from urllib3.exceptions import HTTPError

        try:
            while True:
                chunk = stream.read(_CHUNK_BYTES)
                if not chunk:
                    return
                yield chunk
        except FlexibleChecksumError as exc:
            raise BadEvidence(f"s3://{self.bucket}/{key} was changed on its way: {exc}") from exc
        except (BotoCoreError, HTTPError, OSError) as exc:
            raise Unavailable(
                f"s3://{self.bucket}/{key} was cut while it was read: {exc}", call="s3:GetObject"
            ) from exc
        finally:
            stream.close()

    def _ask(self, operation: str, **given: Any) -> Dict[str, Any]:
        return self._area.ask("s3", operation, Bucket=self.bucket, **given)


def folder_of(account: str, region: str, target: str, incident: str) -> str:
    """Return the beginning of the keys of an incident. ``target``: the instance, or the name of what else it is."""
    parts = (account, region, target, incident)
    if any(not part or "/" in part or part in (".", "..") for part in parts):
        raise BadSettings(f"{'/'.join(parts)!r} is no place for evidence: a part is empty, or holds a slash")
    return "incidents/" + "/".join(parts) + "/"


def _in_parts(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the same bytes in pieces of ``size``; at least one, which may be empty."""
    held: List[bytes] = []
    length = 0
    any_yet = False
    for chunk in chunks:
        view = memoryview(chunk)
        while length + len(view) >= size:
            take = size - length
            yield b"".join((*held, view[:take]))
            any_yet = True
            view, held, length = view[take:], [], 0
        if len(view):
            held.append(bytes(view))
            length += len(view)
    if held or not any_yet:
        yield b"".join(held)


def _chained(first: bytes, second: bytes, more: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from more


def numbered(name: str, number: int) -> str:
    """Return ``console.txt`` as ``console-2.txt``."""
    if number == 1:
        return name
    folder, slash, last = name.rpartition("/")
    stem, dot, end = last.partition(".")
    return f"{folder}{slash}{stem}-{number}{dot}{end}"


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
