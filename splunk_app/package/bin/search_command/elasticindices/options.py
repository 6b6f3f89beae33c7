"""What the user typed after ``| elasticindices``, checked."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence

from search_command.options import Question, read_options, take_question

#: Spelling in SPL -> option.
NAMES: Dict[str, str] = {name: name for name in ("index", "time_field", "partial", "cluster")}


class IndicesOptions(NamedTuple):
    """One call of the command; of the question only what says which indices."""

    question: Question = Question()


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> IndicesOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    return IndicesOptions(take_question(read_options(args, raw_args, NAMES)))
