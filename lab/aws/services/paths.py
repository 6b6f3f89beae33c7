"""Values in a finding by dotted paths, through lists."""

from __future__ import annotations

from typing import Any, Iterator, Tuple


def values(document: Any, path: str) -> Iterator[Any]:
    """Yield what a finding has at ``a.b.c``; of a list every item's. Nothing where there is nothing."""
    if isinstance(document, list):
        for item in document:
            yield from values(item, path)
    elif not path:
        yield document
    elif isinstance(document, dict):
        name, _, rest = path.partition(".")
        if document.get(name) is not None:
            yield from values(document[name], rest)


def sort_key(document: Any, path: str) -> Tuple[bool, Any]:
    """Return what a finding is sorted by: the first value at a path. Numbers come before texts."""
    found = next(iter(values(document, path)), "")
    return isinstance(found, str), found


def leaves(document: Any) -> Iterator[Any]:
    """Yield every value of a finding that is neither object nor list."""
    if isinstance(document, (dict, list)):
        for inner in document.values() if isinstance(document, dict) else document:
            yield from leaves(inner)
    else:
        yield document


def put(document: Any, path: str, value: Any) -> None:
    """Set what is at ``a.b.c``; objects that are not there are made."""
    *parents, last = path.split(".")
    for name in parents:
        document = document.setdefault(name, {})
    document[last] = value
