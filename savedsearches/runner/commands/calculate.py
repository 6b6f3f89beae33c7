"""``eval`` and ``bin``."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import Any, Callable, Iterator, Optional, Tuple

from savedsearches.runner import values
from savedsearches.runner.errors import SplSyntaxError, Unverified
from savedsearches.runner.expression import parse_assignments
from savedsearches.runner.moment import Moment
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments

_SPAN = re.compile(r"([0-9]+)([a-z]*)")
#: Spelling of a unit -> (seconds, unit).
_UNITS = {
    spelling: unit
    for unit, spellings in {
        1: "s sec secs second seconds",
        60: "m min mins minute minutes",
        3600: "h hr hrs hour hours",
        86400: "d day days",
    }.items()
    for spelling in spellings.split()
}


def addinfo(arguments: str, session: Session) -> Stage:
    """``addinfo``: the range of the search and when it runs, in each row; a side without a bound is 0 or +Infinity."""
    Arguments("addinfo", arguments).end()
    moment = session.moment
    info: Row = {
        "info_min_time": f"{moment.earliest_s or 0:.3f}",
        "info_max_time": "+Infinity" if moment.latest_s is None else f"{moment.latest_s:.3f}",
        "info_search_time": f"{moment.now_s:.3f}",
    }
    return lambda rows: ({**row, **info} for row in rows)


def eval_command(arguments: str, session: Session) -> Stage:
    """``eval <field>=<expression>, ...``: from left to right; null takes the field away."""
    assignments = parse_assignments(arguments, session.moment)

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            changed = dict(row)
            for name, evaluate in assignments:
                values.put(changed, name, evaluate(changed))
            yield changed

    return run


def bin_command(arguments: str, session: Session) -> Stage:
    """``bin span=<size> <field> [AS <name>]``: numbers as ranges, ``_time`` as the start of its step."""
    read = Arguments("bin", arguments)
    options = read.options(("span",))
    if "span" not in options:
        raise SplSyntaxError("bin: give span=; the other ways to choose steps are not in the runner's subset of SPL")
    field = read.name()
    new = read.name("a name") if read.take_keyword("as") else field
    read.end()
    step = time_step(options["span"], session.moment) if field == "_time" else _ranges(options["span"])

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            changed = dict(row)
            found = changed.get(field)
            if found is not None:
                number = values.number(found)
                if number is None:
                    raise Unverified(f"bin: {found!r} in {field} is no number")
                values.put(changed, new, step(number))
            yield changed

    return run


def span_of(text: str) -> Tuple[int, int]:
    """Return (how many, seconds of the unit) of a span. Raises `SplSyntaxError` for a unit outside the subset."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None or int(match.group(1)) < 1 or (match.group(2) or "s") not in _UNITS:
        raise SplSyntaxError(f"span={text}: the runner knows seconds, minutes, hours and days, such as 5m or 1d")
    return int(match.group(1)), _UNITS[match.group(2) or "s"]


def time_step(span: str, moment: Moment) -> Callable[[Any], int]:
    """Return what gives the start of a time's step: from the epoch on below a day, at the user's midnight for a day."""
    count, unit = span_of(span)
    if unit < 86400:
        seconds = count * unit
        return lambda time: int(time // seconds * seconds)
    if count > 1:
        raise SplSyntaxError(f"span={span}: steps of several days begin where Splunk's manual does not say. Use 1d")
    return lambda time: int(_midnight(moment.local(time)).timestamp())


def _midnight(local: datetime) -> datetime:
    return local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def next_step(start: int, span: str, moment: Moment) -> int:
    """Return the start of the step after the one that begins at ``start``."""
    count, unit = span_of(span)
    if unit < 86400:
        return start + count * unit
    following = _midnight(moment.local(start)).replace(tzinfo=None) + timedelta(days=1)
    return int(following.replace(tzinfo=moment.zone).timestamp())


def _ranges(span: str) -> Callable[[Any], Optional[str]]:
    size = values.number(span)
    if size is None or size <= 0:
        raise SplSyntaxError(f"bin: span={span} is no size of a range")

    def name_of(number: Any) -> str:
        start = math.floor(number / size) * size
        return f"{values.text(start)}-{values.text(start + size)}"

    return name_of
