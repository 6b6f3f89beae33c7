"""One generating command line, taken apart as Splunk's search language does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import List

_WORD = re.compile(r'(?:"(?:[^"\\]|\\.)*"|[^\s"|])+', re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class CommandLineError(ValueError):
    """The text is not one command line; ``str()`` says why."""


@dataclass(frozen=True)
class CommandLine:
    """A command with its arguments twice, as splunkd sends them: without the user's quotes, and as typed."""

    command: str
    args: List[str]
    raw_args: List[str]


def parse_command_line(text: str) -> CommandLine:
    r"""Return the parts of ``| name option="value" ...``; ``\"`` and ``\\`` are the escapes inside quotes.

    Raises `CommandLineError` for an open quote, and for a second command: only the first one of a search is run here.
    """
    rest = text.strip()
    rest = rest[1:].lstrip() if rest.startswith("|") else rest
    words: List[str] = []
    while rest:
        match = _WORD.match(rest)
        if match is None:
            if rest.startswith("|"):
                raise CommandLineError(f"only one command can be run here: leave out {rest!r}")
            raise CommandLineError(f"a quote is not closed: {rest!r}")
        words.append(match.group())
        rest = rest[match.end() :].lstrip()
    if not words:
        raise CommandLineError("no command given: write | elasticsearch index=... ")
    return CommandLine(words[0], [_QUOTED.sub(_value, word) for word in words[1:]], words[1:])


def _value(match: re.Match[str]) -> str:
    return re.sub(r'\\(["\\])', r"\1", match.group(1))
