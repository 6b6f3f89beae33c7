"""The JSON library a normaliser works with, handed to it as a parameter.

What runs inside Splunk has the standard library only; the loader has orjson, which is about four times as fast. The
two read and write the same values: `compact` of either gives UTF-8 without spaces, and refuses what is no JSON.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Callable, NamedTuple, Union

from collectors.records.exact_json import LONGEST_NUMBER


class Codec(NamedTuple):
    """How JSON is read and written. Both raise ValueError for what cannot be."""

    name: str
    loads: Callable[[Union[bytes, str]], Any]
    #: Compact UTF-8.
    dumps: Callable[[Any], bytes]


_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _int(written: str) -> int:
    if len(written) > LONGEST_NUMBER:
        raise ValueError(f"a number of {len(written):,} digits, which engines refuse")
    return int(written)


_decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=_int)


def _loads(text: Union[bytes, str]) -> Any:
    return _decoder.decode(text if isinstance(text, str) else text.decode())


def _dumps(value: Any) -> bytes:
    return _encoder.encode(value).encode()


#: The standard library.
PLAIN = Codec("json", _loads, _dumps)


@lru_cache(maxsize=1)  # one for the whole process: who remembers things asks by which codec
def fastest() -> Codec:
    """Return the codec of orjson where it is installed, else the standard library's."""
    try:
        import orjson
    except ImportError:
        return PLAIN
    return Codec("orjson", orjson.loads, orjson.dumps)
