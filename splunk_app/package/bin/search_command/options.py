"""What the user typed after a command's name, by a table of what may be typed.

splunkd hands over two lists: ``args``, without the user's quotes, and ``raw_args``, as typed. Which of the two keeps
what in every case is not documented; so a value still in quotes is taken out of them only where both lists agree that
they are the typing's, not the value's: ``query="\\"access denied\\""`` stays a phrase.

A command has a table (spelling in SPL -> option; several spellings may mean one option) and makes its own options of
what `read_options` returns. Those that say which documents are asked about are the same everywhere: `Question`.
"""

from __future__ import annotations

import re
from typing import Collection, Dict, Mapping, NamedTuple, Optional, Sequence, Tuple

from es_bridge.errors import QueryError
from es_bridge.patterns import check_number_and_length
from es_bridge.unmatched import UNKNOWN_FIELDS

PARTIALS = ("fail", "allow")
#: Spelling -> option, of what says which documents are asked about.
QUESTION_NAMES: Mapping[str, str] = {
    "index": "index",
    "query": "query",
    "dsl": "dsl",
    "start_time": "start_time",
    "end_time": "end_time",
    "earliest": "start_time",
    "latest": "end_time",
    "time_field": "time_field",
    "partial": "partial",
    "unknown_fields": "unknown_fields",
    "cluster": "cluster",
}
#: Words that alike are taken for one that is misspelt.
_ALIKE = 0.7


class Question(NamedTuple):
    """Which documents. Empty text means "not given": the cluster's setting or the time picker decides."""

    index: str = ""  # type: ignore[assignment]  # hides tuple.index, which nobody wants here
    query: str = ""
    dsl: str = ""
    start_time: str = ""
    end_time: str = ""
    time_field: str = ""
    partial: str = "fail"
    #: What becomes of a part of the query that can match nothing: ``warn``, ``fail`` or ``ignore``.
    unknown_fields: str = "warn"
    cluster: str = ""
    #: Fields and the values they must have (`es_bridge.equals`).
    equals: str = ""


def read_options(
    args: Sequence[str], raw_args: Optional[Sequence[str]], names: Mapping[str, str], valid: str = "Valid options"
) -> Dict[str, str]:
    """Return option -> value of what is given. ``names``: spelling -> option; ``valid`` introduces them in messages.

    Raises `QueryError`, whose text names what is valid.
    """
    given: Dict[str, str] = {}
    spelt: Dict[str, str] = {}
    for position, arg in enumerate(args):
        name, equals, value = arg.partition("=")
        name = name.strip()
        known = f"{valid}: {', '.join(names)}"
        if not equals:
            raise QueryError(
                f"{arg!r} is not an option: write name=value, with quotes around a value with spaces. {known}"
            )
        if name not in names:
            raise QueryError(f"unknown option {name!r}.{_meant(name, names)} {known}")
        option = names[name]
        if option in given:
            twice = (
                f"{name}= is given twice" if spelt[option] == name else f"{spelt[option]}= and {name}= mean the same"
            )
            raise QueryError(f"{twice}: keep one of them")
        typed = raw_args[position] if raw_args and len(raw_args) == len(args) else arg
        given[option] = _unquoted(value) if typed == arg else value
        spelt[option] = name
    return given


def take_question(given: Dict[str, str]) -> Question:
    """Return the options that say which documents, and take them out of ``given``. Raises `QueryError`."""
    question = Question(**{name: given.pop(name) for name in Question._fields if name in given})
    check_choice("partial", question.partial, PARTIALS)
    check_choice("unknown_fields", question.unknown_fields, UNKNOWN_FIELDS)
    # * is what a dashboard's input has when nobody chose a cluster.
    return question._replace(cluster="") if question.cluster == "*" else question


def check_choice(option: str, value: str, valid: Collection[str]) -> None:
    """Raise `QueryError` for a value that is none of ``valid``."""
    if value not in valid:
        raise QueryError(f"{option}={value} is unknown: use {' or '.join(valid)}")


def count(option: str, value: str, of: str, least: int = 0) -> int:
    """Return a value as a number of something (``of``). Raises `QueryError`."""
    text = value.strip()
    if not re.fullmatch("[0-9]{1,18}", text) or int(text) < least:
        allowed = "use 0 for all, or 1 and more" if least == 0 else f"use {least} and more"
        raise QueryError(f"{option}={text} is not a number of {of}: {allowed}")
    return int(text)


def name_list(option: str, value: str) -> Tuple[str, ...]:
    """Return names separated by commas or spaces. Raises `QueryError` for too many, or too long ones."""
    found = tuple(name for name in re.split(r"[,\s]+", value) if name)
    check_number_and_length(found, f"{option}=", QueryError)
    return found


def _meant(name: str, names: Mapping[str, str]) -> str:
    import difflib  # only for a name that is misspelt

    close = difflib.get_close_matches(name.lower(), names, 1, _ALIKE)
    return f" Did you mean {close[0]!r}?" if close else ""


def _unquoted(value: str) -> str:
    """Return a value without the quotes around it, if there are any, and its escapes resolved."""
    if len(value) >= 2 and value[0] == value[-1] == '"' and re.fullmatch(r'"(?:[^"\\]|\\.)*"', value, re.DOTALL):
        return re.sub(r'\\(["\\])', r"\1", value[1:-1])
    return value
