"""Which files of a folder are logs to load, told by the key AWS gives them and by their name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Iterable, List, NamedTuple

from collectors.errors import CollectorError

#: Digests are signatures over log files, one folder beside them:
#: https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
DIGEST_MARKS = ("/CloudTrail-Digest/", "_CloudTrail-Digest_")
#: In a folder only these are opened; a file named on the command line always is.
LOG_SUFFIXES = (".json", ".json.gz", ".gz")


class LogFile(NamedTuple):
    """One file to load, with its size in bytes as it is on disk."""

    path: Path
    size_bytes: int


class FoundFiles(NamedTuple):
    """What a search for log files found."""

    logs: List[LogFile]
    #: CloudTrail digests: known, and nothing to load.
    digests: List[Path]
    #: By their names no log files.
    others: List[Path]


def find_files(paths: Iterable[Path]) -> FoundFiles:
    """Return the log files among ``paths`` and in the folders among them, each once, sorted within a folder.

    AWS's keys begin with the date, so sorted is oldest first. Raises `CollectorError` for a path that is not there.
    """
    found = FoundFiles([], [], [])
    seen = set()
    for given in paths:
        if not given.exists():
            raise CollectorError(f"{given} is not there. Give a log file, or a folder that holds some")
        for path in _files_in(given) if given.is_dir() else [given]:
            identity = path.resolve()
            if identity in seen:
                continue
            seen.add(identity)
            if any(mark in path.as_posix() for mark in DIGEST_MARKS):
                found.digests.append(path)
            elif path is given or path.name.endswith(LOG_SUFFIXES):
                found.logs.append(LogFile(path, path.stat().st_size))
            else:
                found.others.append(path)
    return found


def _files_in(folder: Path) -> Iterable[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():
                yield path
