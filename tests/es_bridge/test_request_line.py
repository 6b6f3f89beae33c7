"""Names cut into requests: all of them, in order, none twice, no line too long."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from es_bridge.request_line import MOST_CHARACTERS, batches, paths

pytestmark = pytest.mark.splunk_python

NAMES = st.lists(st.text("abcü.%/ *", min_size=1, max_size=200), max_size=200)


@given(NAMES)
def test_every_name_once_and_in_order_within_a_line(names):
    found = list(batches(names))
    assert [name for batch in found for name in batch] == names
    assert all(len(quote(",".join(batch), safe="")) <= MOST_CHARACTERS for batch in found)


@given(NAMES)
def test_no_request_that_is_not_needed(names):
    found = list(batches(names))
    for batch, following in zip(found, found[1:]):
        assert len(quote(",".join([*batch, following[0]]), safe="")) > MOST_CHARACTERS - len(quote(","))


def test_a_name_that_is_too_long_alone_travels_alone():
    long = "x" * (MOST_CHARACTERS + 1)
    assert list(paths(["a", long, "b", "c"])) == ["a", long, "b,c"]


def test_of_nothing_there_is_no_request():
    assert list(paths([])) == []
