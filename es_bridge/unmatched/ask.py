"""Asks the engine to explain a search's query, for the indices that hold documents of its time range.

Nothing here looks into an explanation: `look` does.
"""

from __future__ import annotations

import re
from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from es_bridge.http_response import Response
from es_bridge.query import SearchRequest, range_clause
from es_bridge.request_line import paths
from es_bridge.transport import Transport
from es_bridge.unmatched.clauses import Asked

#: Most indices that are looked at; the newest, by the dates in their names.
MOST_INDICES = 50
#: The engines answer in milliseconds, and a search must not wait for long for a cluster that does not.
BOUNDS: Dict[str, Any] = {"max_body_bytes": 32 << 20, "timeout_s": 10.0}
_DATES = r"(\d{4})[-._]?(\d{2})(?:[-._]?(\d{2}))?(?!\d)"


class Answer(NamedTuple):
    """The engine's explanations as they came."""

    replies: Sequence[Response] = ()
    #: Those of the indices that may hold documents of the range; ``None``: it was not asked.
    in_range: Optional[List[str]] = None
    notes: Sequence[str] = ()
    #: Why nothing was asked; ``""``: it was.
    unchecked: str = ""


def ask(transport: Transport, request: SearchRequest, asked: Asked, indices: Sequence[str]) -> Answer:
    """Return what the engine says of a query in the concrete ``indices``. Raises the errors of a request."""
    here = [name for name in indices if ":" not in name]
    if not here:
        return _not_asked(
            "indices of remote clusters cannot be asked" if indices else "the account may not list the indices"
        )
    if asked.hides_engine_words():
        return _not_asked("a value in it looks like the engine's own answer")
    chosen: Optional[List[str]] = None
    notes: List[str] = []
    if len(here) > MOST_INDICES:
        chosen = in_range(transport, request, here) or here
        if len(chosen) > MOST_INDICES:
            notes.append(
                f"the fields of the query were checked in the {MOST_INDICES} newest of {len(chosen)} indices "
                "with events of the range"
            )
        here = chosen = newest(chosen)
    params = {"explain": True, "rewrite": False, "ignore_unavailable": True}
    body = {"query": asked.to_explain()}
    replies = [transport.request("POST", (path, "_validate", "query"), params, body, **BOUNDS) for path in paths(here)]
    return Answer(replies, chosen, notes)


def in_range(transport: Transport, request: SearchRequest, indices: Sequence[str]) -> List[str]:
    """Return the indices that may hold documents of the range, by the times they begin and end with."""
    narrow = range_clause(request.time_field, request.earliest_ms, request.latest_ms)
    if not narrow:
        return list(indices)
    asked = set(indices)
    # The pattern as asked for: so many names do not fit a request line.
    reply = transport.request(
        "POST",
        (request.index, "_field_caps"),
        {"fields": request.time_field, "ignore_unavailable": True, "allow_no_indices": True},
        {"index_filter": narrow[0]},
        **BOUNDS,
    ).json()
    return [index for index in reply.get("indices") or [] if index in asked]


def newest(indices: Sequence[str]) -> List[str]:
    """Return the newest indices by the dates in their names, then by the names; as many as are looked at."""

    def age(name: str) -> Tuple[Tuple[str, ...], str]:
        dates = re.findall(_DATES, name)
        return (dates[-1] if dates else ()), name

    return sorted(indices, key=age, reverse=True)[:MOST_INDICES]


def _not_asked(why: str) -> Answer:
    return Answer(unchecked=f"the fields of the query were not checked: {why}")
