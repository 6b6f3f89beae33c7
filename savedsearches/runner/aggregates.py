"""What ``stats``, ``eventstats``, ``streamstats`` and ``timechart`` compute, one class a function.

https://help.splunk.com/en/splunk-enterprise/search/spl-search-reference/10.0/statistical-and-charting-functions
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from savedsearches.runner import values
from savedsearches.runner.compiled import Evaluate
from savedsearches.runner.errors import SplRunError, SplSyntaxError, Unverified
from savedsearches.runner.expression import parse_value
from savedsearches.runner.moment import Moment
from savedsearches.runner.pipeline import end_of_quote
from savedsearches.runner.values import Row, Value

#: `list()` keeps this many values of a group in Splunk; the runner stops instead of cutting.
MAX_LIST = 100

_CALL = re.compile(r"\s*([A-Za-z][A-Za-z_]*)([0-9]+(?:\.[0-9]+)?)?\s*")
_AS = re.compile(r"\s+as\s+", re.IGNORECASE)
_NAME = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,()"]+))')


class Accumulator:
    """Takes the values of a group's rows in order and gives their aggregate."""

    def add(self, found: List[str], row: Row) -> None:
        raise NotImplementedError

    def result(self) -> Optional[Value]:
        raise NotImplementedError


class _Count(Accumulator):
    def __init__(self) -> None:
        self._count = 0

    def add(self, found: List[str], row: Row) -> None:
        self._count += len(found)

    def result(self) -> Value:
        return self._count


class _Distinct(Accumulator):
    def __init__(self) -> None:
        self._seen: Dict[str, None] = {}

    def add(self, found: List[str], row: Row) -> None:
        for text in found:
            self._seen[text] = None

    def result(self) -> Optional[Value]:
        return len(self._seen)


class _Values(_Distinct):
    def result(self) -> Optional[Value]:
        return values.single(sorted(self._seen))


class _List(Accumulator):
    def __init__(self) -> None:
        self._found: List[str] = []

    def add(self, found: List[str], row: Row) -> None:
        self._found += found
        if len(self._found) > MAX_LIST:
            raise SplRunError(f"list() finds more than {MAX_LIST} values in a group; Splunk would cut there")

    def result(self) -> Optional[Value]:
        return values.single(self._found)


class _Numbers(Accumulator):
    """Numbers only; what is none counts for nothing, as in Splunk."""

    def __init__(self) -> None:
        self._numbers: List[Any] = []

    def add(self, found: List[str], row: Row) -> None:
        for text in found:
            number = values.number(text)
            if number is not None:
                self._numbers.append(number)

    def result(self) -> Optional[Value]:
        return self._of(self._numbers) if self._numbers else None

    def _of(self, numbers: List[Any]) -> Optional[Value]:
        raise NotImplementedError


class _Sum(_Numbers):
    def _of(self, numbers: List[Any]) -> Value:
        return math.fsum(numbers) if any(isinstance(number, float) for number in numbers) else sum(numbers)


class _Average(_Numbers):
    def _of(self, numbers: List[Any]) -> Value:
        return math.fsum(numbers) / len(numbers)


class _Range(_Numbers):
    def _of(self, numbers: List[Any]) -> Value:
        return max(numbers) - min(numbers)


class _Median(_Numbers):
    def _of(self, numbers: List[Any]) -> Value:
        middle = sorted(numbers)
        half = len(middle) // 2
        return middle[half] if len(middle) % 2 else (middle[half - 1] + middle[half]) / 2


class _Deviation(_Numbers):
    """Of a sample; of one value it is 0 in Splunk's examples."""

    def _of(self, numbers: List[Any]) -> Value:
        if len(numbers) < 2:
            return 0
        mean = math.fsum(numbers) / len(numbers)
        return math.sqrt(math.fsum((number - mean) ** 2 for number in numbers) / (len(numbers) - 1))


