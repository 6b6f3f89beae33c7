"""The objects that dead letters are about, read again: files from this machine, everything else from S3 or a copy.

A letter about a file has the machine's name and the file's path. A file that is not there now may come back (another
machine, a disk that is not mounted), so nothing is said about it that would stay: it is `ObjectUnreadable`.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Callable, Iterator, Optional

from aws_bridge.errors import ObjectUnreadable
from aws_bridge.object_ref import NO_BUCKET, ObjectRef
from aws_bridge.objects import Objects


class Originals:
    """Opens what a letter is about.

    ``bucket`` makes the objects of buckets, when one is asked for. ``folder`` has copies of files that stand for no
    object, by their keys or their names. ``prefer_files``: an object that was read from a copy on this machine is read
    from there again, as long as it is there.
    """

    def __init__(
        self, bucket: Callable[[], Objects], folder: Optional[Path] = None, *, prefer_files: bool = True
    ) -> None:
        self._make_bucket, self._folder, self._prefer_files = bucket, folder, prefer_files
        self._bucket: Optional[Objects] = None

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[BinaryIO]:
        """See `Objects.open`."""
        path = self._path(ref)
        if path is not None:
            try:
                file: BinaryIO = path.open("rb")
            except (OSError, ValueError) as exc:
                raise ObjectUnreadable(f"{path} cannot be read: {exc}") from exc
            with file:
                yield file
        elif ref.bucket == NO_BUCKET:
            raise ObjectUnreadable(
                f"the file {ref.path or ref.key} is not there. The letter stays: run this on the machine the file is "
                "on (a name in front of the path says which), or give a copy of its folder with --objects FOLDER"
            )
        else:
            if self._bucket is None:
                self._bucket = self._make_bucket()
            with self._bucket.open(ref) as stream:
                yield stream

    def _path(self, ref: ObjectRef) -> Optional[Path]:
        """Return the file a letter is about, None if it is about none or it is not there."""
        candidates = [Path(ref.path)] if ref.path and (self._prefer_files or ref.bucket == NO_BUCKET) else []
        if ref.bucket == NO_BUCKET:
            if self._folder is not None:  # what somebody names comes first
                parts = [part for part in ref.key.split("/") if part not in ("", "..")]
                candidates = [self._folder.joinpath(*parts), self._folder / parts[-1], *candidates]
            elif not ref.path:  # written by a version that did not note the path; the key is what it knew
                candidates.append(Path(ref.key))
        return next((path for path in candidates if path.is_file()), None)
