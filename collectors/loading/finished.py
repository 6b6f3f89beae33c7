"""What of a long work is done, kept so that the work goes on after Ctrl-C or ``kill -9`` where it was.

The file is a line of JSON that says which work it is, and then a line of 16 characters for each object that is done:
appended with one write after the object's last record was confirmed, so what is in the file is done. A line that was
cut by the end of the process is taken away at the next start, and its object is done again, which stores nothing twice.
17 bytes an object: a million objects are 17 MB, and about 100 MB of memory.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import stat
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Mapping, Set

from collectors.errors import CollectorError

FORMAT = 1
_LINE_BYTES = 17


class Finished:
    """The finished objects of one work, in a file; used by one process at a time and from one thread.

    ``subject`` is all that must be the same for an object to count as done: what is loaded, and where to. Raises
    `CollectorError` when the file belongs to another work, is in use, or cannot be read and written.
    """

    def __init__(self, path: Path, subject: Mapping[str, str]) -> None:
        self.path = path
        self._done: Set[bytes] = set()
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as exc:
            raise self._unwritable(exc) from exc
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._read(json.dumps({"format": FORMAT, **subject}, sort_keys=True).encode() + b"\n")
        except BlockingIOError:
            os.close(self._file)
            raise CollectorError(f"the same work is under way in another process: it holds {path}") from None
        except OSError as exc:
            os.close(self._file)
            raise self._unwritable(exc) from exc
        except BaseException:
            os.close(self._file)
            raise

    def _read(self, header: bytes) -> None:
        if not stat.S_ISREG(os.fstat(self._file).st_mode):  # a device such as /dev/full never ends
            raise OSError(errno.EINVAL, "it is no regular file")
        with os.fdopen(os.dup(self._file), "rb") as file:
            found = file.readline(len(header))
            if not header.startswith(found):
                raise CollectorError(
                    f"the state file {self.path} is of another work: {found.decode('utf-8', 'replace').strip()}. Give "
                    "--state another file, or the same arguments as then"
                )
            if found != header:  # new, or its first line was cut
                os.ftruncate(self._file, 0)
                self._write(header)
                return
            lines = file.read()
        whole = len(lines) - len(lines) % _LINE_BYTES
        os.ftruncate(self._file, len(header) + whole)
        self._done.update(lines[start : start + _LINE_BYTES - 1] for start in range(0, whole, _LINE_BYTES))

    def __len__(self) -> int:
        return len(self._done)

    def __contains__(self, name: str) -> bool:
        return _mark(name) in self._done

    def add(self, name: str) -> None:
        """Write down that the object of this name is done. Raises `CollectorError` when the disk is full."""
        mark = _mark(name)
        try:
            self._write(mark + b"\n")
        except OSError as exc:
            raise self._unwritable(exc) from exc
        self._done.add(mark)

    def _write(self, line: bytes) -> None:
        written = os.write(self._file, line)
        if written < len(line):  # what a disk still had room for: taken back, so that lines after it stay whole
            os.ftruncate(self._file, os.fstat(self._file).st_size - written)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _unwritable(self, exc: OSError) -> CollectorError:
        return CollectorError(f"the state file {self.path} cannot be written: {exc.strerror}. Give --state FILE")

    def remove(self) -> None:
        """Forget everything: the work is done."""
        self.path.unlink()

    def close(self) -> None:
        """Let another process go on with it."""
        os.close(self._file)


def default_path(subject: Mapping[str, str]) -> Path:
    """Return the file of this work in the user's cache folder (XDG)."""
    digest = hashlib.sha256(json.dumps(subject, sort_keys=True).encode()).hexdigest()[:24]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "aws-siem-bridge" / "backfill" / f"{digest}.state"


def _mark(name: str) -> bytes:
    return urlsafe_b64encode(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:12])
