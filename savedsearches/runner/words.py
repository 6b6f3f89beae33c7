r"""Arguments of a command as words: bare, quoted, ``key=value``, commas, parentheses, subsearches.

Inside double quotes ``\"`` is a quote and ``\\`` a backslash; any other backslash stays, as regular expressions
need it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from savedsearches.runner.errors import SplSyntaxError
from savedsearches.runner.pipeline import end_of_bracket, end_of_quote

_BARE = re.compile(r'[^\s",()\[\]=]+')
_WHOLE = re.compile(r"[0-9]+")


@dataclass(frozen=True)
class Word:
    """One word. ``kind``: ``word``, ``quoted``, ``option`` (``name=value``), ``subsearch`` or ``mark`` (``,()=``)."""

    kind: str
    value: str
    name: str = ""

    def is_keyword(self, keyword: str) -> bool:
        """Return whether this is that keyword, in any case and without quotes."""
        return self.kind == "word" and self.value.lower() == keyword


def unquote(quoted: str) -> str:
    """Return what a text between double quotes means."""
    return re.sub(r'\\(["\\])', r"\1", quoted[1:-1])


def words_of(arguments: str) -> List[Word]:
    """Return the words of a command's arguments in order. Raises `SplSyntaxError` for an open quote or bracket."""
    words: List[Word] = []
    position = 0
    while position < len(arguments):
        character = arguments[position]
        if character.isspace():
            position += 1
            continue
        if character == '"':
            end = end_of_quote(arguments, position)
            words.append(Word("quoted", unquote(arguments[position:end])))
        elif character == "[":
            end = end_of_bracket(arguments, position)
            words.append(Word("subsearch", arguments[position + 1 : end - 1]))
        elif character in ",()=":
            end = position + 1
            words.append(Word("mark", character))
        else:
            match = _BARE.match(arguments, position)
            if match is None:
                raise SplSyntaxError(f"{character!r} is not expected here: {arguments[position : position + 40]!r}")
            end = match.end()
            words.append(Word("word", match.group()))
        position = end
    return _options(words)


def _options(words: Sequence[Word]) -> List[Word]:
    """Return the words with ``name = value`` put together, with blanks around the sign or without."""
    joined: List[Word] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word.kind == "word" and position + 1 < len(words) and words[position + 1] == Word("mark", "="):
            if position + 2 >= len(words) or words[position + 2].kind not in ("word", "quoted"):
                raise SplSyntaxError(f"a value is missing after {word.value}=")
            joined.append(Word("option", words[position + 2].value, word.value))
            position += 3
            continue
        joined.append(word)
        position += 1
    return joined


class Arguments:
    """Words of a command, read from left to right; what is left over at the end is an error."""

    def __init__(self, command: str, arguments: str) -> None:
        self.command = command
        self._words = words_of(arguments)
        self._position = 0

    def options(self, known: Sequence[str]) -> Dict[str, str]:
        """Take every ``name=value``, wherever it stands. Raises `SplSyntaxError` for an unknown or repeated one."""
        found: Dict[str, str] = {}
        rest = []
        for word in self._words:
            if word.kind != "option":
                rest.append(word)
                continue
            name = word.name.lower()
            if name not in known:
                has = f"its options are {', '.join(known)}" if known else "it has no options"
                raise SplSyntaxError(f"{self.command} has no option {word.name}= here: {has}")
            if name in found:
                raise SplSyntaxError(f"{self.command}: {word.name}= is given twice")
            found[name] = word.value
        self._words = rest
        return found

    def peek(self) -> Optional[Word]:
        """Return the next word without taking it; ``None`` at the end."""
        return self._words[self._position] if self._position < len(self._words) else None

    def take(self) -> Optional[Word]:
        """Take the next word; ``None`` at the end."""
        word = self.peek()
        self._position += word is not None
        return word

    def take_keyword(self, keyword: str) -> bool:
        """Take the next word if it is that keyword."""
        word = self.peek()
        if word is not None and word.is_keyword(keyword):
            self._position += 1
            return True
        return False

    def take_mark(self, mark: str) -> bool:
        """Take the next word if it is that mark."""
        if self.peek() == Word("mark", mark):
            self._position += 1
            return True
        return False

    def take_comma(self) -> None:
        """Take the next word if it is a comma. Raises `SplSyntaxError` where nothing follows it."""
        if self.take_mark(",") and self.peek() is None:
            raise SplSyntaxError(f"{self.command}: something is missing after the comma")

    def subsearch(self) -> str:
        """Take the next word, which has to be a subsearch, and return its text."""
        word = self.take()
        if word is None or word.kind != "subsearch":
            raise SplSyntaxError(f"{self.command} needs a subsearch in square brackets here")
        return word.value

    def name(self, what: str = "a field") -> str:
        """Take a name, bare or quoted."""
        word = self.take()
        if word is None or word.kind not in ("word", "quoted"):
            raise SplSyntaxError(f"{self.command}: {what} is missing")
        return word.value

    def fields(self) -> List[str]:
        """Take a list of field names, with commas between them or without."""
        names: List[str] = []
        while True:
            word = self.peek()
            if word is None or word.kind not in ("word", "quoted"):
                return names
            self._position += 1
            names.append(word.value)
            self.take_comma()

    def end(self) -> None:
        """Raise `SplSyntaxError` unless everything was taken."""
        word = self.peek()
        if word is not None:
            shown = f"{word.name}={word.value}" if word.kind == "option" else word.value
            raise SplSyntaxError(f"{self.command}: {shown!r} is not expected here")


def whole(command: str, name: str, value: str, least: int = 0) -> int:
    """Return the number of an option. Raises `SplSyntaxError` for any other text."""
    if not _WHOLE.fullmatch(value) or int(value) < least:
        raise SplSyntaxError(f"{command}: {name}={value} is not a whole number of at least {least}")
    return int(value)


def switch(command: str, name: str, value: str) -> bool:
    """Return a boolean option: ``true``, ``t`` or ``1``, and ``false``, ``f`` or ``0``."""
    if value.lower() in ("true", "t", "1"):
        return True
    if value.lower() in ("false", "f", "0"):
        return False
    raise SplSyntaxError(f"{command}: {name}={value} is neither true nor false")


def chosen(command: str, name: str, value: str, values: Tuple[str, ...]) -> str:
    """Return the value of an option that has a few. Raises `SplSyntaxError` for any other."""
    if value.lower() not in values:
        raise SplSyntaxError(f"{command}: {name}={value} is not one of {', '.join(values)}")
    return value.lower()
