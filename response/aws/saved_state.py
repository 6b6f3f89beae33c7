"""How an instance was before the first change: an object of S3 that is written once and never again.

Needs ``s3:PutObject`` and ``s3:GetObject`` on ``<bucket>/saved-state/*``, and ``s3:ListBucket`` with that prefix.
"""

from __future__ import annotations

import json
from typing import List, NamedTuple, Optional

from aws_bridge.accounts.area import Area
from response.aws.written_once import as_bytes, read_if_there, write_once
from response.core.instance import Instance, from_json, to_json
from response.core.target import Target
from response.errors import StateDiffers

_PAGES = {"NextContinuationToken": "ContinuationToken"}


_END, _RELEASED = ".json", ".released.json"


class Incident(NamedTuple):
    """One incident of an instance."""

    id: str
    #: Whether the instance was put back since.
    released: bool


class SavedStates:
    """The records of one bucket."""

    def __init__(self, area: Area, bucket: str) -> None:
        """``area``: whose the bucket is, and where it is; not where the instance is."""
        self.area = self._area = area
        self._bucket = bucket

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self._bucket

    def save(self, incident: str, instance: Instance) -> Instance:
        """Write the record of an incident unless there is one; return the one that is there. Raises `CallProblem`."""
        record = as_bytes({"incident": incident, "instance": to_json(instance)})
        if write_once(self._area, self._bucket, _key(instance.target, incident), record):
            return instance
        found = self.load(instance.target, incident)
        if found is None:
            raise StateDiffers(f"the saved state is there and cannot be read: {_key(instance.target, incident)}")
        return found

    def incidents(self, target: Target) -> List[Incident]:
        """Return the incidents with a record of an instance, the oldest first."""
        start = _key(target, "")[: -len(_END)]
        listed = self._area.each("s3", "ListObjectsV2", "Contents", _PAGES, Bucket=self._bucket, Prefix=start)
        names = [key[len(start) :] for _, key in sorted((each["LastModified"], each["Key"]) for each in listed)]
        saved = [name[: -len(_END)] for name in names if name.endswith(_END) and not name.endswith(_RELEASED)]
        return [Incident(each, f"{each}{_RELEASED}" in names) for each in saved]

    def saved_at(self, target: Target, incident: str) -> Optional[float]:
        """Return when the state was saved, just before the first change, in epoch seconds; None without one."""
        key = _key(target, incident)
        found = self._area.each("s3", "ListObjectsV2", "Contents", _PAGES, Bucket=self.bucket, Prefix=key)
        return next((each["LastModified"].timestamp() for each in found if each["Key"] == key), None)

    def released(self, target: Target, incident: str) -> None:
        """Note, once, that an instance is as it was saved, so that the next isolation is another incident."""
        key = _key(target, incident)[: -len(_END)] + _RELEASED
        write_once(self._area, self._bucket, key, as_bytes({"incident": incident}))

    def load(self, target: Target, incident: str) -> Optional[Instance]:
        """Return the record of an incident, or nothing. Raises `StateDiffers` for one of another instance."""
        body = read_if_there(self._area, self._bucket, _key(target, incident))
        if body is None:
            return None
        try:
            found = from_json(json.loads(body)["instance"])
        except (ValueError, KeyError, TypeError) as exc:
            raise StateDiffers(f"the saved state of {incident} is no record of an instance: {exc!r}") from exc
        if found.target != target:
            raise StateDiffers(f"the saved state of {incident} is of {found.target}, not of {target}")
        return found


def _key(target: Target, incident: str) -> str:
    return f"saved-state/{target.account}/{target.region}/{target.instance}/{incident}{_END}"
