"""A document's fields under the names Splunk's own JSON extraction gives them (``KV_MODE = json``, ``spath``).

``docs/fields.md`` has the rules with a source for each. In short: ``a.b`` for objects, ``a{}`` for arrays, ``a{}.b``
for arrays of objects, several values make a multivalue field; numbers exactly as written; ``true``, ``false`` and
``null`` as text; an empty string is a value, an empty object or array is not.

This is the inner loop of the command: about 30 fields a CloudTrail event, 5 microseconds on a 2-core machine. Names are
therefore built once a path and looked up afterwards.

Whoever may write an event chooses its keys, so what they cost is bounded: an event with one long key above thousands of
short ones would have names many times its own size.
"""

from __future__ import annotations

from typing import Any, Dict, List, Set

#: Fields Splunk or this command write themselves. A document's own field of that name is ``doc.<name>``.
RESERVED = frozenset({"host", "source", "sourcetype", "index", "splunk_server", "linecount", "doc_id", "doc_error"})
#: Characters that the names of one document's fields may have together: so many, and so many for each of its own.
NAMES_CHARACTERS = 16_384
NAMES_PER_CHARACTER = 8
#: Names, and characters of them, that are cached from one document to the next.
MOST_NAMES = 50_000
MOST_CHARACTERS = 4 << 20


class NamesTooLong(ValueError):
    """The names of a document's fields are far longer than the document."""


def allowance(characters: int) -> int:
    """Return how long the names of a document of so many characters may be, together."""
    return NAMES_CHARACTERS + NAMES_PER_CHARACTER * characters


def visible_name(name: str) -> str:
    """Return the name a document's field has in Splunk, where fields with a leading underscore are internal."""
    return "doc." + name if name in RESERVED or name[:1] in ("_", "") else name


class _Objects(Dict[str, "_Names"]):
    """Key -> names below the object that this key holds."""

    __slots__ = ("prefix", "registry")

    def __init__(self, prefix: str, registry: _Registry) -> None:
        super().__init__()
        self.prefix = prefix
        self.registry = registry

    def __missing__(self, key: str) -> _Names:
        names = self[key] = _Names(self.registry.charged(f"{self.prefix}{key}."), self.registry)
        return names


class _Lists(Dict[str, "_Items"]):
    """Key -> names within the array that this key holds."""

    __slots__ = ("prefix", "registry")

    def __init__(self, prefix: str, registry: _Registry) -> None:
        super().__init__()
        self.prefix = prefix
        self.registry = registry

    def __missing__(self, key: str) -> _Items:
        items = self[key] = _Items(self.registry.charged(f"{self.prefix}{key}{{}}"), self.registry)
        return items


class _Names(Dict[str, str]):
    """Key -> field name, for the keys of one object; filled when a key is seen for the first time."""

    __slots__ = ("lists", "objects", "prefix", "registry")

    def __init__(self, prefix: str, registry: _Registry) -> None:
        super().__init__()
        self.prefix = prefix
        self.registry = registry
        self.objects = _Objects(prefix, registry)
        self.lists = _Lists(prefix, registry)

    def __missing__(self, key: str) -> str:
        name = self[key] = self.registry.new_name(self.prefix + key)
        return name


class _Items:
    """Names within one array: of its plain values, of its objects' fields, of the arrays in it."""

    __slots__ = ("_inner", "name", "objects", "path", "registry")

    def __init__(self, path: str, registry: _Registry) -> None:
        self.path = path
        self.registry = registry
        self.name = registry.new_name(path)
        self.objects = _Names(registry.charged(path + "."), registry)
        self._inner: List[_Items] = []

    @property
    def inner(self) -> _Items:
        if not self._inner:
            self._inner.append(_Items(self.registry.charged(self.path + "{}"), self.registry))
        return self._inner[0]


class _Multivalue(Dict[str, str]):
    """Name of a field -> name of the column with its several values."""

    def __init__(self, registry: _Registry) -> None:
        super().__init__()
        self.registry = registry

    def __missing__(self, name: str) -> str:
        column = self[name] = self.registry.charged("__mv_" + name)
        return column


