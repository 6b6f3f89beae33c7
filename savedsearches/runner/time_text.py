"""Times as text and back, with the variables of ``strftime`` and ``strptime`` that Splunk's manual lists.

https://help.splunk.com/en/splunk-enterprise/search/spl-search-reference/10.0/time-format-variables-and-modifiers/date-and-time-format-variables
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Match, Optional

from savedsearches.runner.errors import SplSyntaxError

#: Variables that Python's own functions know by the same letter and meaning.
_SAME = set("YmdHMSbBaAIpjywzZ%e")
_VARIABLE = re.compile(r"%(?:([0-9])([NQ])|(.))", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def format_time(local: datetime, pattern: str) -> str:
    """Return a time as text. Raises `SplSyntaxError` for a variable that the runner does not have."""

    def put(match: Match[str]) -> str:
        digits, subsecond, letter = match.groups()
        if subsecond or letter in ("N", "Q"):
            wanted = int(digits or (9 if (subsecond or letter) == "N" else 3))
            return f"{local.microsecond:06d}000"[:wanted]
        if letter == "F":
            return local.strftime("%Y-%m-%d")
        if letter == "T":
            return local.strftime("%H:%M:%S")
        if letter == "s":
            return str(int((local - _EPOCH).total_seconds()))
        if letter in _SAME:
            return local.strftime(f"%{letter}")
        raise SplSyntaxError(f"strftime: the runner does not have %{letter}")

    return _VARIABLE.sub(put, pattern)


def parse_time_text(text: str, pattern: str, zone: tzinfo) -> Optional[float]:
    """Return epoch seconds, or ``None`` where the text is not of that form. ``zone`` is of texts that name none."""
    letters = [match.group(2) or match.group(3) for match in _VARIABLE.finditer(pattern)]
    for letter in letters:
        if letter not in _SAME | {"F", "T", "s", "N", "Q"} or letter in "ey":
            raise SplSyntaxError(f"strptime: the runner does not have %{letter}")
    if letters == ["s"]:
        return float(text) if re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) else None
    if "s" in letters:
        raise SplSyntaxError("strptime: %s stands alone")
    python = _VARIABLE.sub(
        lambda match: {"F": "%Y-%m-%d", "T": "%H:%M:%S", "N": "%f", "Q": "%f"}.get(
            match.group(2) or match.group(3), match.group()
        ),
        pattern,
    )
    try:
        parsed = datetime.strptime(re.sub(r"(?<=\.)([0-9]{6})[0-9]+", r"\1", text), python)
    except ValueError:
        return None
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=zone)
    return (parsed - _EPOCH) / timedelta(seconds=1)
