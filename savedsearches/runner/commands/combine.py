"""``join``, ``append``, ``appendpipe`` and ``collect``: rows of two searches, and rows that become events."""

from __future__ import annotations

import itertools
from typing import Dict, Iterator, List, Tuple

from savedsearches.runner import values
from savedsearches.runner.errors import SplSyntaxError, Unverified
from savedsearches.runner.session import Session, Stage, collected
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments, chosen, switch, whole

#: Rows of a subsearch that `join` and `append` take (limits.conf, ``[join] subsearch_maxout``, ``[searchresults]``).
MOST_OF_JOIN = 50_000
MOST_OF_APPEND = 50_000


def append(arguments: str, session: Session) -> Stage:
    """``append [<search>]``: its rows after those that are there."""
    read = Arguments("append", arguments)
    text = read.subsearch()
    read.end()
    return lambda rows: itertools.chain(rows, session.subsearch(text, MOST_OF_APPEND))


def appendpipe(arguments: str, session: Session) -> Stage:
    """``appendpipe [<commands>]``: what the commands make of all rows, after the rows."""
    read = Arguments("appendpipe", arguments)
    piped = session.build(read.subsearch(), session)
    read.end()

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        kept = list(rows)
        return itertools.chain(kept, piped(iter(collected(kept))))

    return run


def join(arguments: str, session: Session) -> Stage:
    """``join [type=inner|left] [max=1] [overwrite=t] <fields> [<search>]``: rows with the same values put together."""
    read = Arguments("join", arguments)
    options = read.options(("type", "max", "overwrite"))
    outer = chosen("join", "type", options.get("type", "inner"), ("inner", "left", "outer")) != "inner"
    most = whole("join", "max", options.get("max", "1"))
    overwrite = switch("join", "overwrite", options.get("overwrite", "t"))
    names = read.fields()
    text = read.subsearch()
    read.end()
    if not names:
        raise SplSyntaxError("join: name the fields that have to be the same")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        others: Dict[Tuple[str, ...], List[Row]] = {}
        for other in session.subsearch(text, MOST_OF_JOIN):
            key = _key(other, names)
            if key is not None:
                others.setdefault(key, []).append(other)
        for row in rows:
            key = _key(row, names)
            found = others.get(key, []) if key is not None else []
            found = found[:most] if most else found
            if not found and outer:
                yield row
            for other in found:
                yield {**row, **other} if overwrite else {**other, **row}

    return run


def _key(row: Row, names: List[str]) -> Tuple[str, ...] | None:
    key = []
    for name in names:
        value = row.get(name)
        if isinstance(value, list):
            raise Unverified(f"join: {name} has several values, which is not in Splunk's manual")
        if value is None:
            return None
        key.append(values.text(value))
    return tuple(key)


def collect(arguments: str, session: Session) -> Stage:
    """``collect index=<index> [sourcetype=stash]``: the rows as events of the session, and passed on."""
    read = Arguments("collect", arguments)
    options = read.options(("index", "sourcetype"))
    read.end()
    if "index" not in options:
        raise SplSyntaxError("collect: give index=")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        written = collected(rows)
        now = session.moment.now_s
        for row in written:
            event = {"_time": now, **row, "_indextime": now}
            event.update(index=options["index"], sourcetype=options.get("sourcetype", "stash"))
            event.setdefault("_raw", ", ".join(_pair(name, value) for name, value in row.items() if name[:1] != "_"))
            session.events.append(event)
        return iter(written)

    return run


def _pair(name: str, value: values.Value) -> str:
    return f'{name}="{" ".join(values.texts(value))}"'
