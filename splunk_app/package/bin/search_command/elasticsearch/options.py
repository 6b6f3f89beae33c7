"""What the user typed after ``| elasticsearch``, checked."""

from __future__ import annotations

from typing import NamedTuple, Optional, Sequence, Tuple

from search_command.options import Question, check_choice, count, name_list, read_options, take_question

OUTPUTS = ("fields", "raw")
DEFAULT_SIZE = 10_000

#: Spelling in SPL -> option.
NAMES = {
    "index": "index",
    "query": "query",
    "dsl": "dsl",
    "equals": "equals",
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


class CommandOptions(NamedTuple):
    """One call of the command. Empty text means "not given"."""

    question: Question = Question()
    #: Most events; 0 means all.
    size: int = DEFAULT_SIZE
    #: Columns to extract, ``*`` as wildcard; empty: all.
    fields: Tuple[str, ...] = ()
    output: str = "fields"
    sourcetype: str = ""
    #: Whether the user gave ``size`` himself.
    size_is_given: bool = False


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> CommandOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    given = read_options(args, raw_args, NAMES)
    size_is_given = "size" in given
    size = count("size", given.pop("size", str(DEFAULT_SIZE)), "events")
    fields = name_list("fields", given.pop("fields", ""))
    if "output" in given:
        check_choice("output", given["output"], OUTPUTS)
    return CommandOptions(take_question(given), size, fields, size_is_given=size_is_given, **given)
