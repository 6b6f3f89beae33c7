"""``table``, ``fields``, ``rename`` and ``fillnull``: which fields a row has, and under which names."""

from __future__ import annotations

import re
from typing import Callable, Dict, Iterator, List, Sequence, Tuple

from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.session import Session, Stage
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments


def table(arguments: str, session: Session) -> Stage:
    """``table <fields>``: these fields, in this order; ``*`` stands for any characters."""
    read = Arguments("table", arguments)
    names = read.fields()
    read.end()
    if not names:
        raise SplSyntaxError("table: name the fields")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        kept = list(rows)
        columns = _columns(names, dict.fromkeys(name for row in kept for name in row))
        return ({name: row[name] for name in columns if name in row} for row in kept)

    return run


def fields(arguments: str, session: Session) -> Stage:
    """``fields [+|-] <fields>``: keep or remove; ``_time`` and ``_raw`` stay unless they are removed by name."""
    removing = arguments.startswith("-")
    read = Arguments("fields", arguments[1:] if arguments[:1] in ("-", "+") else arguments)
    names = read.fields()
    read.end()
    if not names:
        raise SplSyntaxError("fields: name the fields")
    tests = [_wildcard(name) for name in names]

    def keeps(name: str) -> bool:
        named = any(test(name) for test in tests)
        return not named if removing else named or name in ("_time", "_raw")

    return lambda rows: ({name: value for name, value in row.items() if keeps(name)} for row in rows)


def rename(arguments: str, session: Session) -> Stage:
    """``rename <field> AS <name>, ...``; one ``*`` in both names carries over what it stands for."""
    read = Arguments("rename", arguments)
    pairs: List[Tuple[str, str]] = []
    while read.peek() is not None:
        old = read.name()
        if not read.take_keyword("as"):
            raise SplSyntaxError(f"rename: AS is missing after {old}")
        new = read.name("a name")
        if old.count("*") != new.count("*") or old.count("*") > 1:
            raise SplSyntaxError(f"rename: {old} AS {new}: both have one *, or none")
        pairs.append((old, new))
        read.take_comma()
    if not pairs:
        raise SplSyntaxError("rename: name the fields")
    return lambda rows: (_renamed(row, pairs) for row in rows)


def _renamed(row: Row, pairs: Sequence[Tuple[str, str]]) -> Row:
    for old, new in pairs:
        if "*" in old:
            test = re.compile("(.*)".join(re.escape(part) for part in old.split("*")), re.DOTALL)
            names = {name: match.group(1) for name in row for match in [test.fullmatch(name)] if match}
            moved = {name: new.replace("*", part) for name, part in names.items()}
        else:
            moved = {old: new} if old in row else {}
            if not moved:
                # A field that is not there takes the place of the one that is.
                row = {name: value for name, value in row.items() if name != new}
        targets = set(moved.values())
        row = {moved.get(name, name): value for name, value in row.items() if name in moved or name not in targets}
    return row


def fillnull(arguments: str, session: Session) -> Stage:
    """``fillnull [value=0] [<fields>]``: puts a value where there is none; without fields, in every column."""
    read = Arguments("fillnull", arguments)
    value = read.options(("value",)).get("value", "0")
    names = read.fields()
    read.end()
    if any("*" in name for name in names):
        raise SplSyntaxError("fillnull: wildcards are not in the runner's subset of SPL")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        kept = list(rows)
        columns = names or list(dict.fromkeys(name for row in kept for name in row))
        return ({**row, **{name: value for name in columns if name not in row}} for row in kept)

    return run


def _columns(names: Sequence[str], known: Dict[str, None]) -> List[str]:
    columns: Dict[str, None] = {}
    for name in names:
        test = _wildcard(name)
        found = [other for other in known if test(other)] if "*" in name else [name]
        # Fields that begin with _ are meant only when they are named.
        columns.update(
            dict.fromkeys(
                found
                if name.startswith("_") or "*" not in name
                else [other for other in found if not other.startswith("_")]
            )
        )
    return list(columns)


def _wildcard(name: str) -> Callable[[str], bool]:
    if "*" not in name:
        return lambda other: other == name
    test = re.compile(".*".join(re.escape(part) for part in name.split("*")), re.DOTALL)
    return lambda other: bool(test.fullmatch(other))
