"""What every sink does. Whoever writes records knows no more of a sink than this, and a source not even this.

A sink alone decides what its store calls things: the index and the bulk action, the sourcetype, the envelope. To add
one is to write such a class, and to make it where the others are made (`collectors.cli`, `collectors.lambda_function`).
"""

from __future__ import annotations

import math
from typing import Callable, Generator, Iterable, NamedTuple, Protocol

from collectors.records.record import Record

STORED = "stored"
ALREADY_THERE = "already_there"
REJECTED = "rejected"


class Answer(NamedTuple):
    """What became of one record: `STORED`, `ALREADY_THERE`, or `REJECTED` with the reason."""

    record: Record
    result: str
    reason: str = ""
    #: What a program may decide by.
    error_type: str = ""


def ignore(reason: str) -> None:
    """Do nothing while a sink waits."""


class Sink(Protocol):
    """One store. Safe to use from several threads."""

    @property
    def batch_records(self) -> int:
        """How many records it may wait for before it sends the first of them."""

    def write(
        self,
        records: Iterable[Record],
        *,
        give_up_after_s: float = math.inf,
        on_wait: Callable[[str], None] = ignore,
    ) -> Generator[Answer, None, None]:
        """Write ``records`` and yield one `Answer` for each, in any order.

        What can be tried again is tried again here. A record without an answer, after the error that ended the writing,
        may be written again by a later call: the store knows it by its identity. Raises
        `collectors.errors.StoreUnavailable` when nothing moved for ``give_up_after_s`` seconds (or less, as the sink
        has it), `IntakeStopped` when the store refuses the account. ``on_wait`` is called with the reason, from
        another thread, each time the store has no room; what it raises ends the writing in the same way.
        """

    def place_of(self, record: Record) -> str:
        """Return what the store calls the place the record belongs to, for a person."""
