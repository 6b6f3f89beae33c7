"""What whole documents show of their fields: names, how many documents have them, their values."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Callable, Dict, Iterable, Iterator, List, Set, Tuple

#: Names that are kept at most: whoever writes events chooses the keys of free-form objects.
MOST_NAMES = 20_000
#: Characters that the names of one document's fields may have together: so many, and so many for each of its own. One
#: long key above thousands of short ones would give names many times the size of the document.
NAMES_CHARACTERS = 16_384
NAMES_PER_CHARACTER = 8


class Seen:
    """One field as documents have it."""

    __slots__ = ("documents", "names_in_rows", "values")

    def __init__(self) -> None:
        #: How many documents have it.
        self.documents = 0
        #: How a row of the search command calls it: ``a.b``, and ``a{}.b`` where ``a`` is a list.
        self.names_in_rows: Set[str] = set()
        #: Value as text -> documents that have it.
        self.values: Counter[str] = Counter()


class Documents:
    """Fields of the documents that were added, those that ``wanted`` says yes to."""

    def __init__(self, wanted: Callable[[str], bool]) -> None:
        self.count = 0
        #: Documents that are nested too deeply, or whose names are too long, to be read.
        self.unreadable = 0
        self.fields: Dict[str, Seen] = {}
        self._wanted = wanted
        self._left_out: Set[int] = set()

    @property
    def left_out(self) -> int:
        """How many names were left out because there were too many."""
        return len(self._left_out)

    def add(self, sources: Iterable[bytes]) -> None:
        """Take up documents, UTF-8 JSON as they are stored. Raises `ValueError` for what is none."""
        for source in sources:
            try:
                # Numbers as they are written, however long.
                document = json.loads(source, parse_float=str, parse_int=str)
                found = list(_leaves(document, NAMES_CHARACTERS + NAMES_PER_CHARACTER * len(source)))
            except (RecursionError, _NamesTooLong):
                self.unreadable += 1
                continue
            self.count += 1
            self._add(found)

    def _add(self, found: List[Tuple[str, str, str]]) -> None:
        values: Dict[str, Set[str]] = {}
        names: Dict[str, Set[str]] = {}
        for name, name_in_row, value in found:
            values.setdefault(name, set()).add(value)
            names.setdefault(name, set()).add(name_in_row)
        for name, texts in values.items():
            seen = self.fields.get(name)
            if seen is None:
                if not self._wanted(name):
                    continue
                if len(self.fields) >= MOST_NAMES:
                    self._left_out.add(hash(name))
                    continue
                seen = self.fields[name] = Seen()
            seen.documents += 1
            seen.names_in_rows |= names[name]
            seen.values.update(texts)


class _NamesTooLong(Exception):
    """The names of a document's fields are far longer than the document."""


def _leaves(document: Dict[str, Any], allowed: int) -> Iterator[Tuple[str, str, str]]:
    """Yield (field, its name in rows, value as text) of every value; null is none, nor is an empty object or list."""
    waiting: List[Tuple[str, str, Any]] = [("", "", document)]
    while waiting:
        name, name_in_row, value = waiting.pop()
        if isinstance(value, dict):
            before = f"{name}." if name_in_row else ""
            before_in_row = f"{name_in_row}." if name_in_row else ""
            for key, inner in value.items():
                allowed -= len(before_in_row) + len(key)
                waiting.append((before + key, before_in_row + key, inner))
            if allowed < 0:
                raise _NamesTooLong
        elif isinstance(value, list):
            waiting += [(name, f"{name_in_row}{{}}", inner) for inner in value]
        elif value is not None:
            yield name, name_in_row, as_text(value)


def as_text(value: Any) -> str:
    """Return a value as a row of the search command shows it."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
