"""The columns of rows, in the order in which the commands have put them."""

from __future__ import annotations

from typing import Any, Iterable, List, Mapping, Set


def columns_of(rows: Iterable[Mapping[str, Any]]) -> List[str]:
    """Return every name of the rows once. A row lacks the fields that have no value in it, so they are merged.

    A name that comes up late stands behind the one that is before it in its row: ``table a b c`` stays in this order,
    also where the first row has no ``b``.
    """
    order: List[str] = []
    known: Set[str] = set()
    for row in rows:
        if known.issuperset(row):
            continue
        at = 0
        for name in row:
            if name in known:
                at = order.index(name) + 1
            else:
                known.add(name)
                order.insert(at, name)
                at += 1
    return order
