"""Patterns with ``*``: the same answers as regular expressions and `fnmatch`, without their worst case."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_bridge.errors import QueryError
from es_bridge.patterns import (
    LONGEST_PATTERN,
    MOST_PATTERNS,
    any_of,
    check_number_and_length,
    fits,
    fits_within_colons,
)

names = st.text("ab:.*\n한", max_size=12)
patterns = st.text("ab:.*\n한", max_size=8)


def expression(pattern: str, gap: str) -> str:
    return gap.join(re.escape(piece) for piece in pattern.split("*"))


@given(names, patterns)
def test_a_star_is_any_text(name: str, pattern: str) -> None:
    assert fits(name, pattern) is (re.fullmatch(expression(pattern, ".*"), name, re.DOTALL) is not None)
    assert fits(name, pattern) is fnmatchcase(name, pattern)


@given(names, patterns)
def test_a_star_is_any_text_without_a_colon(name: str, pattern: str) -> None:
    assert fits_within_colons(name, pattern) is (re.fullmatch(expression(pattern, "[^:]*"), name) is not None)


@given(names, st.lists(patterns, max_size=4))
def test_one_of_several(name: str, several: list) -> None:
    assert any_of(several)(name) is any(fits(name, pattern) for pattern in several)


@pytest.mark.parametrize("pattern", ["a?c", "[a]bc", "a.c", "a\\*c", "(abc)"])
def test_only_a_star_is_special(pattern: str) -> None:
    assert not fits("abc", pattern) and fits(pattern, pattern)


@pytest.mark.parametrize("matches", [fits, fits_within_colons])
def test_many_stars_take_no_longer_than_few(matches: object) -> None:
    # As a regular expression this would not end before the machine does.
    name = "a" * 10_000
    assert not matches(name, "*a" * 200 + "b")  # type: ignore[operator]
    assert not matches(name, "*" * 500 + "b" + "*" * 500)  # type: ignore[operator]
    assert matches(name, "*a" * 200 + "*")  # type: ignore[operator]


def test_number_and_length_are_bounded() -> None:
    check_number_and_length(["x" * LONGEST_PATTERN] * MOST_PATTERNS, "fields=", QueryError)
    with pytest.raises(QueryError, match=f"fields= holds {MOST_PATTERNS + 1} names"):
        check_number_and_length(["x"] * (MOST_PATTERNS + 1), "fields=", QueryError)
    with pytest.raises(QueryError, match=f"a name of {LONGEST_PATTERN + 1} characters"):
        check_number_and_length(["x" * (LONGEST_PATTERN + 1)], "fields=", QueryError)
