"""``sort``, ``head`` and ``dedup``: order and number of rows."""

from __future__ import annotations

import ipaddress
import itertools
import re
from typing import Any, Dict, Iterator, List, Tuple

from savedsearches.runner import values
from savedsearches.runner.errors import SplRunError, SplSyntaxError, Unverified
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments, switch, unquote, whole

#: What `sort` keeps when no number is given.
SORT_KEEPS = 10_000
_NAME = r'"(?:[^"\\]|\\.)+"|[^\s,()"]+'
_KEY = re.compile(rf"([+-]?)\s*(?:(auto|str|num|ip)\(\s*({_NAME})\s*\)|({_NAME}))(\s*,\s*|\s+|\Z)")
#: Behind the last key, without a comma, it turns the order round.
_TURNS = ("d", "desc")


def sort(arguments: str, session: Session) -> Stage:
    """``sort [<count>] [-|+]<field>, ...``: without a count 10,000 rows stay, with ``0`` all; more is an error here."""
    match = re.match(r"(?:limit\s*=\s*)?([0-9]+)(?=[\s]|\Z)", arguments)
    most = int(match.group(1)) if match else SORT_KEEPS
    keys = sort_keys(arguments[match.end() :] if match else arguments)

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        kept = sorted_rows(list(rows), keys)
        if match is None and len(kept) > SORT_KEEPS:
            raise SplRunError(f"sort: Splunk would keep {SORT_KEEPS:,} of {len(kept):,} rows: write sort 0 ...")
        return iter(kept[:most] if most else kept)

    return run


def sort_keys(text: str) -> List[Tuple[str, bool, str]]:
    """Return (field, whether descending, how values are compared) of a list of sort keys."""
    keys: List[Tuple[str, bool, str]] = []
    rest, separator = text.strip(), ","
    while rest or not keys:
        match = _KEY.match(rest)
        if match is None:
            raise SplSyntaxError(f"sort: {rest[:40]!r} is no field")
        name, before, separator = match.group(3) or match.group(4), separator, match.group(5)
        rest = rest[match.end() :]
        if not rest and "," in separator:
            raise SplSyntaxError("sort: something is missing after the comma")
        if not rest and "," not in before and name.lower() in _TURNS:
            raise SplSyntaxError(
                f"sort: {name} at the end turns the order round in Splunk, which is not in the runner's subset. Write "
                "- before each field"
            )
        keys.append((unquote(name) if name[0] == '"' else name, match.group(1) == "-", match.group(2) or "auto"))
    return keys


def sorted_rows(rows: List[Row], keys: List[Tuple[str, bool, str]]) -> List[Row]:
    """Return rows in order; rows that are alike keep theirs. Raises `Unverified` where the manual gives no order."""
    for name, descending, form in reversed(keys):
        order = sorted(range(len(rows)), key=_compared(name, form, rows).__getitem__, reverse=descending)
        rows = [rows[position] for position in order]
    return rows


def _compared(name: str, form: str, rows: List[Row]) -> List[Any]:
    """Return what stands for each row where they are compared by a field."""
    found = [row.get(name) for row in rows]
    for value in found:
        if value is None or isinstance(value, list):
            what = "no value" if value is None else "several values"
            raise Unverified(f"sort: a row has {what} in {name!r}, and Splunk's manual gives no order. Use fillnull")
    if form == "str":
        return [values.text(value) for value in found]
    if form == "ip":
        return [ipaddress.ip_address(values.text(value)) for value in found]
    numbers = [values.number(value) for value in found]
    missing = numbers.count(None)
    if not missing:
        return numbers
    if form == "num":
        raise Unverified(f"sort: num({name}) has values that are no numbers")
    if missing < len(numbers):
        raise Unverified(f"sort: {name!r} has numbers and other texts. Say str({name}), or make it one type")
    return [values.text(value) for value in found]


def head(arguments: str, session: Session) -> Stage:
    """``head [<count>]``: the first rows, 10 without a number."""
    read = Arguments("head", arguments)
    options = read.options(("limit",))
    word = None if "limit" in options else read.take()
    count = options.get("limit", word.value if word else "10")
    read.end()
    most = whole("head", "limit", count)
    return lambda rows: itertools.islice(rows, most)


def dedup(arguments: str, session: Session) -> Stage:
    """``dedup [<count>] <fields> [keepempty=] [consecutive=] [sortby ...]``: the first rows with the same values."""
    text, *after = re.split(r"\bsortby\b", arguments, maxsplit=1)
    order = sort_keys(after[0]) if after else None
    read = Arguments("dedup", text)
    options = read.options(("keepempty", "consecutive"))
    keepempty = switch("dedup", "keepempty", options.get("keepempty", "f"))
    consecutive = switch("dedup", "consecutive", options.get("consecutive", "f"))
    names = read.fields()
    read.end()
    most = int(names.pop(0)) if names and names[0].isdigit() else 1
    if not names or most < 1 or any("*" in name for name in names):
        raise SplSyntaxError("dedup: name the fields, without wildcards")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        seen: Dict[Tuple[Tuple[str, ...], ...], int] = {}
        kept = _first_of_each(rows, names, most, keepempty, consecutive, seen)
        return iter(sorted_rows(list(kept), order)) if order else kept

    return run


def _first_of_each(
    rows: Iterator[Row],
    names: List[str],
    most: int,
    keepempty: bool,
    consecutive: bool,
    seen: Dict[Tuple[Tuple[str, ...], ...], int],
) -> Iterator[Row]:
    for row in rows:
        key = tuple(tuple(values.texts(row.get(name))) for name in names)
        if not all(key):
            if keepempty:
                yield row
            continue
        if consecutive and key not in seen:
            seen.clear()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= most:
            yield row
