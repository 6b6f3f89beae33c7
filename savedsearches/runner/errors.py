"""Errors of the runner::

SplError                 what a user sees; ``str()`` says what, where and what to write instead
├── SplSyntaxError       the text cannot be read, or is outside the subset
└── SplRunError          a row, a limit or a command of ours stopped the search
    ├── CommandFailed    a command of ours failed; it says why itself
    └── Unverified       Splunk's manual does not say what happens here
"""

from __future__ import annotations

from typing import List


class SplError(Exception):
    """A search cannot be run, or did not end well."""


class SplSyntaxError(SplError):
    """The text of the search cannot be read, or uses what the runner does not have."""


class SplRunError(SplError):
    """The search stopped while it ran."""


class CommandFailed(SplRunError):
    """A command of ours failed. ``texts`` are its own error messages."""

    def __init__(self, name: str, texts: List[str]) -> None:
        super().__init__(f"{name}: {'; '.join(texts)}")
        self.texts = texts


class Unverified(SplRunError):
    """What Splunk does here is not in its manual, so no result of the runner could be relied on."""
