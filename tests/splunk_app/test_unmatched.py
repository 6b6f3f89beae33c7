"""What a user of Splunk reads of a query that can match nothing, on the wire; and what the audit line has."""

from __future__ import annotations

from typing import List

import pytest

from .conftest import Splunk, Store

pytestmark = pytest.mark.splunk_python


def filled(store: Store) -> str:
    return store.fill({"eventName": "CreateUser", "count": n, "flag": True} for n in range(3))


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ('query="eventname:CreateUser"', ["'eventname'", "Write instead: eventName"]),
        ('query="NOT nosuch:x"', ["'nosuch'", "under a NOT"]),
        ('query="eventName=Absent"', ["Write eventName:Absent"]),
        ('dsl="{\\"bool\\": {\\"must_not\\": [{\\"exists\\": {\\"field\\": \\"nosuch\\"}}]}}"', ["'nosuch'"]),
    ],
)
def test_it_is_a_warning(prod: Splunk, store: Store, query: str, words: List[str]) -> None:
    ended = prod.run(f"| elasticsearch index={filled(store)} {query}").done
    ((level, text),) = ended.messages
    assert level == "WARN" and all(word in text for word in words)
    assert 'unmatched="1"' in ended.audit


def test_nothing_is_said_of_what_is_right(prod: Splunk, store: Store) -> None:
    ended = prod.run(f'| elasticsearch index={filled(store)} query="eventName.keyword:CreateUser AND count:>0"').done
    assert (len(ended.rows), ended.messages) == (2, [])
    assert "unmatched=- " in ended.audit


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('query="eventname:x" unknown_fields=fail', "'eventname'"),
        ('query="count:abc"', "'count' (long) cannot hold"),
        ('query="a:b:c"', "cannot be read at character 4"),
        ('query="a" unknown_fields=maybe', "use warn or fail or ignore"),
    ],
)
def test_it_is_an_error(prod: Splunk, store: Store, options: str, words: str) -> None:
    ended = prod.run(f"| elasticsearch index={filled(store)} {options}")
    assert words in ended.error
    assert 'outcome="failed"' in ended.audit


def test_it_can_be_ignored(prod: Splunk, store: Store) -> None:
    ended = prod.run(f'| elasticsearch index={filled(store)} query="nosuch:x OR count:abc" unknown_fields=ignore').done
    assert (ended.rows, ended.messages) == ([], [])
