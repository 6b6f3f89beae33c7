"""JSON read and written without changing a value: numbers stay as written, repeated keys are kept.

Search engines keep a document as the text they were sent, so a loader that re-encodes numbers changes evidence
(``1.10`` becomes ``1.1``, a 20-digit id loses digits). And they refuse a document that repeats a key in one object,
while `json` silently drops all but the last.

How deep a value may be nested depends on who reads it: orjson writes 254 levels, Python reads about 1,000 less what is
on the stack already, and the engines have limits of their own. So there is one limit here, far below all of these.
"""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring, encode_basestring_ascii
from typing import Any, Dict, List, Tuple

#: Digits, signs and points of a number that engines read (a limit of their JSON library); a longer one becomes text.
LONGEST_NUMBER = 1000
#: Levels of objects and lists that are kept as such; `shallow` writes deeper ones as text.
MAX_DEPTH = 200

_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')
_SURROGATE = re.compile("[\ud800-\udfff]")


class Number(str):
    """A number as it was written."""


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


class ExactDecoder:
    """Decodes one value after the other out of a text that holds many."""

    def __init__(self) -> None:
        self._changed = False
        self._raw_decode = json.JSONDecoder(
            parse_int=self._number, parse_float=self._number, parse_constant=_refuse, object_pairs_hook=self._object
        ).raw_decode

    def decode(self, text: str, position: int) -> Tuple[Any, int, bool]:
        """Return the value that begins at ``position``, where it ends, and whether engines would refuse it as written.

        That is so for an object that repeats a key: the second value is named ``key#2`` here, the third ``key#3``. And
        for a number of more than `LONGEST_NUMBER` characters, which is text here. Raises `ValueError`, and
        `RecursionError` for a value nested more deeply than Python can read (about 1,000 levels).
        """
        self._changed = False
        value, end = self._raw_decode(text, position)
        return value, end, self._changed

    def _number(self, written: str) -> str:
        if len(written) <= LONGEST_NUMBER:
            return Number(written)
        self._changed = True
        return written

    def _object(self, pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._changed = True
        return _numbered(pairs)


def may_be_deep(text: bytes) -> bool:
    """Return whether JSON ``text`` has enough brackets to be nested more deeply than `MAX_DEPTH`; quickly."""
    return text.count(b"{") + text.count(b"[") > MAX_DEPTH


def shallow(text: str) -> str:
    """Return JSON ``text`` with each value below level `MAX_DEPTH` replaced by a string: its own text."""
    parts = []
    depth = kept = 0
    for found in _STRUCTURE.finditer(text):
        bracket = found.group()[0]
        if bracket in "{[":
            depth += 1
            if depth == MAX_DEPTH + 1:
                parts.append(text[kept : found.start()])
                kept = found.start()
        elif bracket in "}]":
            if depth == MAX_DEPTH + 1:
                parts.append(encode_basestring(text[kept : found.end()]))
                kept = found.end()
            depth -= 1
    return "".join([*parts, text[kept:]])


def has_broken_key(value: Any) -> bool:
    """Return whether a key in ``value`` holds half of a surrogate pair, which OpenSearch 3 refuses (in values not)."""
    if isinstance(value, dict):
        return any(_SURROGATE.search(key) or has_broken_key(item) for key, item in value.items())
    return isinstance(value, list) and any(map(has_broken_key, value))


def mend_keys(value: Any) -> Any:
    """Return ``value`` with U+FFFD for each half of a surrogate pair in a key; keys that become equal are numbered."""
    if isinstance(value, list):
        return [mend_keys(item) for item in value]
    if not isinstance(value, dict):
        return value
    pairs = [(_SURROGATE.sub("\ufffd", key), mend_keys(item)) for key, item in value.items()]
    return _numbered(pairs)


def _numbered(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    """Return an object with all of ``pairs``: the second value of a key under ``key#2``."""
    found: Dict[str, Any] = {}
    for key, value in pairs:
        name, number = key, 1
        while name in found:
            number += 1
            name = f"{key}#{number}"
        found[name] = value
    return found


def encode(value: Any) -> str:
    """Return ``value`` as JSON in ASCII, with `Number` as it was written. Plain Python values work as well."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, str):
        return encode_basestring_ascii(value)
    if isinstance(value, dict):
        return "{" + ",".join([f"{encode_basestring_ascii(key)}:{encode(item)}" for key, item in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ",".join([encode(item) for item in value]) + "]"
    return json.dumps(value)