class _Extreme(Accumulator):
    """The smallest or largest value: of numbers by number, of texts by letters; both together are not in the manual."""

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._best: Optional[str] = None
        self._numeric: Optional[bool] = None

    def add(self, found: List[str], row: Row) -> None:
        for text in found:
            numeric = values.number(text) is not None
            if self._numeric not in (None, numeric):
                raise Unverified("min() or max() of numbers and other texts together is not in Splunk's manual")
            self._numeric = numeric
            if self._best is None or values.compare(text, self._best) * self._sign > 0:
                self._best = text

    def result(self) -> Optional[Value]:
        if self._best is None:
            return None
        return values.number(self._best) if self._numeric else self._best


class _First(Accumulator):
    """The value of the first row that has one, in the order of the rows."""

    def __init__(self) -> None:
        self._found: Optional[Value] = None

    def add(self, found: List[str], row: Row) -> None:
        if self._found is None and found:
            self._found = values.single(found)

    def result(self) -> Optional[Value]:
        return self._found


class _Last(_First):
    def add(self, found: List[str], row: Row) -> None:
        if found:
            self._found = values.single(found)


class _InTime(Accumulator):
    """The value of the earliest or latest row that has one; which of two at the same time is not in the manual."""

    def __init__(self, sign: int, what: Callable[[List[str], Any], Optional[Value]]) -> None:
        self._sign = sign
        self._what = what
        self._time: Any = None
        self._found: Optional[Value] = None

    def add(self, found: List[str], row: Row) -> None:
        if not found:
            return
        time = values.number(row.get("_time"))
        if time is None:
            raise SplRunError("earliest() and latest() need rows with _time")
        if self._time is None or (time - self._time) * self._sign > 0:
            self._time, self._found = time, self._what(found, time)

    def result(self) -> Optional[Value]:
        return self._found


def _found_value(found: List[str], time: Any) -> Optional[Value]:
    return values.single(found)


def _found_time(found: List[str], time: Any) -> Optional[Value]:
    return time


FUNCTIONS: Dict[str, Callable[[], Accumulator]] = {
    "count": _Count,
    "c": _Count,
    "dc": _Distinct,
    "distinct_count": _Distinct,
    "values": _Values,
    "list": _List,
    "sum": _Sum,
    "avg": _Average,
    "mean": _Average,
    "range": _Range,
    "median": _Median,
    "stdev": _Deviation,
    "min": lambda: _Extreme(-1),
    "max": lambda: _Extreme(1),
    "first": _First,
    "last": _Last,
    "earliest": lambda: _InTime(-1, _found_value),
    "latest": lambda: _InTime(1, _found_value),
    "earliest_time": lambda: _InTime(-1, _found_time),
    "latest_time": lambda: _InTime(1, _found_time),
}
#: Aggregates of nothing that are a number all the same.
_ZERO = ("count", "c", "dc", "distinct_count")


@dataclass(frozen=True)
class Aggregation:
    """One aggregate of a command: the column it makes, and how."""

    column: str
    function: str
    make: Callable[[], Accumulator]
    #: The values of a row that it takes.
    values_of: Callable[[Row], List[str]]

    @property
    def of_nothing(self) -> Optional[Value]:
        """Return what the aggregate of no row at all is."""
        return 0 if self.function in _ZERO else None


def parse_aggregations(command: str, source: str, moment: Moment) -> Tuple[List[Aggregation], str]:
    """Return the aggregates at the beginning of a command's arguments, and the rest, such as ``by a, b``.

    Raises `SplSyntaxError` for functions outside the subset, and for two of the same column.
    """
    found: List[Aggregation] = []
    rest = source.strip()
    while rest and not re.match(r"by\b", rest, re.IGNORECASE):
        aggregation, rest = _aggregation(command, rest, moment)
        if any(aggregation.column == other.column for other in found):
            raise SplSyntaxError(f"{command}: two results would be called {aggregation.column!r}")
        found.append(aggregation)
        rest = rest.strip()
        if rest.startswith(","):
            rest = rest[1:].strip()
            if not rest or re.match(r"by\b", rest, re.IGNORECASE):
                raise SplSyntaxError(f"{command}: something is missing after the comma")
    if not found:
        raise SplSyntaxError(f"{command}: nothing to compute, such as count or dc(user)")
    return found, rest


