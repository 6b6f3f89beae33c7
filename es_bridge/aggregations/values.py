"""An engine's keys and numbers as the texts that ``| elasticsearch`` would give, and how SPL compares them."""

from __future__ import annotations

import math
import re
import struct
from typing import Any, List, Optional, Tuple, Union

from es_bridge.times import format_utc

Number = Union[int, float]
Value = Union[str, int, float, List[str]]

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
#: Beyond it a double, which engines compute with, does not hold every whole number.
LARGEST_EXACT = 2**53
_PACKED = {"float": "f", "half_float": "e"}


def number(value: Any) -> Optional[Number]:
    """Return the number a value is or looks like."""
    if isinstance(value, (int, float)):
        return value
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    try:
        return int(value)
    except ValueError:
        return float(value)


def tidy(value: Number) -> Number:
    """Return an engine's number, which comes as a double, as a whole one where it is one."""
    if isinstance(value, float) and math.isfinite(value) and value == math.floor(value) and abs(value) < LARGEST_EXACT:
        return int(value)
    return value


def text_of(value: Any) -> str:
    """Return a single value as text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(tidy(value)) if math.isfinite(value) else repr(value)
    return str(value)


def float_text(value: float, kind: str) -> str:
    """Return the shortest text of a number that is stored with less than 64 bits: 0.1, not 0.10000000149011612."""
    packed = _PACKED.get(kind)
    if packed and math.isfinite(value):
        for digits in range(1, 10):
            short = float(f"{value:.{digits}g}")
            try:
                if struct.pack(packed, short) == struct.pack(packed, value):
                    return text_of(short)
            except (OverflowError, struct.error):
                break
    return text_of(float(value))


def iso_text(ms: Number) -> str:
    """Return an instant as ISO 8601 in UTC, with milliseconds where there are any."""
    text = format_utc(int(ms // 1))
    return text.replace(".000Z", "Z")


def epoch_text(ms: Number) -> str:
    """Return an instant as ``_time`` has it: seconds with three decimals."""
    whole = int(ms // 1)
    sign = "-" if whole < 0 else ""
    return f"{sign}{abs(whole) // 1000}.{abs(whole) % 1000:03d}"


def compare(left: Any, right: Any) -> int:
    """Return -1, 0 or 1: two numbers compare as numbers, anything else as text."""
    one, other = number(left), number(right)
    if one is not None and other is not None:
        return (one > other) - (one < other)
    a, b = text_of(left), text_of(right)
    return (a > b) - (a < b)


def order_key(value: Any) -> Tuple[int, Number, str]:
    """Return what to sort by: numbers first, as numbers, then texts; of several values the first."""
    if isinstance(value, list):
        value = value[0]
    found = number(value)
    return (1, 0, text_of(value)) if found is None else (0, found, "")
