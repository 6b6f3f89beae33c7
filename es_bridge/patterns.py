"""Names matched against patterns in which only ``*`` is special, in time that grows with their lengths and no faster.

Patterns come from users and administrators. As a regular expression, ``*a*a*a*b`` tries every way to divide a name;
here the texts between the stars are looked for from left to right, each where it is found first, which is enough.
"""

from __future__ import annotations

from typing import Callable, Iterable, List, Sequence, Set

from es_bridge.errors import BridgeError

#: Most patterns in one list, and most characters of one: more than anybody writes, and few enough to try for each name.
MOST_PATTERNS = 500
LONGEST_PATTERN = 500


def fits(name: str, pattern: str) -> bool:
    """Whether ``pattern`` is the whole name, ``*`` standing for any text or none."""
    first, star, rest = pattern.partition("*")
    if not star:
        return name == pattern
    middle, _, last = rest.rpartition("*")
    end = len(name) - len(last)
    if len(first) > end or not (name.startswith(first) and name.endswith(last)):
        return False
    at = len(first)
    for piece in middle.split("*"):
        found = name.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def fits_within_colons(name: str, pattern: str) -> bool:
    """Whether ``pattern`` is the whole name, ``*`` standing for any text without a colon.

    Colons then are those of the pattern, in their order, so each part between them is matched by itself.
    """
    parts, wanted = name.split(":"), pattern.split(":")
    return len(parts) == len(wanted) and all(map(fits, parts, wanted))


def any_of(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return what says whether one of ``patterns`` fits a name. Those without a star cost nothing, however many."""
    exact: Set[str] = {pattern for pattern in patterns if "*" not in pattern}
    wild: List[str] = [pattern for pattern in dict.fromkeys(patterns) if "*" in pattern]

    def matches(name: str) -> bool:
        return name in exact or any(fits(name, pattern) for pattern in wild)

    return matches


def check_number_and_length(patterns: Iterable[str], where: str, error: Callable[[str], BridgeError]) -> None:
    """Raise ``error`` for a list of patterns that is too long, or holds one that is."""
    patterns = list(patterns)
    if len(patterns) > MOST_PATTERNS:
        raise error(f"{where} holds {len(patterns)} names: at most {MOST_PATTERNS} are allowed")
    for pattern in patterns:
        if len(pattern) > LONGEST_PATTERN:
            raise error(
                f"{where} holds a name of {len(pattern)} characters, {pattern[:40]!r}...: at most {LONGEST_PATTERN} "
                "are allowed"
            )
