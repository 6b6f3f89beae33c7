"""Waits between attempts: doubled up to a longest one, and never the same for everybody."""

import pytest

from es_bridge.backoff import Backoff

pytestmark = pytest.mark.splunk_python


def test_the_ceiling_doubles_up_to_the_longest_wait():
    backoff = Backoff(first_s=0.25, longest_s=15.0)
    assert [backoff.ceiling_s(attempt) for attempt in range(8)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert backoff.ceiling_s(10_000) == 15.0
    assert backoff.ceiling_s(-1) == 0.25


def test_waits_are_drawn_from_half_of_the_ceiling_to_all_of_it():
    waits = [Backoff(8.0, 60.0).wait_s(1) for _ in range(500)]
    assert all(8.0 <= wait <= 16.0 for wait in waits)
    assert min(waits) < 10.0 and max(waits) > 14.0
