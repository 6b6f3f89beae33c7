"""Values of fields: text, numbers, lists of text (multivalue); a field without a value is not in its row.

Numbers stay numbers from one ``eval`` to the next; everything that comes from outside is text, and text that looks like
a number counts as one where SPL compares or computes.
"""

from __future__ import annotations

import math
import re
from functools import cmp_to_key
from typing import Any, Dict, List, Optional, Tuple, Union

Number = Union[int, float]
Value = Union[str, int, float, List[str]]
Row = Dict[str, Value]

_NUMBER = re.compile(r"\s*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\s*")
#: Up to here a whole float is written without a fraction and without an exponent.
_LARGEST_WHOLE = 1e15


def number(value: Optional[Any]) -> Optional[Number]:
    """Return the number a value is or looks like; ``None`` for any other, and for lists of several."""
    if type(value) is str and value.isdecimal() and value.isascii():  # most numbers, without a regular expression
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, list):
        return number(value[0]) if len(value) == 1 else None
    if value is None or not _NUMBER.fullmatch(value):
        return None
    try:
        return int(value)
    except ValueError:
        return float(value)


def text(value: Any) -> str:
    """Return a single value as Splunk would show it."""
    if type(value) is str:
        return value
    if isinstance(value, float):
        if value == math.floor(value) and abs(value) < _LARGEST_WHOLE:
            return str(int(value))
        return repr(value)
    return str(value)


def texts(value: Optional[Value]) -> List[str]:
    """Return the values of a field as a list of texts; none for a field without a value."""
    if type(value) is str:
        return [value]
    if value is None:
        return []
    return value if isinstance(value, list) else [text(value)]


def single(values: List[str]) -> Optional[Value]:
    """Return a list as a field holds it: nothing, one text, or several."""
    if not values:
        return None
    return values[0] if len(values) == 1 else values


def put(row: Row, name: str, value: Optional[Value]) -> None:
    """Set a field, or take it away where there is no value."""
    if value is None or value == []:
        row.pop(name, None)
    elif isinstance(value, list) and len(value) == 1:
        row[name] = value[0]
    else:
        row[name] = value


def compare(left: Value, right: Value) -> int:
    """Return -1, 0 or 1: two numbers compare as numbers, anything else as text."""
    left_number, right_number = number(left), number(right)
    if left_number is not None and right_number is not None:
        return (left_number > right_number) - (left_number < right_number)
    left_text, right_text = text(left), text(right)
    return (left_text > right_text) - (left_text < right_text)


def group_key(values: Tuple[str, ...]) -> Any:
    """Return what groups are ordered by: each field as number where two are numbers, else as text."""
    return tuple(_AS_VALUES(value) for value in values)


_AS_VALUES = cmp_to_key(compare)
