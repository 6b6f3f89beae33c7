"""Hashes the objects of an incident as long as there is time, and goes on where it was when it is called again.

What is hashed is noted below ``progress/`` of the bucket: of a large object each part. Two of these at once over the
same objects note both what they have; a version of an object that is hashed twice has the same hash.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any, Callable, Dict, List, NamedTuple, Tuple

from aws_bridge.errors import CallRejected
from response.aws.evidence import EvidenceStore, Found
from response.core.budget import Budget
from response.errors import StillRunning

#: How long the hashes of a large object are taken as they are, so that a second archive does not read it all again.
_KNOWN_FOR = timedelta(days=1)
_NOT_THERE = "NoSuchKey"


class Hashed(NamedTuple):
    """The hash of an object. A large one has ``parts``, and ``sha256`` only where it was read in one go."""

    version: str
    sha256: str
    bytes: int
    parts: Tuple[str, ...] = ()


class Hashing:
    """What is hashed of one incident, for one step."""

    def __init__(
        self, store: EvidenceStore, step: str, budget: Budget, part_bytes: int, now: Callable[[], datetime]
    ) -> None:
        """``part_bytes``: objects above are hashed in parts of that size. Raises `aws_bridge.errors.CallProblem`."""
        self._store = store
        self._step = step
        self._budget = budget
        self._part_bytes = part_bytes
        self._now = now
        self._known = self._before()
        self._any = False

    def of(self, about: Found, version: str) -> Hashed:
        """Return the hash of an object. Raises `StillRunning` when time is over, `CallProblem`, `BadEvidence`."""
        place = f"{about.key[len(self._store.folder) :]}|{version}|{about.stored.isoformat()}"
        if about.bytes > self._part_bytes:
            return self._in_parts(place, about, version)
        known = self._known.get(place)
        if not isinstance(known, list):
            if self._is_time_over():
                self.note()
                raise StillRunning(f"{len(self._known)} objects are hashed: call again")
            try:
                read = self._store.read_back(about.key, version)
            except Exception:
                # What is hashed is not read again by who comes next.
                if self._any:
                    self.note()
                raise
            self._known[place] = known = [read.version, read.sha256, read.bytes]
            self._any = True
        return Hashed(known[0], known[1], known[2])

    def _in_parts(self, place: str, about: Found, version: str) -> Hashed:
        size = self._part_bytes
        known = self._known.get(place)
        if not isinstance(known, dict) or known.get("part_bytes") != size:
            known = {"version": version, "etag": "", "bytes": about.bytes, "part_bytes": size, "parts": []}
        whole = None if known["parts"] else hashlib.sha256()
        many = -(-int(known["bytes"]) // size)
        while len(known["parts"]) < many:
            done = len(known["parts"])
            if self._is_time_over():
                self.note()
                raise StillRunning(f"{done} of {many} parts of {about.key} are hashed: call again")
            part = self._store.read_part(about.key, done * size, size, known["version"], known["etag"], whole)
            many = -(-part.of_bytes // size)
            known = {
                "version": part.version, "etag": part.etag, "bytes": part.of_bytes, "part_bytes": size,
                "parts": [*known["parts"], part.sha256], "at": self._now().timestamp(),
            }  # fmt: skip
            self._known[place] = known
            self._any = True
            self.note()
        sha256 = whole.hexdigest() if whole and many else ""
        return Hashed(known["version"], sha256, int(known["bytes"]), tuple(known["parts"]))

    def note(self) -> None:
        """Note what is hashed, beside what somebody else has noted meanwhile."""
        for place, theirs in self._before().items():
            ours = self._known.get(place)
            if not isinstance(ours, dict) or (isinstance(theirs, dict) and _further(theirs, ours)):
                self._known[place] = theirs
        self._write(self._known)

    def done(self) -> None:
        """Forget what was hashed, as all of it is in a manifest; of large objects it is known for a day."""
        noted = self._before()
        if noted:
            large = {place: known for place, known in {**noted, **self._known}.items() if isinstance(known, dict)}
            if large != noted:
                self._write(large)

    def _is_time_over(self) -> bool:
        # Whatever the time is, each call comes further.
        return self._any and self._budget.is_over

    def _before(self) -> Dict[str, Any]:
        try:
            found = json.loads(self._store.read_progress(self._step))
        except CallRejected as exc:
            if _NOT_THERE not in str(exc):
                raise
            return {}
        except ValueError:
            return {}
        known = found if isinstance(found, dict) else {}
        oldest = (self._now() - _KNOWN_FOR).timestamp()
        return {
            place: each
            for place, each in known.items()
            if isinstance(each, list) or (isinstance(each, dict) and each.get("at", 0) >= oldest)
        }

    def _write(self, known: Dict[str, Any]) -> None:
        self._store.write_progress(self._step, json.dumps(known).encode())


def _further(theirs: Dict[str, Any], ours: Dict[str, Any]) -> bool:
    """Return whether somebody else has hashed more parts of the same bytes."""
    same = ("version", "etag", "part_bytes")
    return all(theirs.get(name) == ours.get(name) for name in same) and _many(theirs) > _many(ours)


def _many(known: Dict[str, Any]) -> int:
    parts: List[str] = known.get("parts") or []
    return len(parts)
