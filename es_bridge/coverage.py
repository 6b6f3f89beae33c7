"""Whether the store holds what a time range asks for: absence of data is not absence of events.

Two kinds of indices, told apart by their names:

- **One a day or a month** (``aws-waf-2026.11.20``, ``logs-2026-11``): a day of the range without an open index holds
  nothing. It was never loaded, or was deleted, closed or moved to cold storage; which of these, the names do not tell.
  Of this product's indices a day has one as soon as it has one event. The day (or month) that is not over yet is left
  out.
- **Others** (one index, an alias, a data stream): one request asks for the oldest time in them, without the query.

Only names that the pattern leads to and that whoever asks may read are looked at. A search over All time is told of
gaps, not of what lies before the oldest index.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Callable, Collection, Dict, Iterator, List, NamedTuple, Optional, Sequence, Set, Tuple

from es_bridge.answers import NUMBER, SEARCH, Maybe
from es_bridge.errors import Aborted, BridgeError
from es_bridge.patterns import any_of, fits
from es_bridge.query import SearchRequest
from es_bridge.times import EPOCH, MS, format_utc
from es_bridge.transport import Transport

#: Runs of days that a message names; the others are counted.
MOST_RUNS = 5
#: Fields that say when a document was written, whatever the day of its event and index.
WRITTEN = ("event.ingested", "event.created")
_DATED = re.compile(r"(.*?)([0-9]{4})([.-])(0[1-9]|1[0-2])(?:\3([0-9]{2}))?", re.DOTALL)
#: An index that was rolled over, also of a data stream.
_ROLLED = r"(?s).*-[0-9]{6}"


class Series(NamedTuple):
    """The dated indices of one prefix. ``days`` are first days of a month where ``monthly``."""

    prefix: str
    separator: str
    monthly: bool
    days: Tuple[date, ...]

    def name(self, day: date) -> str:
        """Return the name of the index of a day."""
        return self.prefix + day.strftime("%Y{0}%m" if self.monthly else "%Y{0}%m{0}%d").format(self.separator)

    def period(self, day: date) -> date:
        """Return the first day of the index that a day's events are in."""
        return day.replace(day=1) if self.monthly else day

    def after(self, day: date) -> date:
        """Return the first day of the next index."""
        return (day + timedelta(31)).replace(day=1) if self.monthly else day + timedelta(1)

    def shown(self, day: date) -> str:
        """Return a day, or a month, as messages write it."""
        return day.isoformat()[: 7 if self.monthly else 10]


def dated(names: Sequence[str]) -> Tuple[List[Series], List[str]]:
    """Return the series among index names, and the names that are of none."""
    found: Dict[Tuple[str, str, bool], Set[date]] = defaultdict(set)
    others = []
    for name in names:
        match = _DATED.fullmatch(name)
        try:
            if match is None:
                raise ValueError(name)
            prefix, year, separator, month, day = match.groups()
            if int(year) < 1970:
                raise ValueError(name)
            first = date(int(year), int(month), int(day or 1))
            found[prefix, separator, day is None].add(first)
        except ValueError:  # no date, or none of the calendar
            others.append(name)
    return [Series(*key, tuple(sorted(days))) for key, days in sorted(found.items())], others


def beyond_store(
    transport: Transport,
    request: SearchRequest,
    names: Sequence[str],
    now_ms: int,
    touched: Optional[Collection[date]] = None,
) -> Tuple[List[str], List[str]]:
    """Return (warnings, notes) about what of the range the store does not hold. Raises `Aborted` only.

    ``touched``: the days of the range that are asked for; without, all of it.
    """
    warnings, notes = before_oldest(transport, request, names)
    return missing_days(request, names, now_ms, touched) + warnings, notes


def missing_days(
    request: SearchRequest, names: Sequence[str], now_ms: int, touched: Optional[Collection[date]] = None
) -> List[str]:
    """Return warnings about series that lack days of the range: one for those that lack the same."""
    if request.time_field in WRITTEN:
        return []
    lacking: Dict[str, List[str]] = defaultdict(list)
    for series in dated(names)[0]:
        lacks = " and ".join(_lacks(series, request, now_ms, touched))
        if lacks:
            lacking[lacks].append(f"{series.prefix}*")
    texts = [
        f"the range reaches beyond what the store holds: {_listed(prefixes)} {'have' if prefixes[1:] else 'has'} "
        f"{lacks}. Events of that time were never loaded, or their indices were deleted, closed or moved to cold "
        "storage: no result there does not mean that nothing happened"
        for lacks, prefixes in lacking.items()
    ]
    if len(texts) > MOST_RUNS:
        more = sum(map(len, list(lacking.values())[MOST_RUNS:]))
        texts[MOST_RUNS:] = [f"the range reaches beyond what the store holds in {more} more series of daily indices"]
    return texts


