"""The requests of one aggregation, and what comes of their answers."""

from __future__ import annotations

from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Sequence, Tuple

from es_bridge.aggregations.buckets import APPROXIMATE_PAGE_BUCKETS, PAGE_BUCKETS, Ask, Bucket, Page, Source, pages
from es_bridge.aggregations.columns import Column
from es_bridge.aggregations.groups import TEXTS, Computation, Groups, computation
from es_bridge.aggregations.request import StatsRequest
from es_bridge.answers import COUNT, TOTAL, checked
from es_bridge.errors import QueryError
from es_bridge.query import Clause, having_clause

#: Most pairs of group and value that are read one by one for a column.
MOST_VALUES = 250_000
#: An estimate may be this much too high before it decides.
_TOO_HIGH = 1.2
_NOTHING: Dict[str, Any] = {"nothing": {"filter": {"match_none": {}}}}
_DOCUMENTS = {"doc_count": COUNT}
_VALUE = {"value": COUNT}
#: Name of an aggregation -> the number in its answer.
Overview = Mapping[str, int]


class GroupsPage(NamedTuple):
    """What a page of groups said."""

    buckets: int
    matched: int
    shards: int


class Reading:
    """Asks for groups and values. Nothing is asked before a method is called; ``groups`` grows."""

    def __init__(
        self,
        stats: StatsRequest,
        columns: Mapping[str, Column],
        time_field: str,
        ask: Ask,
        narrow: Sequence[Clause],
        where: str,
        marks_too_long: bool,
    ) -> None:
        """``marks_too_long``: whether the engine marks events with a value that is too long for its field."""
        self._ask = ask
        self._narrow = narrow
        self._where = where
        self._marks_too_long = marks_too_long
        self._time = time_field
        self._columns = list(columns.values())
        self._by = [columns[name] for name in stats.by]
        self._computations = [computation(measure, columns) for measure in stats.measures]
        self._by_value: Dict[Column, List[Computation]] = {}
        for each in self._computations:
            if each.by_value and each.column:
                self._by_value.setdefault(each.column, []).append(each)
        self._sources: List[Source] = []
        if stats.span:
            self._sources.append(stats.span.source(time_field, stats.zone))
        self._sources += [column.source for column in self._by]
        self._approximate: List[str] = []
        self.groups = Groups(self._by, stats.span is not None, self._computations, where)

    def overview(self) -> Overview:
        """Count, over all documents, what the groups do not show; estimate how many distinct values there are."""
        aggs: Dict[str, Any] = {}
        if self._by and self._has_all_fields:
            clauses = [having_clause(column.path) for column in self._by]
            aggs["grouped"] = {"filter": {"bool": {"filter": clauses}}}
        for column in self._columns:
            path = column.path
            if not path or path in ("_index", self._time):
                continue
            if self._marks_too_long or column.family not in TEXTS:
                aggs[f"ignored {path}"] = {"filter": {"terms": {"_ignored": [path]}}}
            elif column.ignore_above:
                aggs[f"having {path}"] = {"filter": having_clause(path)}
                if column.text_path:
                    aggs[f"having {column.text_path}"] = {"filter": having_clause(column.text_path)}
        for column in self._counted_in_lists:
            aggs[f"values {column.path}"] = {"value_count": {"field": column.path}}
            aggs[f"having {column.path}"] = {"filter": having_clause(column.path)}
        for column in self._by_value:
            # Within a filter: OpenSearch 2.19 prunes such a count at the top, and fails on some segments (its message:
            # "Failed when performing dynamic pruning in cardinality aggregation").
            estimate = {"cardinality": {"field": column.path, "precision_threshold": 3000}}
            aggs[f"distinct {column.path}"] = {"filter": {"match_all": {}}, "aggs": {"values": estimate}}
        if not aggs:
            return {}
        found = self._ask(aggs, self._narrow, {"aggregations": dict})["aggregations"]
        said: Dict[str, int] = {}
        for name in aggs:
            if "aggs" in aggs[name]:
                said[name] = checked(found.get(name), {"values": _VALUE}, self._where)["values"]["value"]
                continue
            is_filter = "filter" in aggs[name]
            answer = checked(found.get(name), _DOCUMENTS if is_filter else _VALUE, self._where)
            said[name] = answer["doc_count" if is_filter else "value"]
        return said

    def groups_pages(self) -> Iterator[GroupsPage]:
        """Take all groups, page by page."""
        computed = {name: agg for each in self._computations for name, agg in each.aggregations.items()}
        if not self._sources or not self._has_all_fields:
            head = self._ask(computed or _NOTHING, self._narrow, {**TOTAL, "aggregations": dict})
            matched = head["hits"]["total"]["value"]
            if not self._sources:
                self.groups.put((), matched, head["aggregations"])
            yield GroupsPage(len(self.groups), matched, int(head["_shards"]["total"]))
            return  # without a field that is grouped by there is no group
        is_estimating = any(each.approximate for each in self._computations)
        page_buckets = APPROXIMATE_PAGE_BUCKETS if is_estimating else PAGE_BUCKETS
        for page in pages(self._ask, self._sources, computed, self._narrow, page_buckets):
            for bucket in page.buckets:
                self.groups.take(bucket)
            matched, shards = page.head["hits"]["total"]["value"], int(page.head["_shards"]["total"])
            yield GroupsPage(len(page.buckets), matched, shards)

    def values_pages(self, estimates: Overview) -> Iterator[int]:
        """Take all values in the groups, for the columns that need them; yield how many buckets came."""
        if not self._has_all_fields:
            return
        for column, computations in self._by_value.items():
            only_distinct = all(each.measure.function == "dc" for each in computations)
            if only_distinct and estimates.get(f"distinct {column.path}", 0) > MOST_VALUES * _TOO_HIGH:
                yield from self._estimated(column, computations)
                continue
            read = 0
            for page in self._values(column, computations):
                read += len(page.buckets)
                if read > MOST_VALUES:
                    break
                for bucket in page.buckets:
                    self.groups.take_value(column, bucket)
                yield len(page.buckets)
            else:
                continue
            if not only_distinct:
                told = next(each.measure.column for each in computations if each.measure.function != "dc")
                raise QueryError(
                    f"{told} would read more than {MOST_VALUES} different values of {column.name} in all groups "
                    "together. Narrow the search, or group by less"
                )
            yield from self._estimated(column, computations)

    def said(self, overview: Overview, matched: int) -> Tuple[List[str], List[str]]:
        """Return (warnings, notes) about where the result may differ from what the events would give."""
        warnings: List[str] = []
        notes: List[str] = []
        if self._approximate:
            warnings.append(
                f"{', '.join(self._approximate)}: estimated, usually within a few percent, because there are more "
                f"than {MOST_VALUES} different values in the groups. Narrow the search, or group by less, for exact "
                "counts"
            )
        more = self.groups.documents - overview.get("grouped", self.groups.documents)
        if more > 0 and self._by:
            several = " or ".join(column.name for column in self._by)
            notes.append(
                f"the groups count {more} events more than there are: some have several values in {several} and count "
                "once in the group of each. A text that is repeated within one list counts once"
            )
        for column in self._counted_in_lists:
            values, having = overview.get(f"values {column.path}", 0), overview.get(f"having {column.path}", 0)
            if values > having:
                notes.append(
                    f"{column.name} has {values - having} values more than events: a value that is repeated within one "
                    "list counts once"
                )
        for column in self._columns:
            self._say_what_is_not_indexed(column, overview, matched, warnings, notes)
        if self.groups.rounded:
            notes.append(
                f"{', '.join(self.groups.rounded)}: numbers beyond 2^53 are rounded: the engine computes with doubles"
            )
        return warnings, notes

    @property
    def _has_all_fields(self) -> bool:
        return all(column.path for column in self._by)

    @property
    def _counted_in_lists(self) -> List[Column]:
        """The texts whose values are counted, where a list that repeats one counts it once."""
        counting = ("count", "sum", "avg")
        found = [
            each.column
            for each in self._computations
            if each.column and each.column.path and each.column.family in TEXTS and each.measure.function in counting
        ]
        return list(dict.fromkeys(found))

    def _values(self, column: Column, computations: Sequence[Computation]) -> Iterator[Page]:
        """Yield the pages of all values of a column in the groups."""
        computed: Dict[str, Any] = {}
        if any(each.needs_time for each in computations):
            computed = {"first": {"min": {"field": self._time}}, "last": {"max": {"field": self._time}}}
        return pages(self._ask, [*self._sources, column.source], computed, self._narrow)

    def _estimated(self, column: Column, computations: Sequence[Computation]) -> Iterator[int]:
        """Take the engine's estimates of how many values a column has in each group."""
        self._approximate += [each.measure.column for each in computations]
        made = Computation(computations[0].measure, column, approximate=True)
        if not self._sources:
            head = self._ask(made.aggregations, self._narrow, {"aggregations": dict})
            self.groups.take_estimate(column, made, Bucket([], 0, head["aggregations"]))
            return
        for page in pages(self._ask, self._sources, made.aggregations, self._narrow, APPROXIMATE_PAGE_BUCKETS):
            for bucket in page.buckets:
                self.groups.take_estimate(column, made, bucket)
            yield len(page.buckets)

    def _say_what_is_not_indexed(
        self,
        column: Column,
        overview: Overview,
        matched: int,
        warnings: List[str],
        notes: List[str],
    ) -> None:
        path, name = column.path, column.name
        ignored = overview.get(f"ignored {path}", 0)
        if column.text_path and not self._marks_too_long:
            ignored += max(0, overview.get(f"having {column.text_path}", 0) - overview.get(f"having {path}", 0))
        if ignored:
            warnings.append(
                f"{ignored} events have a value of {name} that is not indexed, because it is too long or malformed: "
                f"they count as if they had no {name}"
            )
        elif column.ignore_above and not column.text_path and not self._marks_too_long:
            without = matched - overview.get(f"having {path}", matched)
            if without > 0:
                notes.append(
                    f"{without} events count as without {name}: they have none, or one of more than "
                    f"{column.ignore_above} characters, which is not indexed (this engine does not tell which)"
                )
