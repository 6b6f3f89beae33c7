"""What is known of each group while buckets arrive, and the row that becomes of it."""

from __future__ import annotations

import math
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from es_bridge.aggregations.buckets import Bucket
from es_bridge.aggregations.columns import Column
from es_bridge.aggregations.measures import Measure
from es_bridge.aggregations.values import LARGEST_EXACT, Value, epoch_text, iso_text, number, order_key, tidy
from es_bridge.answers import COUNT, NUMBER, Maybe, checked
from es_bridge.errors import QueryError

Row = Dict[str, Value]
Key = Tuple[Any, ...]

#: Families whose values are texts to the engine: one value counts once in a document, and may be empty.
TEXTS = ("keyword", "flattened")
_STATS = dict.fromkeys(("min", "max", "avg", "sum"), NUMBER)
_ONE = {"value": COUNT}
_EMPTY = {"doc_count": COUNT}
_ARITHMETIC = ("sum", "avg")


class Computation(NamedTuple):
    """How one measure comes about: from the engine's aggregations in a bucket, or from every value in a group."""

    measure: Measure
    column: Optional[Column]
    #: Whether the group's values are read one by one.
    by_value: bool = False
    #: Whether distinct values are estimated.
    approximate: bool = False

    @property
    def aggregations(self) -> Dict[str, Any]:
        """What the engine has to compute in each bucket."""
        if self.column is None or not self.column.path or self.by_value:
            return {}
        path = self.column.path
        if self.approximate:
            return {f"cardinality {path}": {"cardinality": {"field": path, "precision_threshold": 3000}}}
        if self.measure.function != "count":
            return {f"stats {path}": {"stats": {"field": path}}}
        made: Dict[str, Any] = {f"count {path}": {"value_count": {"field": path}}}
        if self.column.family in TEXTS:
            made[f"empty {path}"] = {"filter": {"term": {path: ""}}}
        return made

    @property
    def needs_time(self) -> bool:
        """Whether it needs to know when each value was there first and last."""
        return self.by_value and self.measure.function in ("earliest", "latest")

    def of_nothing(self) -> Optional[Value]:
        """Return the result where there is nothing."""
        return 0 if self.measure.function in ("count", "dc", "estdc") else None

    def of_bucket(self, documents: int, computed: Mapping[str, Any], where: str) -> Optional[Value]:
        """Return the result that the engine computed."""
        column, function = self.column, self.measure.function
        if column is None:
            return documents
        if not column.path:
            return self.of_nothing()
        if self.approximate:
            found = checked(computed.get(f"cardinality {column.path}"), _ONE, where)
            return int(found["value"])
        if function == "count":
            count = checked(computed.get(f"count {column.path}"), _ONE, where)["value"]
            if column.family in TEXTS:
                count -= checked(computed.get(f"empty {column.path}"), _EMPTY, where)["doc_count"]
            return int(count)
        stats = checked(computed.get(f"stats {column.path}"), {"count": COUNT}, where)
        if not stats["count"]:
            return None
        value = checked(stats, _STATS, where)[{"earliest": "min", "latest": "max"}.get(function, function)]
        if column.family == "date" and not column.is_numeric:
            return iso_text(value)
        if column.family == "time" and function in ("earliest", "latest"):
            return epoch_text(value)
        if column.family == "float" and function in ("min", "max"):
            return number(column.text(value))
        return tidy(column.number(value))


def computation(measure: Measure, columns: Mapping[str, Column]) -> Computation:
    """Return how a measure comes about. Raises `QueryError` for what its field's type has not."""
    if not measure.field:
        return Computation(measure, None)
    column, function = columns[measure.field], measure.function
    if function in _ARITHMETIC and column.path and not column.is_numeric and column.family not in TEXTS:
        raise QueryError(f"{function}({measure.field}) is not possible: {measure.field} is of type {column.family}")
    if not column.path or function == "count":
        return Computation(measure, column)
    if function == "estdc":
        return Computation(measure, column, approximate=True)
    if function in ("min", "max") and (column.is_numeric or column.family == "date"):
        return Computation(measure, column)
    if function in _ARITHMETIC and column.is_numeric:
        return Computation(measure, column)
    if function in ("earliest", "latest") and column.family == "time":
        return Computation(measure, column)
    return Computation(measure, column, by_value=True)


