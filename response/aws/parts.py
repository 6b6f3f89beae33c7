"""Changes that are written down before they are made: objects of S3, each written once, in the order of their numbers.

What a later run of the same incident changes beside it, such as a key that was made meanwhile, is the next object.

Needs ``s3:PutObject`` and ``s3:GetObject`` on ``<bucket>/saved-state/*``, and ``s3:ListBucket`` with that prefix.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional, Sequence, Union

from aws_bridge.accounts.area import Area
from response.aws.saved_state import Incident
from response.aws.written_once import as_bytes, read_if_there, write_once
from response.core.change import Change
from response.core.reversal import from_json, to_json, unrecorded
from response.core.target import Subject, Target
from response.errors import StateDiffers

_PAGES = {"NextContinuationToken": "ContinuationToken"}
#: Parts of one incident: more is a loop that does not end.
_MOST = 1_000
_RELEASED = "released"


class Parts:
    """The changes to one subject. Those of an instance's credentials are apart from its isolation's saved state."""

    def __init__(self, area: Area, bucket: str, subject: Union[Subject, Target]) -> None:
        """``area``: whose the bucket is, and where it is."""
        self._area = area
        self._bucket = bucket
        name = f"{subject.instance}.credentials" if isinstance(subject, Target) else subject.name
        self._folder = f"saved-state/{subject.account}/{subject.region or 'global'}/{name}"

    def load(self, incident: str) -> List[Change]:
        """Return what is written down of an incident. Raises `StateDiffers`, `aws_bridge.errors.CallProblem`."""
        found: List[Change] = []
        for number in range(1, _MOST):
            part = self._read(f"{incident}.{number}")
            if part is None:
                return found
            found += from_json(part.get("changes"))
        raise StateDiffers(f"{incident} has more than {_MOST:,} saved states")

    def add(self, incident: str, changes: Sequence[Change]) -> List[Change]:
        """Write down what is about to be changed, unless its first state is written down; return all that is.

        Raises `aws_bridge.errors.CallProblem`: then nothing must be changed.
        """
        for number in range(1, _MOST):
            known = self.load(incident)
            new = unrecorded(changes, known)
            if not new:
                return known
            # Of two writers of the same number one is first, and the other looks again.
            self._write(f"{incident}.{self._next(incident, number)}", {"incident": incident, "changes": to_json(new)})
        raise StateDiffers(f"the saved state of {incident} cannot be written")

    def released(self, incident: str) -> None:
        """Note, once, that everything is as it was."""
        self._write(f"{incident}.{_RELEASED}", {"incident": incident})

    def is_released(self, incident: str) -> bool:
        """Whether everything was put back."""
        return self._read(f"{incident}.{_RELEASED}") is not None

    def incidents(self) -> List[Incident]:
        """Return the incidents with saved states, the oldest first."""
        start = f"{self._folder}/"
        listed = self._area.each("s3", "ListObjectsV2", "Contents", _PAGES, Bucket=self._bucket, Prefix=start)
        names = [
            key[len(start) : -len(".json")] for _, key in sorted((each["LastModified"], each["Key"]) for each in listed)
        ]
        over = {name[: -len(_RELEASED) - 1] for name in names if name.endswith(f".{_RELEASED}")}
        return [Incident(name[:-2], name[:-2] in over) for name in names if name.endswith(".1")]

    def _next(self, incident: str, least: int) -> int:
        number = least
        while self._read(f"{incident}.{number}") is not None:
            number += 1
        return number

    def _read(self, name: str) -> Optional[Dict[str, Any]]:
        body = read_if_there(self._area, self._bucket, self._key(name))
        if body is None:
            return None
        try:
            found = json.loads(body)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise StateDiffers(f"the saved state {name} of {self._folder} is no record")
        return found

    def _write(self, name: str, record: Dict[str, Any]) -> None:
        write_once(self._area, self._bucket, self._key(name), as_bytes(record))

    def _key(self, name: str) -> str:
        return f"{self._folder}/{name}.json"
