"""The time range of one call: options first, the time picker for the side that was not given."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from es_bridge import times
from es_bridge.errors import TimeError
from search_command.options import Question

_NEEDS_NO_ZONE = r"(?s)\s*(now.*|[0-9.]+)\s*"


def time_range(
    question: Question, picker: Tuple[str, str], now_ms: int, zone_name: str
) -> Tuple[Optional[int], Optional[int]]:
    """Return (earliest, latest) in epoch milliseconds, None for unbounded. ``zone_name``: the user's time zone.

    Raises `TimeError`.
    """
    bounds = []
    for given, picked, name in (
        (question.start_time, picker[0], "start_time"),
        (question.end_time, picker[1], "end_time"),
    ):
        if given:
            zone = times.zone_named("UTC" if re.fullmatch(_NEEDS_NO_ZONE, given) else zone_name)
            try:
                bounds.append(times.parse_time(given, now_ms=now_ms, zone=zone))
            except TimeError as exc:
                raise TimeError(f"{name}: {exc}") from None
        else:
            bounds.append(picked_time(picked))
    earliest, latest = bounds
    if earliest is not None and latest is not None and earliest >= latest:
        raise TimeError(
            f"the time range is empty: it starts at {times.format_utc(earliest)} ({_origin(question.start_time)}) and "
            f"ends at {times.format_utc(latest)} ({_origin(question.end_time)})"
        )
    return earliest, latest


def utc_notes(question: Question, now_ms: int, zone_name: str) -> List[str]:
    """Return what a user of another time zone should know of times that are rounded in UTC."""
    given = [
        text for text in (question.start_time, question.end_time) if "/" in text and text.strip().startswith("now")
    ]
    if not given:
        return []
    try:
        zone = times.zone_named(zone_name)
    except TimeError:  # nothing else in this search needs it
        return []
    notes = [times.rounded_in_utc(text, now_ms=now_ms, zone=zone) for text in given]
    return [note for note in dict.fromkeys(notes) if note]


def picked_time(text: str) -> Optional[int]:
    """Return the picker's time, epoch seconds as text, in milliseconds; finer fractions count up on both sides."""
    text = text.strip()
    if text in ("", "0"):
        return None
    from decimal import ROUND_CEILING, Decimal, InvalidOperation  # here, because imports delay the first row

    try:
        seconds = Decimal(text)
    except InvalidOperation:
        raise TimeError(
            f"the time picker says {text!r}, which is not a fixed time: real-time searches are not supported"
        ) from None
    return int((seconds * 1000).to_integral_value(ROUND_CEILING)) if seconds else None


def _origin(option: str) -> str:
    return f"from {option!r}" if option else "from the time picker"
