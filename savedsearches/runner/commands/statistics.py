"""``stats``, ``eventstats`` and ``streamstats``."""

from __future__ import annotations

import re
from collections import deque
from typing import Deque, Dict, Iterator, List, Optional, Sequence, Tuple

from savedsearches.runner import values
from savedsearches.runner.aggregates import Accumulator, Aggregation, groups_of, parse_aggregations
from savedsearches.runner.errors import SplSyntaxError, Unverified
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments, switch, whole

#: Rows that `streamstats` looks back on at most (limits.conf, ``[stats] max_stream_window``).
LARGEST_WINDOW = 10_000
_OPTION = re.compile(r'\s*(window|current|global|time_window|reset_\w+|allnum|delim|partitions)\s*=\s*("[^"]*"|\S+)')

Group = Tuple[str, ...]


def stats(arguments: str, session: Session) -> Stage:
    """``stats <aggregates> [by <fields>]``: one row a group; rows without a value in a ``by`` field count nowhere."""
    aggregations, by = _parse("stats", arguments, session)

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        groups: Dict[Group, List[Accumulator]] = {}
        for row in rows:
            for group in groups_of(row, by):
                _add(groups, group, aggregations, row)
        if not by and not groups:
            groups[()] = _accumulators(aggregations)
        for group in sorted(groups, key=values.group_key):
            result: Row = dict(zip(by, group))
            for aggregation, accumulator in zip(aggregations, groups[group]):
                values.put(result, aggregation.column, accumulator.result())
            yield result

    return run


def eventstats(arguments: str, session: Session) -> Stage:
    """``eventstats <aggregates> [by <fields>]``: every row stays and gets the aggregates of its group."""
    aggregations, by = _parse("eventstats", arguments, session)

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        kept = list(rows)
        groups: Dict[Group, List[Accumulator]] = {}
        own = [_only_group(row, by, "eventstats") for row in kept]
        for row, group in zip(kept, own):
            if group is not None:
                _add(groups, group, aggregations, row)
        for row, group in zip(kept, own):
            changed = dict(row)
            if group is not None:
                for aggregation, accumulator in zip(aggregations, groups[group]):
                    values.put(changed, aggregation.column, accumulator.result())
            yield changed

    return run


def streamstats(arguments: str, session: Session) -> Stage:
    """``streamstats [window=] [current=] [global=] <aggregates> [by <fields>]``: of the rows up to each row."""
    options: Dict[str, str] = {}
    rest = arguments
    while True:
        match = _OPTION.match(rest)
        if match is None:
            break
        options[match.group(1)] = match.group(2).strip('"')
        rest = rest[match.end() :]
    unknown = set(options) - {"window", "current", "global"}
    if unknown:
        raise SplSyntaxError(f"streamstats: {', '.join(sorted(unknown))} is not in the runner's subset of SPL")
    window = whole("streamstats", "window", options.get("window", "0"))
    if window > LARGEST_WINDOW:
        raise SplSyntaxError(f"streamstats: Splunk looks back on {LARGEST_WINDOW:,} rows at most")
    current = switch("streamstats", "current", options.get("current", "true"))
    aggregations, by = _parse("streamstats", rest, session)
    if window and by and switch("streamstats", "global", options.get("global", "true")):
        raise SplSyntaxError("streamstats: with window= and BY say global=false, so that each group has its own window")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        running: Dict[Group, _Running] = {}
        for row in rows:
            group = _only_group(row, by, "streamstats")
            if group is None:
                raise Unverified("streamstats: a row has no value in a BY field, which is not in Splunk's manual")
            of_group = running.get(group)
            if of_group is None:
                of_group = running[group] = _Running(aggregations, window)
            before = None if current else of_group.results()
            of_group.add(row)
            changed = dict(row)
            for aggregation, value in zip(aggregations, of_group.results() if before is None else before):
                values.put(changed, aggregation.column, value)
            yield changed

    return run


class _Running:
    """Aggregates of a group's rows so far, or of the last ``window`` of them."""

    def __init__(self, aggregations: Sequence[Aggregation], window: int) -> None:
        self._aggregations = aggregations
        self._accumulators = _accumulators(aggregations)
        self._window: Optional[Deque[Row]] = deque(maxlen=window) if window else None

    def add(self, row: Row) -> None:
        if self._window is None:
            _take(self._accumulators, self._aggregations, row)
        else:
            self._window.append(row)

    def results(self) -> List[Optional[values.Value]]:
        if self._window is not None:
            self._accumulators = _accumulators(self._aggregations)
            for row in self._window:
                _take(self._accumulators, self._aggregations, row)
        return [accumulator.result() for accumulator in self._accumulators]


def _parse(command: str, arguments: str, session: Session) -> Tuple[List[Aggregation], List[str]]:
    aggregations, rest = parse_aggregations(command, arguments, session.moment)
    return aggregations, by_fields(command, rest, aggregations)


def by_fields(command: str, rest: str, aggregations: Sequence[Aggregation]) -> List[str]:
    """Return the fields after BY. Raises `SplSyntaxError` for anything else, and for a name used twice."""
    if not rest:
        return []
    read = Arguments(command, re.sub(r"^by\b", "", rest, flags=re.IGNORECASE))
    names = read.fields()
    read.end()
    if not names or any("*" in name for name in names):
        raise SplSyntaxError(f"{command}: name the fields after BY, without wildcards")
    for name in names:
        if names.count(name) > 1 or any(aggregation.column == name for aggregation in aggregations):
            raise SplSyntaxError(f"{command}: {name!r} would be two columns")
    return names


def _accumulators(aggregations: Sequence[Aggregation]) -> List[Accumulator]:
    return [aggregation.make() for aggregation in aggregations]


def _add(groups: Dict[Group, List[Accumulator]], group: Group, aggregations: Sequence[Aggregation], row: Row) -> None:
    accumulators = groups.get(group)
    if accumulators is None:
        accumulators = groups[group] = _accumulators(aggregations)
    _take(accumulators, aggregations, row)


def _take(accumulators: List[Accumulator], aggregations: Sequence[Aggregation], row: Row) -> None:
    for aggregation, accumulator in zip(aggregations, accumulators):
        accumulator.add(aggregation.values_of(row), row)


def _only_group(row: Row, by: Sequence[str], command: str) -> Optional[Group]:
    groups = groups_of(row, by)
    if len(groups) > 1:
        raise Unverified(f"{command}: a BY field with several values is not in Splunk's manual")
    return groups[0] if groups else None
