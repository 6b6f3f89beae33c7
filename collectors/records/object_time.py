"""The time of an object, for records that have none of their own: never without a mark that says so.

Such a record is stored under the time that the object's key says, else under the time the object was last written.
``event.time_from`` then says which (``object_key``, ``object_written``); a record with a time of its own has no such
field. The id of a record does not depend on it.
"""

from __future__ import annotations

import os
from typing import Any, BinaryIO, NamedTuple, Optional

from collectors.records.event_time import EventTime, from_epoch_ms
from collectors.records.key_time import key_period, ms

KEY, WRITTEN = "object_key", "object_written"
_EVENT = ',"event":{'


class ObjectTime(NamedTuple):
    """The time, and the value of ``event.time_from``."""

    time: EventTime
    source: str

    def marked(self, common: str) -> str:
        """Return common fields, as JSON text that begins with ``@timestamp`` and ``event``, with the mark in them."""
        return common.replace(_EVENT, f'{_EVENT}"time_from":"{self.source}",', 1)


def object_time(key: str, written_ms: int) -> Optional[ObjectTime]:
    """Return the time of the object under ``key``, last written at ``written_ms``; None where neither says one."""
    named = key_period(key)
    time = from_epoch_ms(named[0]) if named else None
    if time is not None:
        return ObjectTime(time, KEY)
    time = from_epoch_ms(written_ms) if written_ms > 0 else None
    return ObjectTime(time, WRITTEN) if time is not None else None


def written_ms(stream: BinaryIO) -> int:
    """Return when an open object was last written, in epoch milliseconds: S3's LastModified, or a file's; else 0."""
    moment = getattr(getattr(stream, "raw", None), "last_modified", None)
    if moment is not None:
        return ms(moment)
    try:
        return _file_ms(stream)
    except (OSError, AttributeError, ValueError):  # a stream in memory
        return 0


def _file_ms(stream: Any) -> int:
    return int(os.fstat(stream.fileno()).st_mtime) * 1000
