"""What the user typed after ``| elasticfields``, checked."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence, Tuple

from es_bridge.errors import QueryError
from es_bridge.field_summary import DEFAULT_SAMPLE_DOCS, DEFAULT_TOP, MOST_TOP
from search_command.options import QUESTION_NAMES, Question, count, name_list, read_options, take_question

#: Spelling in SPL -> option.
NAMES: Dict[str, str] = {**QUESTION_NAMES, "fields": "fields", "top": "top", "sample": "sample"}


class FieldsOptions(NamedTuple):
    """One call of the command."""

    question: Question = Question()
    #: Which fields, ``*`` as wildcard; empty: all.
    fields: Tuple[str, ...] = ()
    #: Most frequent values of a field; 0: none.
    top: int = DEFAULT_TOP
    #: Documents up to which all are counted, else about so many; 0: always all.
    sample: int = DEFAULT_SAMPLE_DOCS


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> FieldsOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    given = read_options(args, raw_args, NAMES)
    fields = name_list("fields", given.pop("fields", ""))
    top = count("top", given.pop("top", str(DEFAULT_TOP)), "values")
    if top > MOST_TOP:
        raise QueryError(f"top={top} is too many: at most {MOST_TOP} values of a field are told")
    sample = count("sample", given.pop("sample", str(DEFAULT_SAMPLE_DOCS)), "documents")
    return FieldsOptions(take_question(given), fields, top, sample)
