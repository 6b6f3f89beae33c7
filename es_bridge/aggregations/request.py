"""What one aggregation is asked to compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Optional, Tuple

from es_bridge.aggregations.condition import Test, parse_condition
from es_bridge.aggregations.measures import Measure, check_columns, parse_by, parse_measures
from es_bridge.aggregations.order import SortKey, parse_sort
from es_bridge.aggregations.span import Span, day_zone, parse_span
from es_bridge.errors import QueryError

if TYPE_CHECKING:
    from es_bridge.aggregations.top import Top


class StatsRequest(NamedTuple):
    """What is to be computed of the documents that a `SearchRequest` names."""

    measures: Tuple[Measure, ...]
    by: Tuple[str, ...] = ()
    span: Optional[Span] = None
    #: Time zone of days, an IANA name.
    zone: str = "UTC"
    #: What is to be said about the zone.
    notes: Tuple[str, ...] = ()
    where: Optional[Test] = None
    sort: Tuple[SortKey, ...] = ()
    #: Most rows; 0 means all.
    limit: int = 0
    #: Whoever asks chose the limit and sees the answer: reaching it is a note, else a warning.
    limit_is_meant: bool = False
    #: Which values' groups are wanted; ``None``: all.
    top: Optional[Top] = None

    @property
    def columns(self) -> Tuple[str, ...]:
        """The names of the result's columns, in their order."""
        time = ("_time",) if self.span else ()
        of = ("top_of",) if self.top else ()
        return (*time, *self.by, *(measure.column for measure in self.measures), *of)


def stats_request(
    *,
    stats: str = "count",
    by: str = "",
    span: str = "",
    where: str = "",
    sort: str = "",
    limit: int = 0,
    limit_is_meant: bool = False,
    top: str = "",
    zone: str = "",
) -> StatsRequest:
    """Return the request that texts as a user writes them make. ``zone``: the user's; ``""``: the machine's.

    Raises `QueryError`.
    """
    if limit < 0:
        raise QueryError(f"limit={limit} must be 0 (all) or more")
    request = StatsRequest(parse_measures(stats), parse_by(by), parse_span(span) if span.strip() else None)
    if top.strip():
        from es_bridge.aggregations.top import parse_top  # few searches need it

        request = request._replace(top=parse_top(top, request.by, request.measures))
    check_columns(request.columns)
    notes: Tuple[str, ...] = ()
    if request.span and request.span.is_day:
        zone, note = day_zone(zone)
        request, notes = request._replace(zone=zone), (note,)
    return request._replace(
        notes=notes,
        where=parse_condition(where, request.columns) if where.strip() else None,
        sort=parse_sort(sort, request.columns),
        limit=limit,
        limit_is_meant=limit_is_meant,
    )
