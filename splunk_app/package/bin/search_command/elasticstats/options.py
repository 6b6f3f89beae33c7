"""What the user typed after ``| elasticstats``, checked as far as that needs no knowledge of aggregations."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence

from search_command.options import QUESTION_NAMES, Question, count, read_options, take_question

#: Spelling in SPL -> option.
NAMES: Dict[str, str] = {
    "index": "index",
    "stats": "stats",
    "by": "by",
    "span": "span",
    "where": "where",
    "sort": "sort",
    "limit": "limit",
    "top": "top",
    **QUESTION_NAMES,
    "equals": "equals",
}


class StatsOptions(NamedTuple):
    """One call of the command. Empty text means "not given"."""

    question: Question = Question()
    stats: str = "count"
    by: str = ""
    span: str = ""
    where: str = ""
    sort: str = ""
    top: str = ""
    #: Most rows; 0 means all.
    limit: int = 0


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> StatsOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    given = read_options(args, raw_args, NAMES)
    limit = count("limit", given.pop("limit", "0"), "rows")
    question = take_question(given)
    return StatsOptions(question, limit=limit, **given)
