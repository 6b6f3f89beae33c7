"""A compiled expression: a function of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Optional

from savedsearches.runner.values import Row, Value

#: A row in, its value out; ``None`` is null.
Evaluate = Callable[[Row], Any]


@dataclass(frozen=True)
class Expression:
    """A compiled expression, and whether its value is true or false."""

    evaluate: Evaluate
    is_boolean: bool


@dataclass(frozen=True)
class Constant:
    """A literal."""

    value: Optional[Value]

    def __call__(self, row: Row) -> Optional[Value]:
        return self.value


@dataclass(frozen=True)
class Field:
    """A field of the row."""

    name: str

    def __call__(self, row: Row) -> Optional[Value]:
        return row.get(self.name)
