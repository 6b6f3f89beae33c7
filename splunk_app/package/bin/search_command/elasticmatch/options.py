"""What the user typed after ``| elasticmatch``, checked as far as that needs no knowledge of aggregations."""

from __future__ import annotations

import re
from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from es_bridge.errors import QueryError
from search_command.options import QUESTION_NAMES, Question, read_options, take_question

#: Spelling in SPL -> option.
NAMES: Dict[str, str] = {
    "index": "index",
    "match": "match",
    "stats": "stats",
    "by": "by",
    "where": "where",
    "prefix": "prefix",
    **QUESTION_NAMES,
}
_HOW = 'write one field of the store and one of the rows, such as match="destination.ip=value"'
_PREFIX = r"[A-Za-z][A-Za-z0-9_.]{0,100}"


class MatchOptions(NamedTuple):
    """One call of the command. Empty text means "not given"."""

    question: Question = Question()
    #: The store's field, and the field of the rows that is compared with it.
    store: str = ""
    field: str = ""
    stats: str = "count"
    by: str = ""
    where: str = ""
    #: Begins the names of all columns that come from the store.
    prefix: str = ""


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> MatchOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    given = read_options(args, raw_args, NAMES)
    store, field = _pair(given.pop("match")) if given.get("match", "").strip() else ("", "")
    given.pop("match", None)
    prefix = given.pop("prefix", "")
    if prefix and not re.fullmatch(_PREFIX, prefix):
        raise QueryError(f"prefix={prefix} cannot begin the name of a field: use letters, digits, _ and .")
    return MatchOptions(take_question(given), store, field, prefix=prefix, **given)


def check_complete(options: MatchOptions) -> None:
    """Raise `QueryError` where what has no default is missing."""
    if not options.store:
        raise QueryError(f"match= is missing: {_HOW}")


def _pair(text: str) -> Tuple[str, str]:
    store, equals, field = (part.strip() for part in text.partition("="))
    if not re.fullmatch(r'[^\s,*?"\\]{1,500}', store) or (equals and not field) or "," in field:
        raise QueryError(f"match={text} cannot be read: {_HOW}")
    return store, field or store