def _lacks(series: Series, request: SearchRequest, now_ms: int, touched: Optional[Collection[date]]) -> Iterator[str]:
    today = series.period(_day(now_ms))
    last = today if request.latest_ms is None else min(today, series.period(_day(request.latest_ms - 1)))
    oldest = series.days[0]
    first = oldest if request.earliest_ms is None else series.period(_day(request.earliest_ms))
    asked_for = _asked_for(series, request)
    there = set(series.days)
    wanted = None if touched is None else set(map(series.period, touched))
    lacking: List[date] = []
    day = max(first, oldest)
    while day <= last and day < today:
        if day not in there and (wanted is None or day in wanted) and asked_for(day):
            lacking.append(day)
        day = series.after(day)
    if lacking:
        yield f"no open index for {_listed([_run(series, run) for run in _runs(series, lacking)])}"
    # What lies before the oldest index is without end, so it is not listed.
    if first < oldest and last >= first and asked_for(min(last, _before(series, oldest))):
        yield f"nothing older than the oldest index, {series.shown(oldest)}"


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - MOST_RUNS
    return ", ".join(texts[:MOST_RUNS]) + (f" and {more} more" if more > 0 else "")


def _before(series: Series, day: date) -> date:
    return series.period(day - timedelta(1))


def _asked_for(series: Series, request: SearchRequest) -> Callable[[date], bool]:
    """Return what says whether the pattern would lead to the index of a day, were it there."""
    parts = request.index.split(",")
    includes = [part for part in parts if not part.startswith("-")]
    if includes == parts and any(part.endswith("*") and fits(series.prefix, part) for part in parts):
        return lambda _: True  # whatever follows the prefix; the days of a range may be thousands
    included, excluded = any_of(includes), any_of([part[1:] for part in parts if part.startswith("-")])
    # By an alias or date math: then the names say nothing about what is meant.
    by_name = any(included(series.name(day)) for day in series.days)

    def asked_for(day: date) -> bool:
        name = series.name(day)
        return not excluded(name) and (not by_name or included(name))

    return asked_for


def _runs(series: Series, days: Sequence[date]) -> Iterator[List[date]]:
    """Yield days that follow each other."""
    number = {day: place for place, day in enumerate(_all(series, days))}
    for _, run in groupby(enumerate(days), lambda each: number[each[1]] - each[0]):
        yield [day for _, day in run]


def _all(series: Series, days: Sequence[date]) -> Iterator[date]:
    day = days[0] if days else None
    while day is not None and day <= days[-1]:
        yield day
        day = series.after(day)


def _run(series: Series, run: List[date]) -> str:
    several = f"{series.shown(run[0])} to {series.shown(run[-1])}"
    return several if len(run) > 1 else series.shown(run[0])


def _day(ms: int) -> date:
    """Return the day in UTC of an instant, also of one that no calendar has."""
    try:
        return (EPOCH + ms * MS).date()
    except OverflowError:
        return (datetime.max if ms > 0 else datetime.min).date() - timedelta(40 if ms > 0 else -40)


def before_oldest(transport: Transport, request: SearchRequest, names: Sequence[str]) -> Tuple[List[str], List[str]]:
    """Return (warnings, notes) for a range that begins days before the oldest document of undated indices.

    A warning where indices are rolled over, so that old ones may have been deleted; else a note. One request where
    there is something to ask. Raises `Aborted` only.
    """
    others = dated(names)[1]
    if not others or request.earliest_ms is None:
        return [], []
    name = request.time_field
    body = {"size": 0, "track_total_hits": False, "aggs": {"oldest": {"min": {"field": name}}}}
    if request.allowed_indices is not None:  # one may have come to be in between
        body["query"] = {"terms": {"_index": list(names)}}
    try:
        reply = transport.request("POST", (request.index, "_search"), None, body).json(_OLDEST)
    except Aborted:
        raise
    except BridgeError:
        return [], [f"it is not known how far back {request.index!r} reaches: the cluster did not answer"]
    found: Optional[float] = reply.get("aggregations", {}).get("oldest", {}).get("value")
    if found is None or _day(request.earliest_ms) >= _day(int(found)):
        return [], []
    text = (
        f"the range reaches beyond what the store holds: the oldest event in {request.index!r} is of "
        f"{format_utc(int(found))}, and nothing older is there"
    )
    return ([text], []) if any(re.fullmatch(_ROLLED, name) for name in others) else ([], [text])


_OLDEST = {**SEARCH, "aggregations": Maybe({"oldest": {"value": Maybe(NUMBER)}})}
