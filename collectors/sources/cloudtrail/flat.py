"""CloudTrail's free-form objects as engines index them whole, and what has to stay out for them to take the document.

An engine with ``flat_object`` or ``flattened`` (`collectors.store.object_fields`) makes one term of each value and its
path, ``requestParameters.tagSet.items.value=x``, and refuses the whole document (400) for

- anything but an object, null, or a list of these: text, a number, a list of lists;
- a term of more than 32,766 bytes, path and value together;
- NUL in a key (Elasticsearch).

And it takes the document, and minutes, when a long key has many members: each of their terms has that key in it. So
the terms of one object have a bound together. Tried on OpenSearch 2.19.4 and 3.8.0, Elasticsearch 8.15.3 and 9.0.1;
empty and dotted keys, null in lists, 200 levels and thousands of keys are taken by all of them.

What does not fit moves to ``unmapped``, under the same name: one member of the object where that is enough, else all
of it. Documents are the same for every engine, those without such a type as well.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple

from collectors.sources.cloudtrail.free_form import OBJECTS

#: UTF-8 of path and value. Engines: 32,766; what mending does to a key comes on top.
LONGEST_TERM = 32_000
#: Of one object. AWS writes up to 100 kB of requestParameters, whose terms are a few times of that.
MOST_TERM_BYTES = 1 << 20
#: A member with a longer name is not named in ``event.oversized``, only the object it is in.
LONGEST_NAME = 256
#: At least what any number takes that was decoded as one.
_NUMBER_BYTES = 25

USUAL_TYPES = {dict, type(None)}


class TakenOut(NamedTuple):
    """What was taken out of the objects of a record."""

    #: Name of the object -> all of it, or those of its members that do not fit.
    moved: Dict[str, Any]
    #: Names of what is too long.
    oversized: List[str]


class _Terms:
    """The terms of a value, measured."""

    __slots__ = ("has_nul", "longest", "total")

    def __init__(self) -> None:
        self.total = self.longest = 0
        self.has_nul = False

    def add(self, value: Any, path: int) -> None:
        """Add the terms of ``value``, whose path has so many bytes. Values are nested 200 levels deep at most."""
        kind = type(value)
        if kind is dict:
            for key, inner in value.items():
                self.has_nul |= "\0" in key
                self.add(inner, path + 1 + _size(key))
            return
        if kind is list:
            for item in value:
                self.add(item, path)
            return
        size = path + 1 + (_size(value) if isinstance(value, str) else _NUMBER_BYTES)
        self.total += size
        self.longest = max(self.longest, size)

    @property
    def too_long(self) -> bool:
        return self.longest > LONGEST_TERM or self.total > MOST_TERM_BYTES


def fit(fields: Mapping[str, Any]) -> bool:
    """Return whether engines that index the objects of a record take them as they are."""
    return all(_fits(name, fields[name]) for name in OBJECTS if fields.get(name))


def take_out(fields: Dict[str, Any]) -> TakenOut:
    """Take out of ``fields``, a record, what an engine that indexes its objects would refuse, and return that."""
    found = TakenOut({}, [])
    for name in OBJECTS:
        if name in fields and not _fits(name, fields[name]):
            fields[name] = _split(name, fields[name], found)
            if fields[name] is None:
                del fields[name]
    return found


def _split(name: str, value: Any, found: TakenOut) -> Any:
    """Return what can stay of an object that does not fit, None if nothing; put the rest into ``found``."""
    kept: Dict[str, Any] = {}
    moved: Dict[str, Any] = {}
    oversized = []
    for key, member in value.items() if type(value) is dict else ():
        terms = _Terms()
        terms.add({key: member}, len(name))
        if terms.too_long:
            oversized.append(f"{name}.{key}" if len(key) <= LONGEST_NAME else name)
        (moved if terms.too_long or terms.has_nul else kept)[key] = member
    fits = bool(kept) and _fits(name, kept)
    found.moved[name] = moved if fits else value
    if not (fits or oversized) and _terms(name, value).too_long:
        oversized.append(name)
    found.oversized.extend(oversized)
    return kept if fits else None


def _fits(name: str, value: Any) -> bool:
    if type(value) not in USUAL_TYPES and not (
        type(value) is list and all(type(item) in USUAL_TYPES for item in value)
    ):
        return False
    terms = _terms(name, value)
    return not terms.too_long and not terms.has_nul


def _terms(name: str, value: Any) -> _Terms:
    terms = _Terms()
    terms.add(value, len(name))
    return terms


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
