"""Dictionaries that remember what was made and never grow beyond a bound: what they remember, attackers may choose.

A full one is begun anew, which is cheaper than to know the oldest. Workers may share one: two that ask for the same new
key at once both make it.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Optional, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(Dict[K, V]):
    """A dictionary with `keep` for what may be forgotten: at most ``most`` keys, each of at most ``longest``."""

    def __init__(self, most: int, longest: Optional[int] = None, size: Callable[[Any], int] = len) -> None:
        super().__init__()
        self._most, self._longest, self._size = most, longest, size

    def keep(self, key: K, value: V) -> None:
        """Remember ``value``, unless its key is too long."""
        if self._longest is None or self._size(key) <= self._longest:
            if len(self) >= self._most:
                self.clear()
            self[key] = value


class BoundedCache(BoundedDict[K, V]):
    """``cache[key]`` is ``make(key)``: made once, then one look into a dictionary."""

    def __init__(
        self, make: Callable[[K], V], most: int, longest: Optional[int] = None, size: Callable[[Any], int] = len
    ) -> None:
        super().__init__(most, longest, size)
        self.make = make

    def __missing__(self, key: K) -> V:
        value = self.make(key)
        self.keep(key, value)
        return value


def bounded_cache(
    most: int, longest: Optional[int] = None, size: Callable[[Any], int] = len
) -> Callable[[Callable[[K], V]], BoundedCache[K, V]]:
    """Decorate a function of one argument: ``name[argument]`` then is its result, remembered within the bounds."""

    def decorate(make: Callable[[K], V]) -> BoundedCache[K, V]:
        return BoundedCache(make, most, longest, size)

    return decorate
