"""JSON read and written without changing a value: numbers stay as written, repeated keys are kept.

Search engines keep a document as the text they were sent, so a loader that re-encodes numbers changes evidence
(``1.10`` becomes ``1.1``, a 20-digit id loses digits). And they refuse a document that repeats a key in one object,
while `json` silently drops all but the last.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii
from typing import Any, Dict, List, Tuple


class Number(str):
    """A number as it was written."""


class ExactDecoder:
    """Decodes one value after the other out of a text that holds many."""

    def __init__(self) -> None:
        self._repeated = False
        self._raw_decode = json.JSONDecoder(
            parse_int=Number, parse_float=Number, object_pairs_hook=self._object
        ).raw_decode

    def decode(self, text: str, position: int) -> Tuple[Any, int, bool]:
        """Return the value that begins at ``position``, where it ends, and whether an object in it repeats a key.

        The second value of a repeated key is named ``key#2``, the third ``key#3``. Raises `json.JSONDecodeError`, and
        `RecursionError` for a value nested more deeply than Python can read (about 1,000 levels).
        """
        self._repeated = False
        value, end = self._raw_decode(text, position)
        return value, end, self._repeated

    def _object(self, pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        self._repeated = True
        found = {}
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
