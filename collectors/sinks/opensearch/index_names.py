"""How the indices of a log are called: one for each day of the events' own time, in UTC. Nothing else names one."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from collectors.records.record import Record
from collectors.sources.registry import LOGS

DAY_MS = 86_400_000
_1970 = date(1970, 1, 1).toordinal()


def index_of(record: Record) -> str:
    """Return the index of a record, such as ``aws-waf-2026.11.21``."""
    return _on(record.dataset, record.time_ms // DAY_MS)


def daily_index(dataset: str, day: date) -> str:
    """Return the index of a log's events of one day."""
    return _on(dataset, day.toordinal() - _1970)


def all_indices(dataset: str) -> str:
    """Return the pattern of all indices of a log."""
    return LOGS[dataset].index_prefix + "*"


@lru_cache(maxsize=4096)
def _on(dataset: str, day: int) -> str:
    # Not with strftime, which leaves out the zeros of a year before 1000 on some platforms.
    return LOGS[dataset].index_prefix + date.fromordinal(_1970 + day).isoformat().replace("-", ".")
