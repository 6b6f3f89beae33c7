"""What ``search`` reads: ``field=value`` with wildcards, words of the raw event, NOT, OR, AND.

Precedence is NOT, then OR, then AND, unlike in ``where``. Values are compared without regard to case, ``*`` stands for
any characters. https://help.splunk.com/en/splunk-enterprise/search/spl-search-reference/10.0/search-commands/search
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Callable, Dict, List, Optional, Pattern, Tuple

from savedsearches.runner import functions, values
from savedsearches.runner.errors import SplSyntaxError, Unverified
from savedsearches.runner.pipeline import end_of_bracket, end_of_quote
from savedsearches.runner.values import Row
from savedsearches.runner.words import unquote

Test = Callable[[Row], bool]
#: Runs a subsearch and returns its rows as a search expression.
Subsearch = Callable[[str], str]

_SIGN = re.compile(r"\s*(!=|<=|>=|==|=|<|>)\s*")
_FIELD = re.compile(r"[A-Za-z_*][\w.:{}\-*]*")
_BARE = re.compile(r'[^\s()"\[\]]+')
_VALUE = re.compile(r'[^\s()",\[\]]+')
#: Bounds of time, which are no fields of an event.
TIME_BOUNDS = ("earliest", "latest", "_index_earliest", "_index_latest")
_UNKNOWN_WORDS = re.compile(r"(?:TERM|CASE)\Z")


@dataclass(frozen=True)
class SearchTerms:
    """A compiled search: what an event has to fulfil, and the bounds of time given in its text."""

    test: Test
    bounds: Dict[str, str] = field(default_factory=dict)


def parse_search(source: str, run_subsearch: Optional[Subsearch] = None) -> SearchTerms:
    """Return the compiled search. Raises `SplSyntaxError` where it cannot be read, or is outside the subset."""
    reader = _Reader(source, run_subsearch)
    test = reader.conjunction() if reader.more() else _anything
    if reader.more():
        raise SplSyntaxError(f"search: {reader.rest()!r} is not expected here")
    return SearchTerms(test, reader.bounds)


def _anything(row: Row) -> bool:
    return True


class _Reader:
    def __init__(self, source: str, run_subsearch: Optional[Subsearch]) -> None:
        self._source = source
        self._position = 0
        self._run_subsearch = run_subsearch
        self.bounds: Dict[str, str] = {}

    def more(self) -> bool:
        while self._position < len(self._source) and self._source[self._position].isspace():
            self._position += 1
        return self._position < len(self._source)

    def rest(self) -> str:
        return self._source[self._position :][:40]

    def _keyword(self, keyword: str) -> bool:
        self.more()
        match = re.compile(keyword + r"(?=[\s()]|\Z)").match(self._source, self._position)
        if match:
            self._position = match.end()
        return bool(match)

    def conjunction(self) -> Test:
        tests = [self._disjunction()]
        while self.more() and self._source[self._position] != ")":
            self._keyword("AND")
            if not self.more():
                raise SplSyntaxError("search: something is missing after AND")
            tests.append(self._disjunction())
        return tests[0] if len(tests) == 1 else lambda row: all(test(row) for test in tests)

    def _disjunction(self) -> Test:
        tests = [self._negation()]
        while self._keyword("OR"):
            tests.append(self._negation())
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _negation(self) -> Test:
        if self._keyword("NOT"):
            inner = self._negation()
            return lambda row: not inner(row)
        return self._primary()

    def _primary(self) -> Test:
        if not self.more():
            raise SplSyntaxError("search: it ends where a condition is expected")
        character = self._source[self._position]
        if character == "(":
            self._position += 1
            inner = self.conjunction()
            if not self.more() or self._source[self._position] != ")":
                raise SplSyntaxError("search: a parenthesis is not closed")
            self._position += 1
            return inner
        if character == "[":
            return self._subsearch()
        if character == '"':
            end = end_of_quote(self._source, self._position)
            text = unquote(self._source[self._position : end])
            self._position = end
            return _raw_has(text)
        return self._condition()

    def _subsearch(self) -> Test:
        end = end_of_bracket(self._source, self._position)
        text = self._source[self._position + 1 : end - 1]
        self._position = end
        if self._run_subsearch is None:
            raise SplSyntaxError("search: a subsearch cannot be used here")
        return parse_search(self._run_subsearch(text)).test

    def _condition(self) -> Test:
        named = _FIELD.match(self._source, self._position)
        if named:
            sign = _SIGN.match(self._source, named.end())
            if sign:
                self._position = sign.end()
                if sign.group(1) == "==":
                    raise SplSyntaxError("search: write = to compare; == belongs to where and eval")
                return self._comparison(named.group(), sign.group(1))
            listed = re.compile(r"\s+IN\s*\(").match(self._source, named.end())
            if listed:
                self._position = listed.end()
                return self._one_of(named.group())
        word = _BARE.match(self._source, self._position)
        if word is None:
            raise SplSyntaxError(f"search: {self.rest()!r} cannot be read")
        text = word.group()
        if text in ("AND", "OR"):
            raise SplSyntaxError(f"search: something is missing before {text}")
        if text.lower() in ("and", "or", "not"):
            raise SplSyntaxError(f"search: write {text.upper()} in capitals, or quote the word {text!r}")
        if _UNKNOWN_WORDS.match(text) or any(sign in text for sign in "=<>|'"):
            raise SplSyntaxError(f"search: {text!r} is not in the runner's subset of SPL")
        self._position = word.end()
        return _raw_has(text)

    def _take_value(self) -> Tuple[str, bool]:
        if self.more() and self._source[self._position] == '"':
            end = end_of_quote(self._source, self._position)
            text = unquote(self._source[self._position : end])
            self._position = end
            return text, True
        word = _VALUE.match(self._source, self._position)
        if word is None:
            raise SplSyntaxError(f"search: a value is missing before {self.rest()!r}")
        if "'" in word.group():
            raise SplSyntaxError(f"search: put the value {word.group()!r} into double quotes")
        self._position = word.end()
        return word.group(), False

    def _comparison(self, name: str, sign: str) -> Test:
        value, _ = self._take_value()
        if name in TIME_BOUNDS:
            if sign != "=" or name in self.bounds:
                raise SplSyntaxError(f"search: {name} is given once, as {name}=...")
            self.bounds[name] = value
            return _anything
        if "*" in name:
            raise SplSyntaxError(f"search: wildcards in the name of a field ({name}) are not in the runner's subset")
        if sign in ("=", "!="):
            equal = _equal(name, value)
            return equal if sign == "=" else _unequal(name, equal)
        return _ordered(name, sign, value)

    def _one_of(self, name: str) -> Test:
        tests = []
        while True:
            value, _ = self._take_value()
            tests.append(_equal(name, value))
            if not self.more():
                raise SplSyntaxError(f"search: the list after {name} IN is not closed")
            character = self._source[self._position]
            if character not in ",)":
                raise SplSyntaxError(f"search: separate the values of {name} IN (...) by commas")
            self._position += 1
            if character == ")":
                return lambda row: any(test(row) for test in tests)


def _equal(name: str, value: str) -> Test:
    if "/" in value and _is_network(value):
        return lambda row: any(functions.in_network(value, text) for text in values.texts(row.get(name)))
    wanted = _wildcards(value)
    return lambda row: any(wanted.fullmatch(text) for text in values.texts(row.get(name)))


def _is_network(value: str) -> bool:
    try:
        functions.network(value)
        return True
    except SplSyntaxError:
        return False


def _unequal(name: str, equal: Test) -> Test:
    def test(row: Row) -> bool:
        found = row.get(name)
        if isinstance(found, list):
            raise Unverified(f"search: {name}!= on a field with several values. Use NOT {name}=... instead")
        return found is not None and not equal(row)

    return test


def _ordered(name: str, sign: str, value: str) -> Test:
    def test(row: Row) -> bool:
        for text in values.texts(row.get(name)):
            order = values.compare(text, value)
            if (
                (order < 0 and sign in ("<", "<="))
                or (order > 0 and sign in (">", ">="))
                or (not order and "=" in sign)
            ):
                return True
        return False

    return test


@lru_cache(maxsize=1024)
def _wildcards(value: str) -> Pattern[str]:
    parts: List[str] = [re.escape(part) for part in value.split("*")]
    return re.compile(".*".join(parts), re.IGNORECASE | re.DOTALL)


def _raw_has(text: str) -> Test:
    if text == "*":
        return _anything
    body = ".*?".join(re.escape(part) for part in text.split("*"))
    before = r"(?<![A-Za-z0-9_])" if text[:1].isalnum() else ""
    after = r"(?![A-Za-z0-9_])" if text[-1:].isalnum() else ""
    wanted = re.compile(before + body + after, re.IGNORECASE | re.DOTALL)
    return lambda row: any(wanted.search(raw) for raw in values.texts(row.get("_raw")))