class _Values:
    """Takes the values of a group one by one."""

    def __init__(self, function: str) -> None:
        self._function = function
        self._texts: List[str] = []
        self._count = 0
        self._numbers: List[float] = []
        self._best: Optional[Tuple[Any, str]] = None
        self._all_numbers = True

    def add(self, text: str, documents: int, first_ms: Optional[float], last_ms: Optional[float]) -> None:
        function = self._function
        if function == "dc":
            self._count += 1
        elif function == "values":
            self._texts.append(text)
        elif function in _ARITHMETIC:
            found = number(text)
            if found is not None:
                self._count += documents
                self._numbers.append(found * documents)
        elif function in ("min", "max"):
            self._all_numbers = self._all_numbers and number(text) is not None
            self._texts.append(text)
        else:
            at = first_ms if function == "earliest" else last_ms
            if at is not None:
                # Of several at one time the first in the order of texts, so that two runs agree.
                key = (at if function == "earliest" else -at, text)
                self._best = key if self._best is None else min(self._best, key)

    def result(self) -> Optional[Value]:
        function = self._function
        if function == "dc":
            return self._count
        if function == "values":
            return sorted(self._texts) or None
        if function in _ARITHMETIC:
            if not self._count:
                return None
            whole = all(isinstance(each, int) for each in self._numbers)
            total = sum(self._numbers) if whole else math.fsum(self._numbers)
            return tidy(total / self._count if function == "avg" else total)
        if function in ("min", "max"):
            if not self._texts:
                return None
            choose = min if function == "min" else max
            return number(choose(self._texts, key=order_key)) if self._all_numbers else choose(self._texts)
        return self._best[1] if self._best else None


class Groups:
    """All groups of one aggregation."""

    def __init__(self, by: Sequence[Column], has_span: bool, computations: Sequence[Computation], where: str) -> None:
        self._by = by
        self._has_span = has_span
        self._computations = computations
        self._where = where
        #: Key -> result of each computation, or what takes its values.
        self._groups: Dict[Key, List[Any]] = {}
        #: Documents in all buckets; one with several values is in several.
        self.documents = 0
        #: Columns with numbers that are too large to be exact.
        self.rounded: List[str] = []

    def __len__(self) -> int:
        return len(self._groups)

    def take(self, bucket: Bucket) -> None:
        """Take a bucket of the groups. One with an empty text is none: an event has no field then."""
        self.documents += bucket.documents
        if "" not in bucket.key:
            self.put(tuple(bucket.key), bucket.documents, bucket.computed)

    def put(self, key: Key, documents: int, computed: Mapping[str, Any]) -> None:
        """Take what the engine computed of a group."""
        group: List[Any] = []
        for each in self._computations:
            if each.by_value:
                group.append(_Values(each.measure.function))
                continue
            value = each.of_bucket(documents, computed, self._where)
            if isinstance(value, (int, float)) and abs(value) >= LARGEST_EXACT:
                self.rounded = list(dict.fromkeys([*self.rounded, each.measure.column]))
            group.append(value)
        self._groups[key] = group

    def take_estimate(self, column: Column, made: Computation, bucket: Bucket) -> None:
        """Take a bucket of the groups in which the engine estimated how many values a column has."""
        group = self._groups.get(tuple(bucket.key))
        if group is None:
            return
        for number_, each in enumerate(self._computations):
            if each.by_value and each.column == column:
                group[number_] = made.of_bucket(bucket.documents, bucket.computed, self._where)

    def take_value(self, column: Column, bucket: Bucket) -> None:
        """Take a bucket of the groups and the values of one column."""
        *key, value = bucket.key
        group = self._groups.get(tuple(key))
        if group is None or value == "":
            return  # written after the groups were read, where there is no point in time; or no value
        first, last = (self._time(bucket.computed, name) for name in ("first", "last"))
        text = column.text(value)
        for each, taking in zip(self._computations, group):
            if each.by_value and each.column == column:
                taking.add(text, bucket.documents, first, last)

    def _time(self, computed: Mapping[str, Any], name: str) -> Optional[float]:
        """Return when a value was there first or last, if that was asked; ``None``: in no event with a time."""
        if name not in computed:
            return None
        found = checked(computed[name], dict, self._where)
        value: Optional[float] = checked(found, {"value": Maybe(NUMBER) if "value" in found else NUMBER}, self._where)[
            "value"
        ]
        return value

    def rows(self) -> Iterator[Row]:
        """Yield a row for each group, in the order of their keys; columns without a value are left out."""
        named = [(self._texts(key), key) for key in self._groups]
        named.sort(key=lambda each: tuple(map(order_key, each[0])))
        names = (["_time"] if self._has_span else []) + [column.name for column in self._by]
        for texts, key in named:
            row: Row = dict(zip(names, texts))
            for each, found in zip(self._computations, self._groups[key]):
                value = found.result() if isinstance(found, _Values) else found
                if isinstance(value, list) and len(value) == 1:
                    value = value[0]
                if value is not None:
                    row[each.measure.column] = value
            yield row

    def _texts(self, key: Key) -> List[Value]:
        texts: List[Value] = [tidy(key[0] / 1000)] if self._has_span else []
        return texts + [column.text(value) for column, value in zip(self._by, key[len(texts) :])]
