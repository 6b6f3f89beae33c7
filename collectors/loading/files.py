"""Files on this machine as objects: which of a folder are logs, and under which bucket and key each is known.

The ids of most logs are made of bucket and key (`collectors.records.record`). Copies of a bucket's objects get the ids
of the originals when it is said where they came from (``--as s3://bucket/prefix``): a file's path below the given
folder is its key below the prefix. Otherwise the key is the file's path from its last folder ``AWSLogs`` on, which
stays the same wherever the copy is moved to (AWS's names are unique below it), or else its absolute path. Two files
with the same key would be taken for one, so they are refused.
"""

from __future__ import annotations

import os
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Set

from aws_bridge.errors import ObjectGone, ObjectUnreadable
from aws_bridge.object_ref import NO_BUCKET, ObjectRef, split_uri
from aws_bridge.objects import LocalObjects
from collectors.errors import CollectorError
from collectors.reading.recognise import kind_of, passed_over


class LogFile(NamedTuple):
    """One file to read, and the object it stands for."""

    ref: ObjectRef
    path: Path


class FoundFiles(NamedTuple):
    """What a search for log files found."""

    #: In the order of the folders' names, which is by date: whatever is not known to be none of the logs.
    logs: List[LogFile]
    #: CloudTrail digests: known, and nothing to load.
    digests: List[Path]
    #: By their names, or by the folder they are in, none of the logs that are asked for.
    others: List[Path]
    #: All that is passed over, counted by what it is called.
    passed_over: Counter[str]
    #: What was given by its own name, and not found in a folder.
    given: Set[ObjectRef]


class FileObjects:
    """Opens the files that stand for objects."""

    def __init__(self, logs: Iterable[LogFile]) -> None:
        self._paths = {(log.ref.bucket, log.ref.key): log.path for log in logs}

    @contextmanager
    def open(self, ref: ObjectRef) -> Iterator[BinaryIO]:
        """Give the file's bytes as they are. Raises `ObjectGone` or `ObjectUnreadable`."""
        path = self._paths[ref.bucket, ref.key]
        try:
            stream = path.open("rb")
        except FileNotFoundError:
            raise ObjectGone(f"{path} is not there any more") from None
        except OSError as exc:
            raise ObjectUnreadable(f"{path} cannot be read: {exc.strerror or exc}") from exc
        with stream:
            yield stream


def find_files(paths: Sequence[Path], stands_for: str = "", dataset: str = "") -> FoundFiles:
    """Return the log files among ``paths`` and in the folders among them, each once, sorted within a folder.

    ``stands_for`` is the address ``s3://bucket/prefix`` that the one path given is a copy of, or empty. With
    ``dataset`` files of a folder that are other logs by their names are passed over. Raises `CollectorError` for a path
    that is not there, and for two files that would be the same object.
    """
    if stands_for and len(paths) != 1:
        raise CollectorError("--as says what one folder or file is a copy of: give one path, and run it for each")
    found = FoundFiles([], [], [], Counter(), set())
    seen = set()
    by_key: Dict[str, Path] = {}
    for given in paths:
        if not given.exists():
            raise CollectorError(f"{given} is not there. Give a log file, or a folder that holds some")
        for path in _files_in(given) if given.is_dir() else [given]:
            identity = path.resolve()
            if identity in seen:
                continue
            seen.add(identity)
            ref = _copy_of(stands_for, given, path) if stands_for else _by_itself(identity)
            kind, called = kind_of(ref.key), passed_over(ref.key, dataset)
            if called and (path is not given or kind.dataset in ("digest", "dead_letters")):
                found.passed_over[called] += 1
                (found.digests if kind.dataset == "digest" else found.others).append(path)
                continue
            _refuse_same_key(by_key.setdefault(ref.key, path), path, ref)
            ref = ref._replace(size_bytes=path.stat().st_size, path=str(identity))
            found.logs.append(LogFile(ref, path))
            if path is given:
                found.given.add(ref)
    return found


def _refuse_same_key(first: Path, path: Path, ref: ObjectRef) -> None:
    if first is not path:
        raise CollectorError(
            f"{first} and {path} would get the same ids, as both are {ref.key}: what is in one of them would be taken "
            "for the other's. Load them apart, with --as s3://bucket/prefix where they are copies of two buckets"
        )


def _copy_of(uri: str, given: Path, path: Path) -> ObjectRef:
    if path is not given:
        return LocalObjects.standing_for(given, uri).ref(path)
    bucket, key = split_uri(uri)
    if key.rpartition("/")[2] == path.name:  # the address of the object itself, not of the folder it is in
        return ObjectRef(bucket, key)
    return LocalObjects.standing_for(given.parent, uri).ref(path)


def _by_itself(path: Path) -> ObjectRef:
    parts = path.parts
    if "AWSLogs" in parts[:-1]:
        parts = parts[len(parts) - 1 - parts[::-1].index("AWSLogs") :]
        return ObjectRef(NO_BUCKET, "/".join(parts))
    return ObjectRef(NO_BUCKET, path.as_posix())


def _files_in(folder: Path) -> Iterable[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path
