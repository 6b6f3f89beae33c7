"""What is to be said of a query, in texts of one readable line."""

from __future__ import annotations

from typing import List, Sequence

#: What a part below a NOT does that finds nothing.
UNDER_NOT = "(under a NOT it matches every event)"


class Verdict:
    """What is to be said of a query. ``members``: members of indexed objects that it asks for, as full names."""

    def __init__(self, unchecked: str = "") -> None:
        self.errors: List[str] = []
        self.warnings: List[str] = []
        self.notes: List[str] = []
        self.members: List[str] = []
        #: Why the query was not looked at; ``""``: it was.
        self.unchecked = unchecked

    def warn(self, text: str, instead: str = "") -> None:
        """Add a warning, once. ``instead``: what to write, if anything is known."""
        text = one_line(text) + (f". Write instead: {one_line(instead)}" if instead else "")
        if text not in self.warnings:
            self.warnings.append(text)


def some(names: Sequence[str]) -> str:
    """Return the first three names, and how many more there are."""
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def one_line(text: str) -> str:
    """Return a text that is one readable line, of a length somebody reads."""
    text = "".join(character if character.isprintable() else " " for character in text)
    return text if len(text) <= 1000 else text[:1000] + "..."
