"""Times as the services write them."""

from __future__ import annotations

import functools
from datetime import datetime, timedelta, timezone


@functools.lru_cache(maxsize=100_000)
def parse(text: str) -> datetime:
    """Return an ISO 8601 time. Raises ValueError."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def iso(when: datetime) -> str:
    """Return it with milliseconds, in UTC, as findings have it."""
    return f"{when.astimezone(timezone.utc):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def later(text: str, milliseconds: int) -> str:
    """Return an ISO time so much later."""
    return iso(parse(text) + timedelta(milliseconds=milliseconds))


@functools.lru_cache(maxsize=100_000)
def epoch_ms(text: str) -> int:
    """Return the milliseconds since 1970 of an ISO time."""
    when = parse(text)
    return int(when.timestamp()) * 1000 + when.microsecond // 1000


def now() -> str:
    """Return the present, as findings have it."""
    return iso(datetime.now(timezone.utc))
