"""One aggregation over all documents that match: every group, exact, in rows as ``| stats`` makes them.

::

    open (as every `Inquiry`) -> look at the fields' types -> count what the types hide, estimate distinct values
    -> all groups, page by page -> all values in the groups, for what needs them -> where, sort, limit -> rows

Where an engine has no point in time these requests see the indices at different times, and a message says so.

Aggregations carry no index, so the concrete indices that were found to be allowed are sent as a condition on
``_index``, and each request also counts the documents by index: compared before anything of its answer is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, Iterator, List, Mapping, Optional, Sequence, Set

from es_bridge.aggregations import columns as fields
from es_bridge.aggregations.buckets import Ask, compared, of_indices, of_pit
from es_bridge.aggregations.columns import Column
from es_bridge.aggregations.groups import Computation, Row
from es_bridge.aggregations.order import sort_rows
from es_bridge.aggregations.reading import Overview, Reading
from es_bridge.aggregations.request import StatsRequest
from es_bridge.coverage import beyond_store
from es_bridge.dialect import Dialect
from es_bridge.errors import CeilingReached
from es_bridge.inquiry import Inquiry
from es_bridge.limits import Ceilings
from es_bridge.query import Clause, SearchRequest
from es_bridge.time_field import TimeField
from es_bridge.times import now_ms
from es_bridge.transport import Transport

if TYPE_CHECKING:
    from es_bridge.aggregations.top import Chosen

#: Rows handed out at a time.
PAGE_ROWS = 1000


class Statistics(Inquiry):
    """Iterate over it for lists of rows, once: see `Inquiry`."""

    _instead_of_pit = "so pages may shift"
    _left_out = "Groups may be missing, and others may be counted in part"

    def __init__(
        self,
        transport: Transport,
        request: SearchRequest,
        stats: StatsRequest,
        ceilings: Optional[Ceilings] = None,
        remembered: Optional[Dialect] = None,
    ) -> None:
        super().__init__(transport, request, ceilings or Ceilings(), remembered)
        self.stats = stats
        self.notes += stats.notes
        #: How many rows were handed out, and how many were left out by the limit.
        self.emitted = 0
        self.cut = 0
        self._buckets = 0
        self._not_by_pit: List[str] = []
        self._where = f"cluster {transport.config.name!r}"
        self._chosen: Optional[Chosen] = None

    def _answers(self) -> Iterator[List[Row]]:
        time_field, pit = self._begin()
        if time_field.indices != 0:
            self._fields.start(self._pool, time_field.names)
        self._beyond = self._pool.submit(beyond_store, self._transport, self.request, list(time_field.names), now_ms())
        if pit is not None and not pit.shards:
            self._no_shards(0)
            self.matched = 0
            yield from self._finished_rows([] if self._has_groups else [self._row_of_nothing()])
            return
        if pit is not None:
            ask = of_pit(self._use_pit(time_field, pit))
        else:
            if self._why_no_pit is None:
                self.notes.append(
                    f"{self.engine} has no point in time: what is written or deleted meanwhile may be counted in part, "
                    "because pages may shift"
                )
            ask = of_indices(
                self._transport, self.request, time_field, self._access, self._time_limit(), self._not_by_pit
            )
        ask = compared(ask, self._access)
        resolved = fields.resolve(self._transport, self.request, self._access, time_field, self._uses(), self._pool)
        self.warnings += resolved.warnings
        self.notes += resolved.notes
        if self.request.unknown_fields == "fail":
            self._collect_fields(wait=True)  # who wants a failure instead of a warning wants no row before it
        yield from self._finished_rows(self._rows(ask, time_field, resolved.columns))

    @property
    def _has_groups(self) -> bool:
        return bool(self.stats.by or self.stats.span)

    def _uses(self) -> Dict[str, Set[str]]:
        """Return name -> what it is used for."""
        uses: Dict[str, Set[str]] = {}
        for name in self.stats.by:
            uses.setdefault(name, set()).add(fields.GROUPED)
        for measure in self.stats.measures:
            if measure.field:
                use = {"count": fields.COUNTED, **dict.fromkeys(("sum", "avg", "min", "max"), fields.COMPUTED)}
                uses.setdefault(measure.field, set()).add(use.get(measure.function, fields.GROUPED))
        return uses

    def _rows(self, ask: Ask, time_field: TimeField, columns: Mapping[str, Column]) -> List[Row]:
        self._choose(ask, columns)
        reading = Reading(
            self.stats, columns, time_field.name, ask, self._narrow(columns), self._where, self._marks_too_long
        )
        overview = self._pool.submit(reading.overview)
        estimates: Overview = {}
        try:
            for page in reading.groups_pages():
                self._no_shards(page.shards)
                self.matched = page.matched
                self._count_buckets(page.buckets)
            estimates = overview.result()
            for buckets in reading.values_pages(estimates):
                self._count_buckets(buckets)
        except Exception as exc:
            error = self._cause(exc)
            if not (isinstance(error, CeilingReached) and self.request.allow_partial):
                raise
            self.warnings.append(f"{error}. {self._left_out}")
        warnings, notes = reading.said(estimates, self.matched or 0)
        self.warnings += warnings
        self.notes += notes
        if self._chosen is None or self.stats.top is None:
            return list(reading.groups.rows())
        self.matched = self._chosen.matched
        # An event with several values is in the groups of others, too.
        names, texts = self.stats.top.fields, self._chosen.texts
        rows = [row for row in reading.groups.rows() if tuple(str(row[name]) for name in names) in texts]
        return [{**row, "top_of": self._chosen.of} for row in rows]

    def _choose(self, ask: Ask, columns: Mapping[str, Column]) -> None:
        """Find the values that top= asks for, of fields that there are."""
        top = self.stats.top
        if top is None or not all(columns[name].path for name in self.stats.by):
            return
        from es_bridge.aggregations.top import choose  # few searches need it

        if top.rank is not None and not columns[top.rank.field].path:
            top = top._replace(rank=None)  # a warning says that no index has it
        self._chosen = choose(ask, top, columns, self._access.clauses(), self._where)
        self._count_buckets(self._chosen.buckets)
        self.notes += self._chosen.notes

    def _narrow(self, columns: Mapping[str, Column]) -> Sequence[Clause]:
        """Return the clauses that every request has beside those of the question."""
        return [*self._access.clauses(), *([self._chosen.clause] if self._chosen else [])]

    @property
    def _marks_too_long(self) -> bool:
        """Whether the engine marks documents with a value that is too long for its field."""
        dialect = self._dialect
        return dialect is not None and dialect.name == "elasticsearch" and dialect.version >= (8,)

    def _row_of_nothing(self) -> Row:
        made = [
            Computation(measure, None if not measure.field else Column(measure.field))
            for measure in self.stats.measures
        ]
        return {each.measure.column: value for each in made for value in [each.of_nothing()] if value is not None}

    def _finished_rows(self, rows: List[Row]) -> Iterator[List[Row]]:
        """Yield the rows that where=, sort= and limit= leave, in their order."""
        where, limit = self.stats.where, self.stats.limit
        if where is not None:
            rows = [row for row in rows if where(row) is True]
        sort_rows(rows, self.stats.sort)
        if limit and len(rows) > limit:
            self.cut = len(rows) - limit
            texts = self.notes if self.stats.limit_is_meant else self.warnings
            texts.append(f"{len(rows)} rows, the first {limit} are returned (limit={limit}). Use limit=0 for all")
            rows = rows[:limit]
        for start in range(0, len(rows), PAGE_ROWS):
            page = rows[start : start + PAGE_ROWS]
            self.emitted += len(page)
            yield page

    def _count_buckets(self, number: int) -> None:
        """Count buckets that arrived. Raises `CeilingReached` when there are more than one search may have."""
        self._buckets += number
        most = self._ceilings.max_rows
        if most is not None and self._buckets > most:
            raise CeilingReached(
                f"the aggregation has more than {most} groups and values, as many as "
                f"{self._ceilings.told('max_rows', self._transport.config.name)}. Group by less, or narrow the search"
            )
        too_much = self._beyond_a_ceiling()
        if too_much:
            raise too_much

    def _incomplete(self) -> List[str]:
        return self._not_by_pit or super()._incomplete()

    def _say_what_is_missing(self) -> None:
        self._collect_fields(wait=True)
        if self._beyond is not None:
            warnings, notes = self._beyond.result()
            self.warnings += warnings
            self.notes += notes
        self.warnings += self._fields.about_members(self.request.time_field, found_some=bool(self.matched))
        self.warnings += self._incomplete()
        self.warnings += self._left_out_without_time()
