"""A search text, taken apart into commands. Subsearches stay text: the command that has one runs it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List

from savedsearches.runner.errors import SplSyntaxError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class CommandText:
    """One command: its name in lower case, and what follows the name, as typed."""

    name: str
    arguments: str


def split_pipeline(search: str) -> List[CommandText]:
    """Return the commands of a search. A search that does not begin with ``|`` begins with ``search``.

    Raises `SplSyntaxError` for an open quote or bracket, and for an empty command.
    """
    rest = search.strip()
    if not rest:
        raise SplSyntaxError("the search is empty: write | elasticsearch index=...")
    parts = [part.strip() for part in _split(rest)]
    if parts[0]:
        head = parts[0].split(None, 1)
        if head[0].lower() != "search":
            parts[0] = f"search {parts[0]}"
    else:
        parts = parts[1:]
    return [_command(part) for part in parts]


def _command(part: str) -> CommandText:
    match = _NAME.match(part)
    if match is None:
        raise SplSyntaxError(f"a command is missing before or after a pipe: {part[:60]!r}")
    return CommandText(match.group().lower(), part[match.end() :].strip())


def _split(search: str) -> List[str]:
    parts, start, position = [], 0, 0
    while position < len(search):
        character = search[position]
        if character == '"':
            position = end_of_quote(search, position)
            continue
        if character == "[":
            position = end_of_bracket(search, position)
            continue
        if character == "]":
            raise SplSyntaxError(f"a ] without its [: {search[: position + 1][-60:]!r}")
        if character == "|":
            parts.append(search[start:position])
            start = position + 1
        position += 1
    parts.append(search[start:])
    return parts


def end_of_quote(search: str, start: int) -> int:
    r"""Return the position after the quoted text that begins at ``start``; ``\"`` and ``\\`` are its escapes."""
    position = start + 1
    while position < len(search):
        if search[position] == "\\":
            position += 2
            continue
        if search[position] == '"':
            return position + 1
        position += 1
    raise SplSyntaxError(f"a quote is not closed: {search[start : start + 60]!r}")


def end_of_bracket(search: str, start: int) -> int:
    """Return the position after the subsearch that begins at ``start``."""
    position = start + 1
    while position < len(search):
        character = search[position]
        if character == '"':
            position = end_of_quote(search, position)
        elif character == "[":
            position = end_of_bracket(search, position)
        elif character == "]":
            return position + 1
        else:
            position += 1
    raise SplSyntaxError(f"a subsearch is not closed with ]: {search[start : start + 60]!r}")
