"""What the user typed after ``| awsresponsequeue``, checked."""

from __future__ import annotations

from typing import Dict, NamedTuple, Optional, Sequence

from search_command.options import check_choice, read_options

LOOK, RUN, DROP = "list", "replay", "drop"
#: Spelling in SPL -> option.
NAMES: Dict[str, str] = {name: name for name in ("do", "id")}


class QueueOptions(NamedTuple):
    """One call of the command."""

    #: ``list`` changes nothing, ``replay`` hands over what is due, ``drop`` removes one entry.
    do: str = LOOK
    #: Only this entry.
    id: str = ""


def parse_options(args: Sequence[str], raw_args: Optional[Sequence[str]] = None) -> QueueOptions:
    """Return the options of a call. Raises `QueryError`, whose text names what is valid."""
    found = QueueOptions(**read_options(args, raw_args, NAMES))
    check_choice("do", found.do, (LOOK, RUN, DROP))
    return found
