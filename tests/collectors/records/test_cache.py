"""Caches of what attackers may choose: bounded in number and in length."""

from __future__ import annotations

import pytest

from collectors.records.cache import BoundedDict, bounded_cache


def test_what_was_made_once_is_not_made_again():
    made = []

    @bounded_cache(most=3)
    def shouted(text):
        made.append(text)
        return text.upper()

    assert [shouted[text] for text in "aabab"] == [*"AABAB"]
    assert made == ["a", "b"]


def test_a_full_cache_is_begun_anew():
    @bounded_cache(most=3)
    def shouted(text):
        return text.upper()

    assert [shouted[text] for text in "abcd"] == [*"ABCD"]
    assert shouted == {"d": "D"}


def test_what_is_too_long_is_made_and_not_kept():
    @bounded_cache(most=3, longest=4, size=lambda key: len(key[0]))
    def joined(key):
        text, number = key
        return text * number

    assert joined["a" * 5, 2] == "a" * 10
    assert not joined
    assert joined["a" * 4, 2] == "a" * 8
    assert list(joined) == [("aaaa", 2)]


def test_an_error_is_not_remembered():
    @bounded_cache(most=3)
    def number(text):
        return int(text)

    with pytest.raises(ValueError, match="invalid literal"):
        number["x"]
    assert not number


def test_a_dictionary_keeps_what_it_is_given_within_its_bounds():
    known: BoundedDict[bytes, int] = BoundedDict(most=2, longest=3)
    known.keep(b"long", 1)
    assert not known
    for number, key in enumerate((b"a", b"b", b"c")):
        known.keep(key, number)
    assert known == {b"c": 2}
