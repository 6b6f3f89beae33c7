"""Times of the story: whole seconds inside, the notations of AWS's records outside."""

from __future__ import annotations

from datetime import datetime, timezone
from functools import lru_cache


@lru_cache(maxsize=1024)
def iso(time_s: int) -> str:
    """Return epoch seconds as CloudTrail writes them: ``2026-11-21T04:53:00Z``."""
    return datetime.fromtimestamp(time_s, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def iso_ms(time_ms: int) -> str:
    """Return epoch milliseconds as findings have them: ``2026-11-21T04:53:00.123Z``."""
    return f"{iso(time_ms // 1000)[:-1]}.{time_ms % 1000:03d}Z"


@lru_cache(maxsize=1024)
def american(time_s: int) -> str:
    """Return epoch seconds as some services write them inside their answers: ``Nov 21, 2026, 4:53:00 AM``."""
    moment = datetime.fromtimestamp(time_s, timezone.utc)
    return f"{moment:%b} {moment.day}, {moment.year}, {moment.hour % 12 or 12}:{moment:%M:%S %p}"
