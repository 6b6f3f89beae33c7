"""``lookup``, ``inputlookup`` and ``outputlookup``."""

from __future__ import annotations

import itertools
from typing import Iterator, List, Tuple

from savedsearches.runner import values
from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.lookups import Lookup, joined
from savedsearches.runner.search_terms import parse_search
from savedsearches.runner.session import Session, Stage, collected
from savedsearches.runner.values import Row
from savedsearches.runner.words import Arguments, switch


def lookup(arguments: str, session: Session) -> Stage:
    """``lookup <table> <column> [AS <field>], ... [OUTPUT|OUTPUTNEW <column> [AS <field>], ...]``."""
    read = Arguments("lookup", arguments)
    table = _table(read.name("a table"), session)
    keys = _pairs(read, ("output", "outputnew"))
    if not keys:
        raise SplSyntaxError("lookup: name the column that is looked up")
    only_new = read.take_keyword("outputnew")
    outputs = _pairs(read, ()) if only_new or read.take_keyword("output") else None
    read.end()
    for column, _ in keys + (outputs or []):
        if table.columns and column not in table.columns:
            raise SplSyntaxError(f"lookup: the table has no column {column!r}: {', '.join(table.columns)}")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            wanted = outputs
            if wanted is None:
                columns = [column for column, _ in keys]
                wanted = [(column, column) for column in table.columns if column not in columns]
            yield joined(row, table, keys, wanted, only_new)

    return run


def inputlookup(arguments: str, session: Session) -> Stage:
    """``inputlookup [append=f] <table> [where <search>]``: the rows of a table."""
    read = Arguments("inputlookup", arguments.split(" where ", 1)[0])
    append = switch("inputlookup", "append", read.options(("append",)).get("append", "f"))
    table = _table(read.name("a table"), session)
    read.end()
    terms = parse_search(arguments.split(" where ", 1)[1]) if " where " in arguments else None

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        read_rows = (dict(row) for row in table.rows if terms is None or terms.test(row))
        return itertools.chain(rows, read_rows) if append else read_rows

    return run


def outputlookup(arguments: str, session: Session) -> Stage:
    """``outputlookup [append=f] [override_if_empty=t] [key_field=<column>] <table>``: writes rows, and keeps them."""
    read = Arguments("outputlookup", arguments)
    options = read.options(("append", "override_if_empty", "key_field"))
    append = switch("outputlookup", "append", options.get("append", "f"))
    empties = switch("outputlookup", "override_if_empty", options.get("override_if_empty", "t"))
    name = read.name("a table")
    read.end()
    key = options.get("key_field")

    def run(rows: Iterator[Row]) -> Iterator[Row]:
        written = collected(rows)
        table = session.lookups.setdefault(name, Lookup())
        stored = [{name: cell for name, cell in row.items() if not name.startswith("_")} for row in written]
        if key is not None:
            by_key = {values.text(row.get(key, "")): row for row in table.rows}
            by_key.update({values.text(row.get(key, "")): row for row in stored})
            table.replace(list(by_key.values()))
        elif append:
            table.replace([*table.rows, *stored])
        elif stored or empties:
            table.replace(stored)
        return iter(written)

    return run


def _table(name: str, session: Session) -> Lookup:
    if name not in session.lookups:
        known = ", ".join(sorted(session.lookups)) or "none"
        raise SplSyntaxError(f"there is no lookup table {name!r}. Known: {known}")
    return session.lookups[name]


def _pairs(read: Arguments, keywords: Tuple[str, ...]) -> List[Tuple[str, str]]:
    pairs: List[Tuple[str, str]] = []
    while True:
        word = read.peek()
        if word is None or any(word.is_keyword(keyword) for keyword in keywords):
            return pairs
        column = read.name("a column")
        pairs.append((column, read.name() if read.take_keyword("as") else column))
        read.take_comma()
