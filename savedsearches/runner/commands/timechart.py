"""``timechart``: one row a step of time, one column a series, steps without events included."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from savedsearches.runner import values
from savedsearches.runner.aggregates import Accumulator, Aggregation, parse_aggregations
from savedsearches.runner.commands.calculate import next_step, time_step
from savedsearches.runner.commands.statistics import by_fields
from savedsearches.runner.errors import SplRunError, SplSyntaxError, Unverified
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import switch, whole

_OPTION = re.compile(r"\s*(span|limit|useother|usenull|cont|fixedrange|bins|partial|minspan|aligntime)\s*=\s*(\S+)")
_KNOWN = ("span", "limit", "useother", "usenull")
#: Rows that `timechart` makes at most.
MOST_STEPS = 50_000


def timechart(arguments: str, session: Session) -> Stage:
    """``timechart span=<step> [limit=10] [useother=t] [usenull=t] <aggregate> [by <field>]``.

    The steps cover the range of the search where it has bounds, else the events.
    """
    options: Dict[str, str] = {}
    rest = arguments
    while True:
        match = _OPTION.match(rest)
        if match is None:
            break
        if match.group(1) not in _KNOWN:
            raise SplSyntaxError(f"timechart: {match.group(1)}= is not in the runner's subset of SPL")
        options[match.group(1)] = match.group(2)
        rest = rest[match.end() :]
    if "span" not in options:
        raise SplSyntaxError("timechart: give span=; how Splunk chooses steps is not in the runner's subset of SPL")
    limit = whole("timechart", "limit", options.get("limit", "10"))
    useother = switch("timechart", "useother", options.get("useother", "true"))
    usenull = switch("timechart", "usenull", options.get("usenull", "true"))
    aggregations, rest = parse_aggregations("timechart", rest, session.moment)
    by = by_fields("timechart", rest, aggregations)
    if len(by) > 1 or (by and len(aggregations) > 1):
        raise SplSyntaxError("timechart: one aggregate and one field after BY, or several aggregates without BY")
    chart = _Chart(options["span"], aggregations, by[0] if by else None, session)
    return lambda rows: chart.rows(rows, limit, useother, usenull)


class _Chart:
    def __init__(self, span: str, aggregations: List[Aggregation], by: Optional[str], session: Session) -> None:
        self._span = span
        self._aggregations = aggregations
        self._by = by
        self._moment = session.moment
        self._step = time_step(span, session.moment)

    def rows(self, rows: Iterator[Row], limit: int, useother: bool, usenull: bool) -> Iterator[Row]:
        kept = [(self._time(row), row) for row in rows]
        if not kept and (self._moment.earliest_s is None or self._moment.latest_s is None):
            return iter(())
        if self._by is None:
            return self._steps(kept, [(aggregation.column, aggregation) for aggregation in self._aggregations])
        return self._by_series(kept, limit, useother, usenull)

    def _time(self, row: Row) -> Any:
        time = values.number(row.get("_time"))
        if time is None:
            raise SplRunError("timechart needs rows with _time")
        return time

    def _by_series(self, kept: List[Any], limit: int, useother: bool, usenull: bool) -> Iterator[Row]:
        (aggregation,) = self._aggregations
        totals: Dict[str, Any] = {}
        named = []
        for time, row in kept:
            found = values.texts(row.get(self._by or ""))
            if len(found) > 1:
                raise Unverified("timechart: a BY field with several values is not in Splunk's manual")
            named.append((time, row, found[0] if found else None))
        series: Dict[Optional[str], Accumulator] = {}
        for _, row, name in named:
            series.setdefault(name, aggregation.make()).add(aggregation.values_of(row), row)
        for name, accumulator in series.items():
            if name is not None:
                totals[name] = values.number(accumulator.result()) or 0
        # The largest by their sum stay; of as many as fit, all do.
        largest = sorted(totals, key=lambda name: (-totals[name], name))
        shown = sorted(largest[:limit] if limit else largest)
        if len(largest) > len(shown) and aggregation.function not in ("count", "c", "sum"):
            raise Unverified(f"timechart: which series of {aggregation.function}() stay is not in Splunk's manual")

        def column(name: Optional[str]) -> Optional[str]:
            if name is None:
                return "NULL" if usenull else None
            return name if name in shown else "OTHER" if useother else None

        placed = [(time, row, column(name)) for time, row, name in named]
        columns = shown + [extra for extra in ("NULL", "OTHER") if any(extra == name for _, _, name in placed)]
        groups: Dict[Tuple[int, str], Accumulator] = {}
        for time, row, name in placed:
            if name is not None:
                key = (self._step(time), name)
                groups.setdefault(key, aggregation.make()).add(aggregation.values_of(row), row)
        return self._filled(
            [time for time, _ in kept],
            lambda start: {
                name: groups[start, name].result() if (start, name) in groups else aggregation.of_nothing
                for name in columns
            },
        )

    def _steps(self, kept: List[Any], columns: List[Tuple[str, Aggregation]]) -> Iterator[Row]:
        groups: Dict[int, List[Accumulator]] = {}
        for time, row in kept:
            start = self._step(time)
            if start not in groups:
                groups[start] = [aggregation.make() for _, aggregation in columns]
            for (_, aggregation), accumulator in zip(columns, groups[start]):
                accumulator.add(aggregation.values_of(row), row)
        return self._filled(
            [time for time, _ in kept],
            lambda start: {
                column: groups[start][position].result() if start in groups else aggregation.of_nothing
                for position, (column, aggregation) in enumerate(columns)
            },
        )

    def _filled(self, times: List[Any], row_of: Any) -> Iterator[Row]:
        first = self._moment.earliest_s if self._moment.earliest_s is not None else min(times)
        # The last step is the one that holds the last instant before the end.
        last = self._step(max(times)) if times else None
        end = self._moment.latest_s
        start = self._step(first)
        for _ in range(MOST_STEPS):
            if start > (last if end is None else end - 1e-6):  # type: ignore[operator]
                return
            row: Row = {"_time": start}
            for name, value in row_of(start).items():
                values.put(row, name, value)
            yield row
            start = next_step(start, self._span, self._moment)
        raise SplRunError(f"timechart would make more than {MOST_STEPS:,} rows: give a larger span=")