def _aggregation(command: str, source: str, moment: Moment) -> Tuple[Aggregation, str]:
    match = _CALL.match(source)
    if match is None or match.group(2):
        raise SplSyntaxError(f"{command}: {source[:40]!r} is no function of the runner's subset")
    function = match.group(1).lower()
    if function not in FUNCTIONS:
        raise SplSyntaxError(f"{command}: the function {match.group(1)}() is not in the runner's subset of SPL")
    rest = source[match.end() :]
    inner = ""
    if rest.startswith("("):
        end = _end_of_parenthesis(command, rest)
        inner, rest = rest[1 : end - 1].strip(), rest[end:]
    elif function not in ("count", "c"):
        raise SplSyntaxError(f"{command}: {function} needs a field in parentheses")
    column = f"{match.group(1)}({inner})" if inner else "count"
    named = _AS.match(rest if rest[:1].isspace() else " " + rest)
    is_expression = bool(re.match(r"eval\s*\(", inner))
    if named and re.match(r"\s*as\s", rest, re.IGNORECASE):
        rest = rest.lstrip()[2:]
        name = _NAME.match(rest)
        if name is None:
            raise SplSyntaxError(f"{command}: a name is missing after AS")
        column, rest = name.group(1) or name.group(2), rest[name.end() :]
    elif is_expression:
        raise SplSyntaxError(f"{command}: name the result of {inner[:40]}) with AS")
    return Aggregation(column, function, FUNCTIONS[function], _values_of(command, function, inner, moment)), rest


def _values_of(command: str, function: str, inner: str, moment: Moment) -> Callable[[Row], List[str]]:
    if not inner:
        return _each_row
    if re.match(r"eval\s*\(", inner):
        expression = parse_value(command, inner[inner.index("(") + 1 : -1], moment)
        evaluate: Evaluate = expression.evaluate
        if expression.is_boolean:
            if function not in ("count", "c"):
                raise SplSyntaxError(f"{command}: only count() takes a condition in eval()")
            return lambda row: ["1"] if evaluate(row) else []
        return lambda row: values.texts(evaluate(row))
    if "*" in inner or "," in inner or "(" in inner:
        raise SplSyntaxError(f"{command}: {function}({inner}) is not in the runner's subset: one field at a time")
    name = inner[1:-1] if inner[0] in "\"'" and inner[-1] == inner[0] else inner
    return lambda row: values.texts(row.get(name))


def _each_row(row: Row) -> List[str]:
    return ["1"]


def _end_of_parenthesis(command: str, source: str) -> int:
    depth, position = 0, 0
    while position < len(source):
        character = source[position]
        if character == '"':
            position = end_of_quote(source, position)
            continue
        depth += (character == "(") - (character == ")")
        position += 1
        if depth == 0:
            return position
    raise SplSyntaxError(f"{command}: a parenthesis is not closed: {source[:40]!r}")


def groups_of(row: Row, by: Sequence[str]) -> List[Tuple[str, ...]]:
    """Return the groups a row belongs to: none where a field has no value, one for each of several values."""
    group: List[str] = []
    for name in by:
        value = row.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return _groups_of_several(row, by)
        group.append(values.text(value))
    return [tuple(group)]


def _groups_of_several(row: Row, by: Sequence[str]) -> List[Tuple[str, ...]]:
    groups: List[Tuple[str, ...]] = [()]
    for name in by:
        found = list(dict.fromkeys(values.texts(row.get(name))))
        groups = [(*group, text) for group in groups for text in found]
    return groups
