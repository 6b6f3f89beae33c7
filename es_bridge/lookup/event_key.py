"""What a lookup asks of the store, event by event, and what it gets."""

from __future__ import annotations

import re
from typing import NamedTuple, Sequence, Tuple

from es_bridge.errors import QueryError
from es_bridge.query import SearchRequest
from es_bridge.reply import Hit

#: The engines give one search no more documents (``index.max_result_window``).
MOST_MATCHES = 10_000
_FIELD = r'[^\s,*?"\\]{1,500}'


class LookupRequest(NamedTuple):
    """What all events of a lookup have in common; `checked` it. The time range of ``search`` is of no account."""

    search: SearchRequest
    #: Fields of the store that an event's values are compared with.
    fields: Tuple[str, ...]
    #: Most documents for one event.
    most: int = 100

    def checked(self) -> LookupRequest:
        """Return it, or raise `QueryError`."""
        if not self.fields:
            raise QueryError(
                "no field to look up by: name one of the store's, and the event's field to compare it with"
            )
        for field in self.fields:
            if not re.fullmatch(_FIELD, field) or field.startswith("_"):
                raise QueryError(
                    f"{field!r} cannot be looked up by: name one field of the documents, without wildcards"
                )
        if len(set(self.fields)) != len(self.fields):
            raise QueryError("a field is named twice to look up by: each is compared with one field of the events")
        if not 1 <= self.most <= MOST_MATCHES:
            raise QueryError(f"max={self.most} is no number of matches for one event: use 1 to {MOST_MATCHES}")
        return self


class EventKey(NamedTuple):
    """One event: its values for each field, and from when to when (epoch milliseconds, earliest in, latest out)."""

    #: In the order of `LookupRequest.fields`; of several values any may match. None is empty.
    values: Tuple[Tuple[str, ...], ...]
    earliest_ms: int
    latest_ms: int


class Matches(NamedTuple):
    """What the store has for one event: documents by time, oldest first, then by index and id."""

    hits: Sequence[Hit]
    #: How many match, whether or not they are among ``hits``.
    matched: int
    #: (field, value) of what a field cannot hold in any index, so that nothing has it.
    unfit: Tuple[Tuple[str, str], ...] = ()
    #: Whether the engine refused to look for the values, in some index at least.
    is_refused: bool = False

    @property
    def cut(self) -> int:
        """How many documents match and are not here."""
        return self.matched - len(self.hits)
