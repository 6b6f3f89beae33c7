"""So many calls a second, with a burst."""

import pytest

from aws_bridge.accounts.rate import Rate

pytestmark = pytest.mark.splunk_python


def test_a_burst_is_free_then_calls_are_apart_and_a_pause_fills_the_bucket_again():
    now = [100.0]
    rate = Rate(3, 6, lambda: now[0])
    assert [rate.wait_s() for _ in range(6)] == [0.0] * 6
    assert [round(rate.wait_s(), 3) for _ in range(3)] == [0.333, 0.667, 1.0]
    now[0] += 1.0  # the three are paid for
    assert round(rate.wait_s(), 3) == 0.333
    now[0] += 3600
    assert [rate.wait_s() for _ in range(6)] == [0.0] * 6
    assert rate.wait_s() > 0
