"""``where=``: which rows stay, by comparing their columns, as SPL's ``where`` compares.

``NOT``, ``AND``, ``OR`` (in this order) and parentheses around ``column op value``; either side is a column, a number
or a text in double quotes. A column with other characters than letters, digits and ``_ . { }`` stands in single quotes.
Two numbers, or texts that look like numbers, compare as numbers, anything else as texts. Comparing a column without a
value is neither true nor false: such a row goes.

It is applied to all rows, not sent to the engine: there it would have to be a script.
"""

from __future__ import annotations

import re
from typing import Any, Callable, List, Mapping, NamedTuple, Optional, Sequence

from es_bridge.aggregations.values import compare
from es_bridge.errors import QueryError

Row = Mapping[str, Any]
#: What a condition says of a row; ``None``: neither true nor false.
Test = Callable[[Row], Optional[bool]]

_LONGEST = 2000
_MOST_TOKENS = 200
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![\w.]))
  | (?P<text>"(?:[^"\\]|\\.)*")
  | (?P<quoted>'(?:[^'\\]|\\.)*')
  | (?P<sign><=|>=|!=|==|=|<|>)
  | (?P<bracket>[()])
  | (?P<name>[A-Za-z_][\w.{}]*(?:\([^()"']*\))?)
    )""",
    re.VERBOSE | re.DOTALL,
)
_SIGNS: Mapping[str, Callable[[int], bool]] = {
    "=": lambda order: order == 0,
    "==": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order < 0,
    ">": lambda order: order > 0,
    "<=": lambda order: order <= 0,
    ">=": lambda order: order >= 0,
}


class _Token(NamedTuple):
    kind: str
    text: str


def parse_condition(text: str, columns: Sequence[str]) -> Test:
    """Return what tells whether a row stays. Raises `QueryError` for what is no condition on ``columns``."""
    if len(text) > _LONGEST:
        raise QueryError(f"where= has {len(text)} characters: at most {_LONGEST} are allowed. Use | where")
    tokens: List[_Token] = []
    at = 0
    while text[at:].strip():
        match = _TOKEN.match(text, at)
        if match is None:
            raise QueryError(f"where= cannot be read at {text[at:].strip()[:40]!r}. {_HELP}")
        kind = str(match.lastgroup)
        tokens.append(_Token(kind, match[kind]))
        at = match.end()
    if not tokens:
        raise QueryError(f"where= is empty. {_HELP}")
    if len(tokens) > _MOST_TOKENS:
        raise QueryError(f"where= holds {len(tokens)} words: at most {_MOST_TOKENS} are allowed. Use | where")
    reader = _Reader(tokens, columns)
    test = reader.any_of()
    reader.end()
    return test


_HELP = 'Compare columns, such as where="count>10 AND (ips>=3 OR eventName=\\"ConsoleLogin\\")"; for more use | where'


class _Reader:
    def __init__(self, tokens: List[_Token], columns: Sequence[str]) -> None:
        self._tokens = tokens
        self._columns = columns
        self._at = 0

    def any_of(self) -> Test:
        return self._joined("or", self._all_of, _or)

    def end(self) -> None:
        if self._at < len(self._tokens):
            raise QueryError(f"where= has {self._tokens[self._at].text[:40]!r} where it should end. {_HELP}")

    def _all_of(self) -> Test:
        return self._joined("and", self._negated, _and)

    def _joined(self, word: str, part: Callable[[], Test], join: Callable[[List[Test]], Test]) -> Test:
        parts = [part()]
        while self._is_word(word):
            self._at += 1
            parts.append(part())
        return join(parts) if len(parts) > 1 else parts[0]

    def _negated(self) -> Test:
        if self._is_word("not"):
            self._at += 1
            inner = self._negated()
            return lambda row: None if inner(row) is None else not inner(row)
        if self._peek() == _Token("bracket", "("):
            self._at += 1
            inner = self.any_of()
            if self._peek() != _Token("bracket", ")"):
                raise QueryError(f"where= lacks a closing parenthesis. {_HELP}")
            self._at += 1
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        left = self._operand()
        sign = self._peek()
        if sign is None or sign.kind != "sign":
            raise QueryError(f"where= lacks a comparison (= != < > <= >=). {_HELP}")
        self._at += 1
        right = self._operand()
        holds = _SIGNS[sign.text]

        def test(row: Row) -> Optional[bool]:
            one, other = left(row), right(row)
            if one is None or other is None:
                return None
            ones = one if isinstance(one, list) else [one]
            others = other if isinstance(other, list) else [other]
            return any(holds(compare(a, b)) for a in ones for b in others)

        return test

    def _operand(self) -> Callable[[Row], Any]:
        token = self._peek()
        self._at += 1
        if token is None:
            raise QueryError(f"where= ends where a column or a value is expected. {_HELP}")
        if token.kind == "number":
            return lambda _row: token.text
        if token.kind == "text":
            text = _unquoted(token.text)
            return lambda _row: text
        name = _unquoted(token.text) if token.kind == "quoted" else token.text
        if token.kind in ("quoted", "name") and name in self._columns:
            return lambda row: row.get(name)
        if token.kind not in ("quoted", "name"):
            raise QueryError(f"where= has {token.text!r} where a column or a value is expected. {_HELP}")
        raise QueryError(
            f"where= names {name[:60]!r}, which is no column. Columns: {', '.join(self._columns)}. A text stands in "
            "double quotes"
        )

    def _peek(self) -> Optional[_Token]:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _is_word(self, word: str) -> bool:
        token = self._peek()
        return token is not None and token.kind == "name" and token.text.lower() == word


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _or(parts: List[Test]) -> Test:
    def test(row: Row) -> Optional[bool]:
        said = [part(row) for part in parts]
        return True if True in said else (None if None in said else False)

    return test


def _and(parts: List[Test]) -> Test:
    def test(row: Row) -> Optional[bool]:
        said = [part(row) for part in parts]
        return False if False in said else (None if None in said else True)

    return test
