"""The dead letters of one object on their way into the store, gathered so that they fall into the same files each time.

A file covers a block of record numbers, so it is written when nothing more can come for its block. Records that never
became documents come in order: when the next block begins, theirs is complete. What the engine refuses comes out of
order, among what is under way: such a block waits until every record of it has its answer. Both hold a few thousand
letters at most, however many there are.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Callable, DefaultDict, Iterable, List

from collectors.delivery.dead_letters import BLOCK, DeadLetter, block_of


class LetterBuffer:
    """Hands letters on to ``add`` in whole blocks."""

    def __init__(self, add: Callable[[Iterable[DeadLetter]], None], answered_before: Callable[[], int]) -> None:
        """``answered_before`` is asked now and then: every record with a smaller number has its final answer."""
        self._add, self._answered_before = add, answered_before
        self._passed_over: List[DeadLetter] = []
        self._refused: DefaultDict[int, List[DeadLetter]] = defaultdict(list)
        self._waiting = 0
        self._look_at = BLOCK

    @property
    def held(self) -> int:
        """How many letters are not written yet."""
        return len(self._passed_over) + self._waiting

    def passed_over(self, letter: DeadLetter) -> None:
        """Take the letter of a record that is no document; these come in the order of their numbers."""
        held = self._passed_over
        if held and block_of(held[0].number) != block_of(letter.number):
            self._passed_over = []
            self._add(held)
        self._passed_over.append(letter)

    def refused(self, letter: DeadLetter) -> None:
        """Take the letter of a document that the engine refused; these come in any order."""
        self._refused[block_of(letter.number)].append(letter)
        self._waiting += 1
        if self._waiting >= self._look_at:
            complete = block_of(self._answered_before())
            for block in [block for block in self._refused if block < complete]:
                self._write(block)
            self._look_at = self._waiting + BLOCK

    def flush(self) -> None:
        """Write what is held."""
        held, self._passed_over = self._passed_over, []
        if held:
            self._add(held)
        for block in list(self._refused):
            self._write(block)

    def _write(self, block: int) -> None:
        letters = self._refused.pop(block)
        self._waiting -= len(letters)
        self._add(letters)
