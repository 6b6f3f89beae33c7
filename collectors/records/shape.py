"""The fields an index template maps, and which members of a record an engine would refuse or reshape under it.

Logs of JSON records are mapped with ``dynamic: false``: what the template does not name is kept and not indexed,
whatever it is. What it does name must have its shape, or the engine refuses the whole document (400,
mapper_parsing_exception): an object where a keyword is mapped, text where an object is. And keys that are empty or hold
a dot are read by the engines as nesting, so they may meet a mapped field.
"""

from __future__ import annotations

from typing import AbstractSet, Any, Callable, Collection, Dict, Iterator, List, Mapping, Optional, Tuple

from collectors.records.cache import BoundedDict

#: In a description: a field that holds text, a number, a date, or a list of these.
VALUE = None
#: In a description: a member that is stored and not indexed (``enabled: false``), whatever it is.
ANYTHING = "anything"

#: Texts longer than this (in UTF-16 units, as the engines count) are kept and not indexed: ``ignore_above``.
LONGEST_INDEXED = 8191

#: Lists in lists that OpenSearch takes (``index.mapping.depth.limit``), outside of objects it does not look into.
MAX_LISTS = 20

#: Keys remembered, each of at most so many characters: a log has a few dozen.
_MAX_KEYS, _LONGEST_KEY = 4096, 64
_MAX_OBJECTS = 1024
#: Lists remembered, each of at most so many bytes.
_MAX_LISTS, _LONGEST_LIST = 1024, 4096
_ONLY_OBJECTS = {dict}
#: Added where something is not as expected: no sum of objects comes out right with it.
_UNEXPECTED = -(10**9)


#: Members that are mapped as objects, each with its own shape.
_Nested = Tuple[Tuple[str, "Shape"], ...]


class Shape:
    """What the template maps of one object. ``members`` has its fields: `VALUE`, `ANYTHING`, or members again.

    ``reserved`` are names that the common fields have: a record's own value under one of them is a misfit.
    """

    def __init__(self, members: Mapping[str, Any], reserved: Collection[str] = ()) -> None:
        self.members = {key: Shape(inner) if isinstance(inner, Mapping) else inner for key, inner in members.items()}
        self._reserved = frozenset(reserved)
        self._nested: _Nested = tuple((key, inner) for key, inner in self.members.items() if isinstance(inner, Shape))
        #: Keys that fit: those of the template, and what else was met and is harmless. And the keys of whole objects,
        #: in their order (the records of a log have few), with those of them that are mapped as objects.
        self._good_keys = set(self.members)
        self._good_objects: Dict[Tuple[str, ...], _Nested] = {}
        self._lists: BoundedDict[bytes, int] = BoundedDict(_MAX_LISTS, _LONGEST_LIST)

    def misfits(self, fields: Mapping[str, Any], braces: int, dumps: Callable[[Any], bytes]) -> List[str]:
        """Return the keys of ``fields`` whose members would make an engine refuse or reshape the document.

        ``braces`` is how often ``{`` stands in the text of ``fields``. When there are as many objects in the places
        that are mapped as objects, there is none in any other place: that is quickly counted. Only where braces stand
        in strings or objects in odd places, every value is looked at. ``dumps`` writes JSON, fast.
        """
        if self._objects(fields, dumps) == braces:
            return []
        return [key for key, value in fields.items() if not self._admits(key, value)]

    def _objects(self, fields: Mapping[str, Any], dumps: Callable[[Any], bytes]) -> int:
        """Return how many objects ``fields`` is made of; less than 0 when something is not as expected."""
        keys = tuple(fields)
        nested = self._good_objects.get(keys)
        if nested is None:
            nested = self._learn_object(keys)
        if nested is None:
            return _UNEXPECTED
        count = 1
        for key, inner in nested:
            value = fields[key]
            if value:
                kind = type(value)
                if kind is dict:
                    count += inner._objects(value, dumps)
                else:
                    count += inner._objects_in_list(value, dumps) if kind is list else _UNEXPECTED
            elif value is not None and value != []:
                return _UNEXPECTED
        return count

    def _objects_in_list(self, items: List[Any], dumps: Callable[[Any], bytes]) -> int:
        if not self._nested:
            if set(map(type, items)) != _ONLY_OBJECTS:
                return _UNEXPECTED
            keys = set().union(*items)  # those of all headers at once
            return len(items) if keys <= self._good_keys or self._learn(keys) else _UNEXPECTED
        # Lists of lists, such as the rule groups, are mostly what they were in the record before.
        text = dumps(items)
        count = self._lists.get(text)
        if count is None:
            count = 0
            for item in items:
                count += self._objects(item, dumps) if type(item) is dict else _UNEXPECTED
            self._lists.keep(text, count)
        return count

    def _learn_object(self, keys: Tuple[str, ...]) -> Optional[_Nested]:
        if not self._learn(set(keys)):
            return None
        nested = tuple((key, inner) for key, inner in self._nested if key in keys)
        if len(self._good_objects) < _MAX_OBJECTS and self._good_keys.issuperset(keys):
            self._good_objects[keys] = nested
        return nested

    def _learn(self, keys: AbstractSet[str]) -> bool:
        """Remember keys that are not in the template; return whether all are harmless."""
        if not all(key in self.members or self._is_harmless(key) for key in keys):
            return False
        if len(self._good_keys) < _MAX_KEYS:
            self._good_keys |= {key for key in keys if len(key) <= _LONGEST_KEY}
        return True

    def _is_harmless(self, key: str) -> bool:
        return key not in self._reserved and "." not in key and bool(key.strip())

    def _admits(self, key: str, value: Any) -> bool:
        if key not in self.members:
            return self._is_harmless(key)
        inner = self.members[key]
        return inner == ANYTHING or _fits(value, inner)

    def too_long(self, value: Any, path: str = "") -> Iterator[str]:
        """Yield the paths of the mapped texts in ``value`` that are too long to be indexed, some more than once."""
        if isinstance(value, list):
            for item in value:
                yield from self.too_long(item, path)
        elif isinstance(value, dict):
            for key, inner in self.members.items():
                if isinstance(inner, Shape):
                    yield from inner.too_long(value.get(key), f"{path}{key}.")
                elif inner is VALUE and any(map(_is_too_long, _leaves(value.get(key)))):
                    yield path + key


def nests_lists(value: Any, levels: int = MAX_LISTS) -> bool:
    """Return whether more than ``levels`` lists in ``value`` are one in the other, objects between them or not."""
    if isinstance(value, list):
        return levels == 0 or any(nests_lists(item, levels - 1) for item in value)
    return isinstance(value, dict) and any(nests_lists(item, levels) for item in value.values())


def _fits(value: Any, inner: Any) -> bool:
    if isinstance(value, list):
        return all(_fits(item, inner) for item in value)
    if isinstance(value, dict):
        return isinstance(inner, Shape) and all(inner._admits(key, item) for key, item in value.items())
    return inner is VALUE or value is None


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _is_too_long(text: Any) -> bool:
    if not isinstance(text, str) or len(text) * 2 <= LONGEST_INDEXED:
        return False
    return len(text) > LONGEST_INDEXED or len(text.encode("utf-16-le", "surrogatepass")) // 2 > LONGEST_INDEXED
