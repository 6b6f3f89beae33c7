"""The evidence of one incident, wherever it lies: in a folder of this machine, or in the bucket."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Protocol, Tuple

from aws_bridge.accounts.area import Area
from aws_bridge.errors import CallProblem, Unavailable
from response.aws.evidence import EvidenceStore
from response.core.part_hashes import Hashes, hashes_of
from response.errors import BadEvidence

_CHUNK_BYTES = 1 << 20
#: How often a part of something large is read when the connection is cut.
_ATTEMPTS = 3


class Copy(Protocol):
    """Names are keys below the incident's folder."""

    def names(self) -> List[str]:
        """Return all there is, sorted."""

    def read(self, name: str) -> bytes:
        """Return something small. Raises `BadEvidence` where it cannot be read."""

    def hashed(self, name: str, version: str, part_bytes: int = 0) -> Hashes:
        """Return its hashes; of the ``version`` where the place has versions. Raises `BadEvidence`."""

    def oddities(self, versions: Dict[str, str]) -> List[str]:
        """Return what else happened to the objects, in words. ``versions``: name -> the one in the manifest."""

    @property
    def folder(self) -> str:
        """Its key in a bucket, or nothing where that is not known."""


class FolderCopy:
    """A download: ``aws s3 sync s3://<bucket>/incidents/<account>/<region>/<target>/<incident>/ <folder>``."""

    folder = ""

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> List[str]:
        """See `Copy.names`."""
        found = (each for each in self._root.rglob("*") if each.is_symlink() or not each.is_dir())
        return sorted(each.relative_to(self._root).as_posix() for each in found)

    def read(self, name: str) -> bytes:
        """See `Copy.read`."""
        return b"".join(self._chunks(name))

    def hashed(self, name: str, version: str, part_bytes: int = 0) -> Hashes:
        """See `Copy.hashed`."""
        return hashes_of(self._chunks(name), part_bytes)

    def oddities(self, versions: Dict[str, str]) -> List[str]:
        """Return nothing: a folder keeps no history."""
        return []

    def _chunks(self, name: str) -> Iterator[bytes]:
        path = self._root / name
        if path.is_symlink():
            raise BadEvidence(f"{name} is a link, not a file")
        try:
            with path.open("rb") as file:
                while True:
                    chunk = file.read(_CHUNK_BYTES)
                    if not chunk:
                        return
                    yield chunk
        except OSError as exc:
            raise BadEvidence(f"{name} cannot be read: {exc}") from exc


class BucketCopy:
    """The objects of the bucket themselves. Needs ``s3:GetObject``, ``GetObjectVersion``, ``ListBucketVersions``."""

    def __init__(self, area: Area, bucket: str, folder: str) -> None:
        self.folder = folder
        self._area = area
        self._store = EvidenceStore(area, bucket, folder)
        self._bucket = bucket
        self._versions: Optional[Dict[str, List[Tuple[str, bool]]]] = None

    def names(self) -> List[str]:
        """See `Copy.names`."""
        return sorted(name for name, versions in self._all().items() if not versions[0][1])

    def read(self, name: str) -> bytes:
        """See `Copy.read`."""
        try:
            return self._store.read(self.folder + name)
        except CallProblem as exc:
            raise BadEvidence(f"{name} cannot be read: {exc}") from exc

    def hashed(self, name: str, version: str, part_bytes: int = 0) -> Hashes:
        """See `Copy.hashed`."""
        try:
            if part_bytes:
                return self._in_parts(self.folder + name, version, part_bytes)
            return self._store.hashes(self.folder + name, version)[0]
        except CallProblem as exc:
            raise BadEvidence(f"{name} cannot be read: {exc}") from exc

    def _in_parts(self, key: str, version: str, part_bytes: int) -> Hashes:
        """Read something large part by part: a connection that is cut costs one part, and not an hour."""
        whole, etag, size = hashlib.sha256(), "", part_bytes
        parts: List[str] = []
        while len(parts) * part_bytes < size:
            for attempt in range(_ATTEMPTS):
                trial = whole.copy()
                try:
                    part = self._store.read_part(key, len(parts) * part_bytes, part_bytes, version, etag, trial)
                    break
                except Unavailable:
                    if attempt == _ATTEMPTS - 1:
                        raise
            whole, etag, size = trial, part.etag, part.of_bytes
            parts.append(part.sha256)
        return Hashes(whole.hexdigest(), size, tuple(parts))

    def oddities(self, versions: Dict[str, str]) -> List[str]:
        """Return deletions, and versions that somebody put over what was collected."""
        found = []
        for name, there in sorted(self._all().items()):
            if there[0][1]:
                found.append(f"deleted: {name} has a delete marker; what it hides is still there")
            others = [id for id, is_marker in there if not is_marker and id != versions.get(name)]
            if len(others) < len(there) or len(others) > 1:
                if name in versions and others:
                    found.append(f"extra: {name} has the versions {', '.join(others)}, which are not in the manifest")
                elif len(others) > 1:
                    found.append(f"altered: {name} was written over: it has the versions {', '.join(others)}")
        return found

    def _all(self) -> Dict[str, List[Tuple[str, bool]]]:
        """Return name -> its versions, the latest first, and whether each is a delete marker."""
        if self._versions is None:
            found: Dict[str, List[Tuple[str, bool]]] = {}
            latest: Dict[str, Tuple[str, bool]] = {}
            for each, is_marker in self._listed():
                name = each["Key"][len(self.folder) :]
                entry = each.get("VersionId") or "", is_marker
                found.setdefault(name, []).append(entry)
                if each.get("IsLatest"):
                    latest[name] = entry
            for name, entry in latest.items():
                found[name].remove(entry)
                found[name].insert(0, entry)
            self._versions = found
        return self._versions

    def _listed(self) -> Iterator[Tuple[Dict[str, Any], bool]]:
        more: Dict[str, str] = {}
        while True:
            given = {"Bucket": self._bucket, "Prefix": self.folder, **more}
            answer = self._area.ask("s3", "ListObjectVersions", **given)
            yield from ((each, False) for each in answer.get("Versions") or ())
            yield from ((each, True) for each in answer.get("DeleteMarkers") or ())
            if not answer.get("IsTruncated"):
                return
            more = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer.get("NextVersionIdMarker", "")}
