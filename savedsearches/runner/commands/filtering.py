"""``search`` and ``where``."""

from __future__ import annotations

from typing import Iterator, List, Optional

from es_bridge import times
from es_bridge.errors import TimeError
from savedsearches.runner import values
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.expression import parse_condition
from savedsearches.runner.search_terms import SearchTerms, parse_search
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row

#: Rows of a subsearch that become part of a search (limits.conf, ``[subsearch] maxout``).
MOST_OF_SUBSEARCH = 10_000


def search(arguments: str, session: Session) -> Stage:
    """``search <terms>``: as the first command of the session's events, later of the rows before it."""
    terms = parse_search(arguments, lambda text: as_search(session.subsearch(text, MOST_OF_SUBSEARCH)))

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        if terms.bounds:
            raise SplSyntaxError("search: earliest= and latest= belong to the first command of a search")
        return (row for row in rows if terms.test(row))

    return run


def first_search(arguments: str, session: Session) -> Iterator[Row]:
    """Return the session's events that fulfil a search, newest first."""
    terms = parse_search(arguments, lambda text: as_search(session.subsearch(text, MOST_OF_SUBSEARCH)))
    if not session.events:
        raise SplSyntaxError(
            "a search of an index needs events, which are not there: begin with | elasticsearch, | makeresults or "
            "| inputlookup, or give the runner events"
        )
    found = [dict(row) for row in session.events if _in_range(row, terms, session) and terms.test(row)]
    return iter(sorted(found, key=lambda row: -float(values.number(row.get("_time", 0)) or 0)))


def _in_range(row: Row, terms: SearchTerms, session: Session) -> bool:
    time = values.number(row.get("_time"))
    indexed = values.number(row.get("_indextime"))
    bounds = {name: _bound(name, text, session) for name, text in terms.bounds.items()}
    earliest = bounds.get("earliest", session.moment.earliest_s)
    latest = bounds.get("latest", session.moment.latest_s)
    for instant, first, last in (
        (time, earliest, latest),
        (
            indexed,
            bounds.get("_index_earliest", session.moment.index_earliest_s),
            bounds.get("_index_latest", session.moment.index_latest_s),
        ),
    ):
        if (first is not None or last is not None) and instant is None:
            return False
        if first is not None and instant is not None and instant < first:
            return False
        if last is not None and instant is not None and instant >= last:
            return False
    return True


def _bound(name: str, text: str, session: Session) -> Optional[float]:
    try:
        found = times.parse_time(text, now_ms=round(session.moment.now_s * 1000), zone=session.moment.zone)
    except TimeError as exc:
        raise SplSyntaxError(f"search: {name}={text}: {exc}") from None
    return None if found is None else found / 1000


def as_search(rows: List[Row]) -> str:
    """Return rows as a search: fields of a row joined by AND, rows by OR, as the implicit ``format`` does."""
    if not rows:
        return "NOT *"
    wholes = []
    for row in rows:
        parts = []
        for name, value in row.items():
            if name.startswith("_"):
                continue
            if isinstance(value, list):
                parts.append("(" + " OR ".join(_equals(name, text) for text in value) + ")")
            elif name in ("search", "query"):
                raise SplSyntaxError(f"a subsearch that returns the field {name} is not in the runner's subset of SPL")
            else:
                parts.append(_equals(name, values.text(value)))
        wholes.append("(" + " AND ".join(parts) + ")")
    return "(" + " OR ".join(wholes) + ")"


def _equals(name: str, text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{name}="{escaped}"'


def where(arguments: str, session: Session) -> Stage:
    """``where <condition>``: rows for which it is true, not those for which it is false or unknown."""
    condition = parse_condition("where", arguments, session.moment)
    return lambda rows: (row for row in rows if condition(row))