class _Registry:
    """All names given so far, to notice when two paths (``{"a.b": 1}`` and ``{"a": {"b": 1}}``) share one."""

    def __init__(self) -> None:
        self.names: Set[str] = set()
        self.multivalue = _Multivalue(self)
        self.shared = False
        #: Texts made so far, and their characters.
        self.texts = 0
        self.characters = 0
        #: How many characters of new texts the document under way may still need.
        self.left = 0

    @property
    def is_large(self) -> bool:
        return self.texts > MOST_NAMES or self.characters > MOST_CHARACTERS

    def charged(self, text: str) -> str:
        """Return ``text``, which is to be cached. Raises `NamesTooLong`."""
        self.texts += 1
        self.characters += len(text)
        self.left -= len(text)
        if self.left < 0:
            raise NamesTooLong
        return text

    def new_name(self, path: str) -> str:
        name = self.charged(visible_name(path))
        if name in self.names:
            self.shared = True
        self.names.add(name)
        return name


class Flattener:
    """Turns decoded documents into cells. Keeps names it has seen, so use one for a whole search.

    Numbers must arrive as text: decode with ``parse_int=str, parse_float=str, parse_constant=str``.
    """

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._registry = _Registry()
        self._root = _Names("", self._registry)

    def cells(self, document: Dict[str, Any], characters: int) -> Dict[str, str]:
        """Return column -> text. A field with several values has a second column ``__mv_<name>``.

        ``characters``: how long the document is. Raises `RecursionError` for a document nested deeper than Python's
        stack, `NamesTooLong` for one whose names would take many times its own size.
        """
        if self._registry.is_large:
            self._forget()
        self._registry.left = allowance(characters)
        try:
            return self._cells(document)
        except (NamesTooLong, RecursionError):
            self._forget()  # some of its names are half made
            raise

    def _cells(self, document: Dict[str, Any]) -> Dict[str, str]:
        registry = self._registry
        if not registry.shared:
            cells: Dict[str, str] = {}
            _walk(document, self._root, cells)
            if not registry.shared:
                return cells
        many: Dict[str, List[str]] = {}
        _collect(document, self._root, many)
        cells = {}
        _put(many, cells, registry)
        return cells


def _walk(obj: Dict[str, Any], names: _Names, cells: Dict[str, str]) -> None:
    for key, value in obj.items():
        kind = type(value)
        if kind is str:
            cells[names[key]] = value
        elif kind is dict:
            if value:
                _walk(value, names.objects[key], cells)
        elif kind is list:
            many: Dict[str, List[str]] = {}
            _collect_items(value, names.lists[key], many)
            _put(many, cells, names.registry)
        else:
            cells[names[key]] = "null" if value is None else "true" if value else "false"


def _collect(obj: Dict[str, Any], names: _Names, many: Dict[str, List[str]]) -> None:
    """Add every value below ``obj`` to ``many``, in document order: `_walk` for names with several values."""
    for key, value in obj.items():
        kind = type(value)
        if kind is dict:
            _collect(value, names.objects[key], many)
        elif kind is list:
            _collect_items(value, names.lists[key], many)
        else:
            many.setdefault(names[key], []).append(_text(value))


def _collect_items(array: List[Any], items: _Items, many: Dict[str, List[str]]) -> None:
    for value in array:
        kind = type(value)
        if kind is dict:
            _collect(value, items.objects, many)
        elif kind is list:
            _collect_items(value, items.inner, many)
        else:
            many.setdefault(items.name, []).append(_text(value))


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    return "null" if value is None else "true" if value else "false"


def _put(many: Dict[str, List[str]], cells: Dict[str, str], registry: _Registry) -> None:
    for name, values in many.items():
        if len(values) == 1:
            cells[name] = values[0]
        else:
            cells[name] = "\n".join(values)
            cells[registry.multivalue[name]] = "$" + "$;$".join([value.replace("$", "$$") for value in values]) + "$"
