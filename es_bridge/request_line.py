"""How many names fit one request: a list of indices or fields goes into a line of bounded length."""

from __future__ import annotations

from typing import Iterable, Iterator, List
from urllib.parse import quote

#: The engines read a request line of 4096 bytes by default.
MOST_CHARACTERS = 1500
_COMMA = len(quote(","))


def batches(names: Iterable[str]) -> Iterator[List[str]]:
    """Yield the names in order, as many together as fit a request line. One that is too long alone travels alone."""
    batch: List[str] = []
    size = 0
    for name in names:
        length = len(quote(name, safe="")) + _COMMA
        if batch and size + length > MOST_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(name)
        size += length
    if batch:
        yield batch


def paths(indices: Iterable[str]) -> Iterator[str]:
    """Yield the names of indices as segments of a path, as many together as fit a request line."""
    return (",".join(batch) for batch in batches(indices))
