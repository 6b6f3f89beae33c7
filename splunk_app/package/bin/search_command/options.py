"""What the user typed after ``| elasticsearch``, checked.

splunkd hands over two lists: ``args``, without the user's quotes, and ``raw_args``, as typed. Which of the two keeps
what in every case is not documented; so a value still in quotes is taken out of them only where both lists agree that
they are the typing's, not the value's: ``query="\\"access denied\\""`` stays a phrase.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Dict, Optional, Sequence, Tuple

from es_bridge.errors import QueryError
from es_bridge.patterns import check_number_and_length
from es_bridge.unmatched import UNKNOWN_FIELDS

OUTPUTS = ("fields", "raw")
PARTIALS = ("fail", "allow")
DEFAULT_SIZE = 10_000

#: Spelling in SPL -> field of `CommandOptions`.
NAMES = {
    "index": "index",
    "query": "query",
    "dsl": "dsl",
    "size": "size",
    "start_time": "start_time",
    "end_time": "end_time",
    "earliest": "start_time",
    "latest": "end_time",
    "fields": "fields",
    "output": "output",
    "time_field": "time_field",
    "sourcetype": "sourcetype",
    "partial": "partial",
    "unknown_fields": "unknown_fields",
    "cluster": "cluster",
}


@dataclass(frozen=True)
class CommandOptions:
    """One call of the command. Empty text means "not given": the cluster's setting or the time picker decides."""

    index: str = ""
    query: str = ""
    dsl: str = ""
    #: Most events; 0 means all.
    size: int = DEFAULT_SIZE
    start_time: str = ""
    end_time: str = ""
    #: Columns to extract, ``*`` as wildcard; empty: all.
    fields: Tuple[str, ...] = ()
    output: str = "fields"
    time_field: str = ""
    sourcetype: str = ""
    partial: str = "fail"
    #: What becomes of a part of the query that can match nothing: ``warn``, ``fail`` or ``ignore``.
    unknown_fields: str = "warn"
    cluster: str = ""
    #: Whether the user gave ``size`` himself.
    size_is_given: bool = field(default=False, compare=False)


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> CommandOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    given: Dict[str, str] = {}
    spelt: Dict[str, str] = {}
    for position, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        name = name.strip()
        if not equals:
            raise QueryError(
                f"{arg!r} is not an option: write name=value, with quotes around a value with spaces. {_valid()}"
            )
        if name not in NAMES:
            raise QueryError(f"unknown option {name!r}. {_valid()}")
        option = NAMES[name]
        if option in given:
            twice = (
                f"{name}= is given twice" if spelt[option] == name else f"{spelt[option]}= and {name}= mean the same"
            )
            raise QueryError(f"{twice}: keep one of them")
        typed = raw_args[position] if raw_args and len(raw_args) == len(args) else arg
        given[option] = _unquoted(value) if typed == arg else value
        spelt[option] = name
    size_is_given = "size" in given
    size = given.pop("size", str(DEFAULT_SIZE)).strip()
    if not re.fullmatch("[0-9]{1,18}", size):
        raise QueryError(f"size={size} is not a number of events: use 0 for all, or 1 and more")
    fields = tuple(name for name in re.split(r"[,\s]+", given.pop("fields", "")) if name)
    check_number_and_length(fields, "fields=", QueryError)
    for option, valid in (("output", OUTPUTS), ("partial", PARTIALS), ("unknown_fields", UNKNOWN_FIELDS)):
        if option in given and given[option] not in valid:
            raise QueryError(f"{option}={given[option]} is unknown: use {' or '.join(valid)}")
    return CommandOptions(size=int(size), size_is_given=size_is_given, fields=fields, **given)


def _valid() -> str:
    return f"Valid options: {', '.join(NAMES)}"


def _unquoted(value: str) -> str:
    """Return a value without the quotes around it, if there are any, and its escapes resolved."""
    if len(value) >= 2 and value[0] == value[-1] == '"' and re.fullmatch(r'"(?:[^"\\]|\\.)*"', value, re.DOTALL):
        return re.sub(r'\\(["\\])', r"\1", value[1:-1])
    return value
