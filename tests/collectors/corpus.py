"""Objects of all four logs, small and many, for the tests of messages; with what their documents must be called."""

from __future__ import annotations

from typing import List, NamedTuple

from aws_bridge.object_ref import ObjectRef
from tests.account import BUCKET
from tests.collectors.four_logs import ids_of, logs_of
from tests.collectors.one_store import DAY

LOGS = [log for log in logs_of(DAY) if not log.name.endswith(".parquet")]


class LogFile(NamedTuple):
    """One object of the bucket: what it holds and the ids of its records, in order."""

    dataset: str
    key: str
    content: bytes
    ids: List[str]


def log_file(number: int, records: int) -> LogFile:
    """Return file ``number``; the four logs take turns."""
    log, first = LOGS[number % len(LOGS)], number * 100_000
    key = f"{log.folder}/{log.name.format(f'{number:016d}')}"
    return LogFile(log.dataset, key, log.content(first, records), ids_of(log, ObjectRef(BUCKET, key), first, records))
